@tool
extends "chart.gd"
## Time line of latencies: for each column of pixels the span from the shortest to the longest call in it. One model
## with its percentiles, or several over each other. Control+wheel zooms the vertical axis.

## A call was clicked.
signal call_selected(series: int, index: int)

const Axes := preload("res://addons/executorch/editor/profiler/charts/axes.gd")
const ColumnLayer := preload("res://addons/executorch/editor/profiler/charts/column_layer.gd")
const LatencyStatistics := preload("res://addons/executorch/editor/shared/latency_statistics.gd")
## A call this many times longer than p99 would flatten all others: it is cut and marked.
const OUTLIER: float = 6.0

## Followed stretch of time, microseconds; 0 = everything.
var live_window_us: float = 0.0
## Time of one frame of the game, 0 = no line.
var budget_us: float = 0.0
## Time of the frozen call, negative = none.
var marked_us: float = -1.0

var _names: PackedStringArray = []
var _series: Array[LatencyStatistics] = []
var _colors: PackedInt32Array = []
## One for each series, above the grid.
var _layers: Array[ColumnLayer] = []
## The overlay above the columns.
var _marks: Control = Control.new()
var _top_us: float = 1.0
var _vertical_zoom: float = 1.0


func _init() -> void:
	super()
	title = "Time line of latencies"
	_marks.mouse_filter = Control.MOUSE_FILTER_IGNORE
	_marks.set_anchors_preset(Control.PRESET_FULL_RECT)
	_marks.draw.connect(_draw_marks)
	add_child(_marks)


## The drawn models: names, statistics and palette indices, equally many.
func show_series(names: PackedStringArray, series: Array[LatencyStatistics], colors: PackedInt32Array) -> void:
	if series != _series:
		for layer: ColumnLayer in _layers:
			layer.queue_free()
		_layers.clear()
		for index: int in series.size():
			_layers.append(ColumnLayer.new())
			add_child(_layers[index])
		move_child(_marks, -1)
	_names = names
	_series = series
	_colors = colors
	queue_redraw()


func fit() -> void:
	super()
	if live_window_us > 0.0:
		view_begin = maxf(view_begin, view_end - live_window_us)
	else:
		# The end moves in steps of a hundredth or so, and so does the scale: the drawing stays the same for a while.
		var span: float = view_end - view_begin
		var grain: float = pow(2.0, floorf(log(span) / log(2.0))) / 64.0
		view_end = view_begin + ceilf(span / grain) * grain


func is_empty() -> bool:
	return _series.all(func(one: LatencyStatistics) -> bool: return one.held == 0)


func _limits() -> PackedFloat64Array:
	var begin: float = INF
	var end: float = -INF
	for one: LatencyStatistics in _series:
		if one.held > 0:
			begin = minf(begin, one.first_time_us())
			end = maxf(end, one.last_time_us() + one.duration_us(one.held - 1))
	return [begin, end] if end > begin else [0.0, 1.0]


func _smallest_view() -> float:
	return 50.0


func _draw() -> void:
	super()
	for layer: ColumnLayer in _layers:
		layer.visible = not is_empty()
	_marks.queue_redraw()


func _draw_chart(area: Rect2) -> void:
	# One for each pixel of a screen at 100%: a single call is seen at 200% too.
	var columns: int = int(area.size.x / style.px(1))
	var step: float = (view_end - view_begin) / columns
	var longest: float = 0.0
	var usual: float = 0.0
	for index: int in _series.size():
		_layers[index].columns.update(_series[index], floori(view_begin / step), step, columns)
		for high: float in _layers[index].columns.highs:
			if high > longest:
				longest = high
		usual = maxf(usual, _series[index].percentile(99.0))
	_set_top(longest, usual)
	_draw_grid(area)
	for index: int in _series.size():
		_show_columns(area, _layers[index], style.series(_colors[index]))


## Percentiles, the frame's budget and the frozen call, which columns would hide.
func _draw_marks() -> void:
	if is_empty():
		return
	var area: Rect2 = plot()
	for layer: ColumnLayer in _layers:
		_draw_cut(area, layer.columns.highs)
	if _series.size() == 1:
		_draw_percentiles(area)
	if budget_us > 0.0:
		var label: String = "frame %s" % Quantity.time(budget_us)
		Axes.draw_level(_marks, style, area, _y_of(area, budget_us), style.bad())
		Axes.draw_level_label(_marks, style, area, _y_of(area, budget_us), label, style.bad(), area.size.x * 0.7)
	if marked_us >= view_begin and marked_us <= view_end:
		Axes.draw_mark(_marks, style, area, x_of(marked_us), style.selection)
		Axes.draw_mark_label(_marks, style, area, x_of(marked_us), "frozen", style.selection)


func _set_top(longest: float, usual: float) -> void:
	var top: float = longest
	if usual > 0.0 and longest > usual * OUTLIER:
		top = usual * 2.0
	top = maxf(top * 1.08, 0.1) / _vertical_zoom
	var step: float = Quantity.tick_step(top, _most_ticks())
	_top_us = ceilf(top / step) * step


func _most_ticks() -> int:
	return clampi(int(plot().size.y / (style.line_height() * 1.8)), 2, 8)


func _draw_grid(area: Rect2) -> void:
	Axes.draw_values(self, style, area, _top_us, Quantity.tick_step(_top_us, _most_ticks()), Quantity.time)
	var most: int = maxi(int(area.size.x / style.px(90)), 1)
	var step: float = Quantity.tick_step((view_end - view_begin) / 1e6, most) * 1e6
	var to_text: Callable = func(at_us: float) -> String: return _moment(at_us, step)
	Axes.draw_steps(self, style, area, view_begin, view_end, step, to_text)


func _moment(at_us: float, step_us: float = 1000.0) -> String:
	var decimals: int = clampi(ceili(-log(step_us / 1e6) / log(10.0) - 1e-6), 0, 6)
	return "%.*f s" % [decimals, at_us / 1e6]


func _show_columns(area: Rect2, layer: ColumnLayer, color: Color) -> void:
	# Calls that come now and then stand alone: a pin each, else they cannot be seen.
	if _is_sparse(layer.columns.lows):
		layer.show_columns(area, _top_us, color, style.px(4), 1, 0.4)
	else:
		layer.show_columns(area, _top_us, color, style.px(2), 0, 0.22 if _series.size() == 1 else 0.0)


func _is_sparse(lows: PackedFloat32Array) -> bool:
	var empty: int = 0
	for low: float in lows:
		empty += int(is_nan(low))
	return empty * 4 > lows.size() * 3


## Small triangles at the top where calls were longer than the axis.
func _draw_cut(area: Rect2, highs: PackedFloat32Array) -> void:
	var half: float = style.px(4)
	var free_from: float = -INF
	for column: int in highs.size():
		var tip: Vector2 = area.position + Vector2((column + 0.5) * area.size.x / highs.size(), 0.0)
		if tip.x < free_from or not highs[column] > _top_us:
			continue
		free_from = tip.x + half
		var corners: PackedVector2Array = [tip, tip + Vector2(-half, half * 1.6), tip + Vector2(half, half * 1.6)]
		_marks.draw_colored_polygon(corners, style.bad())


func _draw_percentiles(area: Rect2) -> void:
	var one: LatencyStatistics = _series[0]
	var indent: float = 0.0
	var before: float = INF
	for percent: float in [50.0, 90.0, 99.0]:
		Axes.draw_level(_marks, style, area, _y_of(area, one.percentile(percent)), style.text)
	for percent: float in [50.0, 90.0, 99.0]:
		var value: float = one.percentile(percent)
		var label: String = "p%d %s" % [int(percent), Quantity.time(value)]
		# Labels of lines that are close stand side by side.
		var y: float = _y_of(area, value)
		indent = indent if before - y < style.line_height() else 0.0
		Axes.draw_level_label(_marks, style, area, y, label, style.text, indent)
		indent += style.width_of(label) + style.px(12)
		before = y


func _y_of(area: Rect2, duration_us: float) -> float:
	return roundf(area.end.y - duration_us / _top_us * area.size.y) + 0.5


func _describe(at: Vector2) -> PackedStringArray:
	var found: Vector2i = _call_at(at)
	if found.x < 0:
		return []
	var one: LatencyStatistics = _series[found.x]
	var lines: PackedStringArray = [
		"%s: %s" % [_names[found.x], Quantity.time(one.duration_us(found.y))],
		Quantity.exact_time(one.duration_us(found.y)),
		"call %s at %s" % [Quantity.grouped(one.count - one.held + found.y + 1), _moment(one.time_us(found.y))],
	]
	var here: int = one.index_at(value_at(at.x + 0.5)) - one.index_at(value_at(at.x - 0.5))
	if here > 1:
		lines.append("the longest of %s calls in this pixel" % Quantity.grouped(here))
	return lines


func _draw_hover(canvas: Control, at: Vector2) -> void:
	var found: Vector2i = _call_at(at)
	if found.x < 0:
		return
	var area: Rect2 = plot()
	var one: LatencyStatistics = _series[found.x]
	var x: float = x_of(one.time_us(found.y))
	var y: float = maxf(_y_of(area, one.duration_us(found.y)), area.position.y)
	canvas.draw_line(Vector2(x, area.position.y), Vector2(x, area.end.y), Color(style.text, 0.3), 1.0)
	canvas.draw_circle(Vector2(x, y), style.px(3), style.selection)


func _clicked(at: Vector2) -> void:
	var found: Vector2i = _call_at(at)
	if found.x >= 0:
		call_selected.emit(found.x, found.y)


## Series and index of the call that the pointer means: the longest within a few pixels, of the nearest series.
func _call_at(at: Vector2) -> Vector2i:
	var area: Rect2 = plot()
	var best: Vector2i = Vector2i(-1, -1)
	var nearest: float = INF
	var reach: float = style.px(4)
	for index: int in _series.size():
		var one: LatencyStatistics = _series[index]
		var call_index: int = one.longest(one.index_at(value_at(at.x - 0.5)), one.index_at(value_at(at.x + 0.5)))
		if call_index < 0:
			call_index = one.longest(one.index_at(value_at(at.x - reach)), one.index_at(value_at(at.x + reach)))
		if call_index < 0:
			continue
		var off: float = absf(_y_of(area, one.duration_us(call_index)) - at.y)
		if off < nearest:
			nearest = off
			best = Vector2i(index, call_index)
	return best


func _on_button(event: InputEventMouseButton) -> void:
	var closer: bool = event.button_index == MOUSE_BUTTON_WHEEL_UP
	if event.is_command_or_control_pressed() and (closer or event.button_index == MOUSE_BUTTON_WHEEL_DOWN):
		if event.pressed:
			_vertical_zoom = clampf(_vertical_zoom * (1.25 if closer else 0.8), 0.05, 1000.0)
			queue_redraw()
		accept_event()
		return
	super(event)


func reset_view() -> void:
	_vertical_zoom = 1.0
	super()
