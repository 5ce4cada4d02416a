@tool
extends RefCounted
## Grid lines with their labels, and dashed marks.

const Style := preload("res://addons/executorch/editor/shared/style.gd")


## Horizontal grid lines from 0 to `top`; `to_text` makes a label of a value.
static func draw_values(canvas: Control, style: Style, area: Rect2, top: float, step: float, to_text: Callable) -> void:
	var value: float = 0.0
	while value <= top * 1.0001 and step > 0.0:
		var y: float = roundf(area.end.y - value / top * area.size.y) + 0.5
		canvas.draw_line(Vector2(area.position.x, y), Vector2(area.end.x, y), style.grid, 1.0)
		var label: String = _trimmed(to_text.call(value) as String)
		var at: Vector2 = Vector2(area.position.x - style.width_of(label) - style.px(5), y - style.line_height() / 2.0)
		style.draw_text(canvas, at, label, style.dim_text)
		value += step


## Vertical grid lines between `begin` and `end` of the horizontal axis.
static func draw_steps(
	canvas: Control, style: Style, area: Rect2, begin: float, end: float, step: float, to_text: Callable
) -> void:
	if step <= 0.0 or end <= begin:
		return
	var value: float = ceilf(begin / step) * step
	var free_from: float = -INF
	while value <= end + step * 0.001:
		var x: float = roundf(area.position.x + (value - begin) / (end - begin) * area.size.x) + 0.5
		canvas.draw_line(Vector2(x, area.position.y), Vector2(x, area.end.y), style.grid, 1.0)
		var label: String = _trimmed(to_text.call(value) as String)
		var width: float = style.width_of(label)
		var left: float = clampf(x - width / 2.0, 0.0, canvas.size.x - width - style.px(2))
		if left > free_from:
			style.draw_text(canvas, Vector2(left, area.end.y + style.px(2)), label, style.dim_text)
			free_from = left + width + style.px(6)
		value += step


## A dashed line across.
static func draw_level(canvas: Control, style: Style, area: Rect2, y: float, color: Color) -> void:
	if y >= area.position.y and y <= area.end.y:
		canvas.draw_dashed_line(Vector2(area.position.x, y), Vector2(area.end.x, y), color, style.px(1), style.px(5))


## The label of a line across, above it and `indent` from its right end. Drawn after all lines, which it covers.
static func draw_level_label(
	canvas: Control, style: Style, area: Rect2, y: float, label: String, color: Color, indent: float = 0.0
) -> void:
	if y < area.position.y or y > area.end.y:
		return
	var at: Vector2 = Vector2(area.end.x - indent - style.width_of(label) - style.px(4), y - style.line_height())
	if at.y < area.position.y:
		at.y = y
	draw_tag(canvas, style, at, label, color)


## A dashed line from top to bottom.
static func draw_mark(canvas: Control, style: Style, area: Rect2, x: float, color: Color) -> void:
	if x >= area.position.x and x <= area.end.x:
		canvas.draw_dashed_line(Vector2(x, area.position.y), Vector2(x, area.end.y), color, style.px(1), style.px(4))


## The label of such a line, `row` lines below the top. Drawn after all lines, which it covers.
static func draw_mark_label(
	canvas: Control, style: Style, area: Rect2, x: float, label: String, color: Color, row: int = 0
) -> void:
	if x < area.position.x or x > area.end.x:
		return
	var left: float = x + style.px(4)
	if left + style.width_of(label) > area.end.x:
		left = x - style.width_of(label) - style.px(4)
	draw_tag(canvas, style, Vector2(left, area.position.y + row * style.line_height()), label, color)


## Words on a box that covers what lies below.
static func draw_tag(canvas: Control, style: Style, at: Vector2, label: String, color: Color) -> void:
	var box: Rect2 = Rect2(at, Vector2(style.width_of(label), style.line_height())).grow_individual(2, 0, 2, 0)
	canvas.draw_rect(box, Color(style.background, 0.8))
	style.draw_text(canvas, at, label, color.lerp(style.text, 0.25))


## "50.0 ms" on an axis is "50 ms".
static func _trimmed(label: String) -> String:
	var end: int = label.length()
	for index: int in label.length():
		if not (label[index].is_valid_int() or label[index] in ".,-#"):
			end = index
			break
	var number: String = label.left(end)
	if number.contains("."):
		number = number.rstrip("0").rstrip(".")
	return number + label.substr(end)
