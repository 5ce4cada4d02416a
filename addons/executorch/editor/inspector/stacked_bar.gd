@tool
extends VBoxContainer
## Shares of a whole as one bar, with a legend below it and, when there is one, a limit marked on it.

const Style := preload("res://addons/executorch/editor/shared/style.gd")

var _parts: Array[Dictionary] = []
var _limit: float = 0.0
var _limit_text: String = ""
var _rebuilding: bool = false
var _bar: Control = Control.new()
var _legend: HFlowContainer = HFlowContainer.new()


func _init() -> void:
	_bar.draw.connect(_draw_bar)
	_bar.gui_input.connect(func(_event: InputEvent) -> void: _update_tooltip())
	add_child(_bar)
	add_child(_legend)


## Shows `parts`: `[{label, value, text, color_index, tooltip}]`; `text` is the value in words, the last two are
## optional. A `limit` above 0 is marked at its place and called `limit_text`.
func show_parts(parts: Array[Dictionary], limit: float = 0.0, limit_text: String = "") -> void:
	_parts = parts
	_limit = limit
	_limit_text = limit_text
	if is_inside_tree():
		_rebuild()


func _notification(what: int) -> void:
	# An override of our own is a change of theme, too.
	if not _rebuilding and is_inside_tree() and what in [NOTIFICATION_ENTER_TREE, NOTIFICATION_THEME_CHANGED]:
		_rebuilding = true
		_rebuild()
		_rebuilding = false


func _rebuild() -> void:
	var style: Style = _style()
	_bar.custom_minimum_size.y = 14.0 * EditorInterface.get_editor_scale()
	add_theme_constant_override(&"separation", roundi(4 * EditorInterface.get_editor_scale()))
	_legend.add_theme_constant_override(&"v_separation", 0)
	_legend.add_theme_constant_override(&"h_separation", roundi(12 * EditorInterface.get_editor_scale()))
	for child: Node in _legend.get_children():
		_legend.remove_child(child)
		child.queue_free()
	for index: int in _parts.size():
		_legend.add_child(_legend_entry(_parts[index], _color(index, style)))
	if _limit > 0.0:
		_legend.add_child(_legend_entry({"label": _limit_text, "text": ""}, _limit_color()))
	_bar.queue_redraw()


func _legend_entry(part: Dictionary, color: Color) -> Control:
	var row: HBoxContainer = HBoxContainer.new()
	row.tooltip_text = str(part.get("tooltip", ""))
	row.mouse_filter = Control.MOUSE_FILTER_PASS
	var swatch: ColorRect = ColorRect.new()
	swatch.color = color
	swatch.custom_minimum_size = Vector2.ONE * 10.0 * EditorInterface.get_editor_scale()
	swatch.size_flags_vertical = Control.SIZE_SHRINK_CENTER
	swatch.mouse_filter = Control.MOUSE_FILTER_IGNORE
	row.add_child(swatch)
	var label: Label = Label.new()
	label.text = str(part["label"])
	label.add_theme_stylebox_override(&"normal", StyleBoxEmpty.new())
	row.add_child(label)
	if not str(part.get("text", "")).is_empty():
		var value: Label = Label.new()
		value.text = str(part["text"])
		value.add_theme_color_override(&"font_color", Color(get_theme_color(&"font_color", &"Label"), 0.65))
		value.add_theme_stylebox_override(&"normal", StyleBoxEmpty.new())
		row.add_child(value)
	return row


func _draw_bar() -> void:
	var style: Style = _style()
	var scale_of: float = EditorInterface.get_editor_scale()
	var whole: Rect2 = Rect2(Vector2.ZERO, _bar.size)
	var ground: StyleBoxFlat = StyleBoxFlat.new()
	ground.set_corner_radius_all(roundi(3 * scale_of))
	ground.bg_color = Color(get_theme_color(&"font_color", &"Label"), 0.1)
	_bar.draw_style_box(ground, whole)
	var left: float = 0.0
	for index: int in _parts.size():
		var width: float = _width_of(float(_parts[index]["value"]))
		var box: StyleBoxFlat = StyleBoxFlat.new()
		box.bg_color = _color(index, style)
		var last: bool = index == _parts.size() - 1 and _limit <= 0.0
		_round(box, index == 0, last, roundi(3 * scale_of))
		var gap: float = 0.0 if index == _parts.size() - 1 else minf(scale_of, width * 0.5)
		_bar.draw_style_box(box, Rect2(left, 0.0, maxf(width - gap, 1.0), _bar.size.y))
		left += width
	if _limit > 0.0:
		var at: float = clampf(_width_of(_limit), scale_of, _bar.size.x - scale_of)
		_bar.draw_rect(
			Rect2(at - scale_of, -2.0 * scale_of, 2.0 * scale_of, _bar.size.y + 4.0 * scale_of), _limit_color()
		)


func _round(box: StyleBoxFlat, at_left: bool, at_right: bool, radius: int) -> void:
	box.corner_radius_top_left = radius if at_left else 0
	box.corner_radius_bottom_left = radius if at_left else 0
	box.corner_radius_top_right = radius if at_right else 0
	box.corner_radius_bottom_right = radius if at_right else 0


func _update_tooltip() -> void:
	var left: float = 0.0
	var at: float = _bar.get_local_mouse_position().x
	for part: Dictionary in _parts:
		left += _width_of(float(part["value"]))
		if at <= left:
			_bar.tooltip_text = "%s: %s" % [part["label"], part.get("text", "")]
			return
	_bar.tooltip_text = _limit_text


func _width_of(value: float) -> float:
	var total: float = 0.0
	for part: Dictionary in _parts:
		total += float(part["value"])
	# A limit far above the need would leave a bar of one pixel: it is then shown at the end.
	var full: float = maxf(total, minf(_limit * 1.05, total * 8.0))
	return _bar.size.x * value / maxf(full, 1.0)


func _color(index: int, style: Style) -> Color:
	return style.series(int(_parts[index].get("color_index", index)))


func _limit_color() -> Color:
	return get_theme_color(&"error_color", &"Editor")


func _style() -> Style:
	return Style.new(self)
