@tool
extends "chart.gd"
## One call as nested bars over time: the method, its operators and delegates, and the operators inside of delegates.
## Colours stand for the backend; a click selects an operator.

## An event of the trace was clicked; -1 when the selection was taken back.
signal event_selected(index: int)

const Axes := preload("res://addons/executorch/editor/profiler/charts/axes.gd")
const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const OperatorNames := preload("res://addons/executorch/editor/shared/operator_names.gd")

var selected: int = -1

var _trace: CallTrace
var _self_us: PackedFloat64Array = []
var _rows: Array[PackedInt32Array] = []
var _backends: PackedStringArray = []
var _span_us: float = 0.0
var _highlight: String = ""
var _shades: PackedByteArray = []


func _init() -> void:
	super()
	title = "Operators of a call"
	margins = Vector4(8, 6, 8, 20)


func show_trace(trace: CallTrace) -> void:
	_trace = trace
	_rows.clear()
	_backends = PackedStringArray()
	selected = -1
	follows = true
	if trace != null:
		_self_us = trace.self_times_us()
		_span_us = trace.span_us()
		for depth: int in trace.deepest() + 1:
			_rows.append(PackedInt32Array())
		_shades.resize(trace.size())
		for index: int in trace.size():
			_shades[index] = _rows[trace.depths[index]].size() % 2
			_rows[trace.depths[index]].append(index)
			var kind: String = trace.kind_of(index)
			if not _backends.has(kind):
				_backends.append(kind)
	queue_redraw()


func get_trace() -> CallTrace:
	return _trace


## What an event is called, as in the list of operators.
func title_of(index: int) -> String:
	return OperatorNames.title(_trace.names[index], _trace.backends[index])


## The colour of a delegate, of "kernels" or of "method".
func color_of_kind(kind: String) -> Color:
	if kind == "method":
		return style.background.lerp(style.text, 0.28)
	# As in the graph and the inspector: delegates are blue first, kernels always orange.
	if kind == "kernels":
		return style.series(1)
	var delegates: Array = Array(_backends).filter(func(each: String) -> bool: return not each in ["method", "kernels"])
	return style.series(maxi(delegates.find(kind), 0) * 2)


## Highlights all events of this name, as selected in the table; empty = none.
func highlight(event_name: String) -> void:
	_highlight = event_name
	queue_redraw()


func is_empty() -> bool:
	return _trace == null


func _limits() -> PackedFloat64Array:
	return [0.0, maxf(_span_us, 0.001)]


func _smallest_view() -> float:
	return maxf(_span_us * 1e-4, 0.01)


func _draw_chart(area: Rect2) -> void:
	var most: int = maxi(int(area.size.x / style.px(90)), 1)
	var step: float = Quantity.tick_step(view_end - view_begin, most)
	Axes.draw_steps(self, style, area, view_begin, view_end, step, Quantity.time)
	for depth: int in _rows.size():
		_draw_row(area, depth)
	_draw_legend(area)


func _draw_row(area: Rect2, depth: int) -> void:
	var height: float = _row_height(area)
	var y: float = area.position.y + _legend_height() + depth * height
	var drawn_to: float = -INF
	for index: int in _rows[depth]:
		var left: float = maxf(x_of(_trace.starts_us[index]), area.position.x)
		var right: float = minf(x_of(_trace.starts_us[index] + _trace.durations_us[index]), area.end.x)
		if right < area.position.x or left > area.end.x:
			continue
		# Events within one pixel look the same; drawing only the first keeps long traces fast.
		if right <= drawn_to and index != selected:
			continue
		right = maxf(right, left + 1.0)
		drawn_to = floorf(right)
		var bar: Rect2 = Rect2(left, y, right - left, height - style.px(2))
		var color: Color = _color_of(index)
		draw_rect(bar, color)
		if bar.size.x > 3.0:
			draw_line(Vector2(bar.end.x - 0.5, y), Vector2(bar.end.x - 0.5, bar.end.y), style.background, 1.0)
		if bar.size.x > style.px(22) and bar.size.y >= style.line_height() - 2.0:
			_draw_label(bar, index, color)
		if index == selected:
			draw_rect(bar.grow(-style.px(1)), style.selection, false, style.px(2))


func _draw_label(bar: Rect2, index: int, color: Color) -> void:
	var words: String = title_of(index)
	var time: String = Quantity.time(_trace.durations_us[index])
	var pad: float = style.px(5)
	var at: Vector2 = Vector2(bar.position.x + pad, bar.position.y + (bar.size.y - style.line_height()) / 2.0)
	if style.width_of(words + "  " + time) < bar.size.x - pad * 2.0:
		words += "  " + time
	style.draw_clipped(self, at, words, bar.size.x - pad * 2.0, style.text_on(color))


func _draw_legend(area: Rect2) -> void:
	var x: float = area.position.x
	var side: float = style.px(10)
	for index: int in _backends.size():
		if x + side * 3.0 > area.end.x:
			break
		var box: Rect2 = Rect2(x, area.position.y + (style.line_height() - side) / 2.0, side, side)
		draw_rect(box, color_of_kind(_backends[index]))
		var at: Vector2 = Vector2(x + side + style.px(4), area.position.y)
		var words: String = OperatorNames.backend_title(_backends[index])
		style.draw_clipped(self, at, words, area.end.x - at.x, style.dim_text)
		x += side + style.px(18) + style.width_of(words)


func _color_of(index: int) -> Color:
	var color: Color = color_of_kind(_trace.kind_of(index))
	if not _highlight.is_empty() and _trace.names[index] != _highlight:
		return color.lerp(style.background, 0.7)
	# Two shades separate neighbours of one colour.
	return color if _shades[index] == 0 else color.lerp(style.background, 0.18)


func _legend_height() -> float:
	return style.line_height() + style.px(6)


func _row_height(area: Rect2) -> float:
	var height: float = (area.size.y - _legend_height()) / maxi(_rows.size(), 1)
	return floorf(clampf(height, style.px(6), style.px(40)))


func _event_at(at: Vector2) -> int:
	var area: Rect2 = plot()
	var depth: int = floori((at.y - area.position.y - _legend_height()) / _row_height(area))
	if depth < 0 or depth >= _rows.size():
		return -1
	for index: int in _rows[depth]:
		var left: float = x_of(_trace.starts_us[index])
		var right: float = maxf(x_of(_trace.starts_us[index] + _trace.durations_us[index]), left + 1.0)
		if at.x >= left and at.x < right:
			return index
	return -1


func _describe(at: Vector2) -> PackedStringArray:
	var index: int = _event_at(at)
	if index < 0:
		return []
	var duration: float = _trace.durations_us[index]
	var lines: PackedStringArray = [
		title_of(index),
		"%s, %s of the call" % [Quantity.exact_time(duration), Quantity.percent(_trace.share_of(index))],
		"from %s" % Quantity.exact_time(_trace.starts_us[index]),
	]
	if _self_us[index] < duration * 0.9995:
		lines.append("own time %s" % Quantity.exact_time(_self_us[index]))
	lines.append(OperatorNames.backend_title(_trace.kind_of(index)))
	if _trace.instructions[index] >= 0:
		lines.append("instruction %d" % _trace.instructions[index])
	return lines


func _draw_hover(canvas: Control, at: Vector2) -> void:
	var index: int = _event_at(at)
	if index < 0:
		return
	var area: Rect2 = plot()
	var height: float = _row_height(area)
	var left: float = maxf(x_of(_trace.starts_us[index]), area.position.x)
	var right: float = minf(x_of(_trace.starts_us[index] + _trace.durations_us[index]), area.end.x)
	var y: float = area.position.y + _legend_height() + _trace.depths[index] * height
	canvas.draw_rect(Rect2(left, y, maxf(right - left, 1.0), height - style.px(2)), Color(style.selection, 0.25))


func _clicked(at: Vector2) -> void:
	var index: int = _event_at(at)
	selected = index
	event_selected.emit(index)
	queue_redraw()


func _on_key(event: InputEventKey) -> bool:
	if event.keycode == KEY_ENTER and selected >= 0:
		var margin: float = _trace.durations_us[selected] * 0.1
		var start: float = _trace.starts_us[selected]
		show_range(start - margin, start + _trace.durations_us[selected] + margin)
		return true
	return super(event)
