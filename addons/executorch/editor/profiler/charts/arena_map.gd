@tool
extends "chart.gd"
## The planned arenas as a map: instructions from left to right, addresses from bottom to top, one box for each tensor.
## A line shows the bytes in use.

const Axes := preload("res://addons/executorch/editor/profiler/charts/axes.gd")
const MemoryPlan := preload("res://addons/executorch/editor/profiler/data/memory_plan.gd")

var _plan: MemoryPlan
var _live: PackedInt64Array = []
var _peak: int = 0
var _bases: PackedInt64Array = []
var _total: int = 0
var _selected: int = -1


func _init() -> void:
	super()
	title = "Planned arenas"
	margins = Vector4(66, 22, 10, 20)


func show_plan(plan: MemoryPlan) -> void:
	_plan = plan if plan != null and plan.size() > 0 else null
	_selected = -1
	follows = true
	if _plan != null:
		_live = _plan.live_bytes()
		_peak = _plan.peak_bytes()
		_bases = _plan.bases()
		_total = _plan.total_bytes()
	queue_redraw()


## The shown plan, or null.
func get_plan() -> MemoryPlan:
	return _plan


func is_empty() -> bool:
	return _plan == null


func _limits() -> PackedFloat64Array:
	return [0.0, float(_plan.steps())]


func _smallest_view() -> float:
	return 1.0


func _draw_chart(area: Rect2) -> void:
	var most: int = clampi(int(area.size.y / (style.line_height() * 1.8)), 2, 8)
	Axes.draw_values(self, style, area, _total, Quantity.byte_step(_total, most), Quantity.size)
	var step: float = maxf(Quantity.tick_step(view_end - view_begin, maxi(int(area.size.x / style.px(60)), 1)), 1.0)
	var to_text: Callable = func(value: float) -> String: return "#%d" % int(value)
	Axes.draw_steps(self, style, area, view_begin, view_end, step, to_text)
	for index: int in _plan.size():
		_draw_tensor(area, index)
	for arena: int in range(1, _bases.size()):
		var y: float = _y_of(area, _bases[arena])
		draw_line(Vector2(area.position.x, y), Vector2(area.end.x, y), Color(style.text, 0.5), style.px(1))
	_draw_live(area)


func _draw_tensor(area: Rect2, index: int) -> void:
	var box: Rect2 = _box(area, index).intersection(area)
	if not box.has_area():
		return
	var color: Color = style.series(_plan.values[index] if _plan.values[index] >= 0 else index)
	draw_rect(box, Color(color, 0.55))
	if box.size.x > 4.0 and box.size.y > 4.0:
		draw_rect(box, style.background, false, 1.0)
	if box.size.y > style.line_height() + 2.0 and box.size.x > style.px(40):
		var words: String = "%s  %s" % [_plan.shapes[index], Quantity.size(_plan.sizes[index])]
		style.draw_clipped(self, box.position + Vector2(style.px(4), 1), words, box.size.x - style.px(8), style.text)
	if index == _selected:
		draw_rect(box.grow(-style.px(1)), style.selection, false, style.px(2))


## Bytes in use over the instructions, and where they are the most.
func _draw_live(area: Rect2) -> void:
	var line: PackedVector2Array = []
	for step: int in _live.size():
		if step + 1 < view_begin or step > view_end:
			continue
		var y: float = area.end.y - float(_live[step]) / _total * area.size.y
		line.append(Vector2(maxf(x_of(step), area.position.x), y))
		line.append(Vector2(minf(x_of(step + 1), area.end.x), y))
	if line.size() >= 2:
		draw_polyline(line, Color(style.text, 0.85), style.px(2))
	var label: String = "in use: at most %s" % Quantity.size(_peak)
	var peak_y: float = area.end.y - float(_peak) / _total * area.size.y
	Axes.draw_level(self, style, area, peak_y, style.text)
	var below: Rect2 = area.grow_individual(0, style.line_height(), 0, 0)
	Axes.draw_level_label(self, style, below, peak_y, label, style.text)


func _box(area: Rect2, index: int) -> Rect2:
	var left: float = x_of(_plan.first[index])
	var right: float = x_of(_plan.last[index] + 1)
	var from: int = _bases[_plan.arena_of[index]] + _plan.offsets[index]
	var top: float = _y_of(area, from + _plan.sizes[index])
	return Rect2(left, top, maxf(right - left, 1.0), maxf(_y_of(area, from) - top, 1.0))


func _y_of(area: Rect2, address: int) -> float:
	return area.end.y - float(address) / _total * area.size.y


func _tensor_at(at: Vector2) -> int:
	var area: Rect2 = plot()
	if not area.has_point(at):
		return -1
	for index: int in range(_plan.size() - 1, -1, -1):
		if _box(area, index).has_point(at):
			return index
	return -1


func _describe(at: Vector2) -> PackedStringArray:
	var step: int = clampi(int(value_at(at.x)), 0, _plan.steps() - 1)
	var index: int = _tensor_at(at)
	var lines: PackedStringArray = []
	if index >= 0:
		lines.append(
			"%s [%s]  %s" % [_plan.dtypes[index], _plan.shapes[index], Quantity.exact_size(_plan.sizes[index])]
		)
		lines.append("arena %d, offset %s" % [_plan.arena_of[index], Quantity.grouped(_plan.offsets[index])])
		lines.append("used from instruction %d to %d" % [_plan.first[index], _plan.last[index]])
	lines.append("instruction %d  %s" % [step, _plan.operator_at(step)])
	lines.append("%s in use" % Quantity.exact_size(_live[step]))
	return lines


func _draw_hover(canvas: Control, at: Vector2) -> void:
	var area: Rect2 = plot()
	var step: float = clampf(floorf(value_at(at.x)), 0.0, _plan.steps() - 1.0)
	var column: Rect2 = Rect2(x_of(step), area.position.y, x_of(step + 1.0) - x_of(step), area.size.y)
	canvas.draw_rect(column.intersection(area), Color(style.text, 0.08))
	var index: int = _tensor_at(at)
	if index >= 0:
		canvas.draw_rect(_box(area, index).intersection(area), style.selection, false, style.px(1))


func _clicked(at: Vector2) -> void:
	_selected = _tensor_at(at)
	queue_redraw()
