@tool
extends "chart.gd"
## One model's memory by part: a bar, and a legend with the exact sizes.

const Breakdown := preload("res://addons/executorch/editor/profiler/data/memory_breakdown.gd")

var _parts: PackedInt64Array = []
var _shares: PackedFloat64Array = []
var _total: int = 0
var _constants: int = 0


func _init() -> void:
	super()
	title = "Memory by part"
	margins = Vector4(10, 10, 10, 6)


## `info` is the result of `get_memory_info()`; empty = nothing to show.
func show_memory(info: Dictionary) -> void:
	_parts = Breakdown.parts(info) if not info.is_empty() else PackedInt64Array()
	_shares = Breakdown.shares(info)
	_total = Breakdown.total(info)
	_constants = Breakdown.constants(info)
	queue_redraw()


func is_empty() -> bool:
	return _total == 0


func _limits() -> PackedFloat64Array:
	return [0.0, float(_total)]


func _draw_chart(area: Rect2) -> void:
	var thick: float = _thickness()
	for part: int in _parts.size():
		var bar: Rect2 = _bar(part).intersection(area)
		if bar.has_area():
			draw_rect(bar, style.series(part))
			draw_line(Vector2(bar.end.x, bar.position.y), bar.end, style.background, 1.0)
	var y: float = area.position.y + thick + style.px(8)
	style.draw_text(self, Vector2(area.position.x, y), "Together %s" % Quantity.exact_size(_total), style.text)
	y += style.line_height() + style.px(4)
	for part: int in _parts.size():
		var box: Rect2 = Rect2(area.position.x, y + style.px(3), style.px(9), style.px(9))
		draw_rect(box, style.series(part))
		var color: Color = style.text if _parts[part] > 0 else style.dim_text
		style.draw_text(self, Vector2(box.end.x + style.px(6), y), Breakdown.PARTS[part], color)
		var words: String = "%s  %s" % [Quantity.size(_parts[part]), Quantity.percent(_shares[part])]
		style.draw_text(self, Vector2(area.end.x - style.width_of(words), y), words, color)
		y += style.line_height()
	if _constants > 0:
		y += style.px(4)
		var words: String = "%s of weights are mapped from files and do not count" % Quantity.size(_constants)
		var base: Vector2 = Vector2(area.position.x, y + style.font.get_ascent(style.small_size)).round()
		draw_multiline_string(
			style.font, base, words, HORIZONTAL_ALIGNMENT_LEFT, area.size.x, style.small_size, -1, style.dim_text
		)


func _describe(at: Vector2) -> PackedStringArray:
	for part: int in _parts.size():
		if _bar(part).has_point(at) or _is_on_line(at, part):
			return [
				"%s: %s" % [Breakdown.PARTS[part], Quantity.exact_size(_parts[part])],
				Breakdown.EXPLANATIONS[part],
			]
	return []


func _bar(part: int) -> Rect2:
	var before: int = 0
	for index: int in part:
		before += _parts[index]
	var left: float = x_of(before)
	return Rect2(left, plot().position.y, x_of(before + _parts[part]) - left, _thickness())


func _is_on_line(at: Vector2, part: int) -> bool:
	var y: float = plot().position.y + _thickness() + style.px(12) + style.line_height() * (part + 1)
	return at.y >= y and at.y < y + style.line_height()


func _thickness() -> float:
	return style.px(26)
