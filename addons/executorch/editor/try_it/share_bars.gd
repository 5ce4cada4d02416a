@tool
extends VBoxContainer
## Names with shares from 0 to 1, each as a bar.

## The colours of the bars; empty: all have the editor's accent colour.
var colors: PackedColorArray = []


## Shows `[{label, share, color, number}]`; `number` is written in place of the share in percent. Without a colour,
## a bar has the editor's accent colour. A transparent one is a class that is not marked.
func _init(rows: Array[Dictionary] = []) -> void:
	for row: Dictionary in rows:
		if row.has("color"):
			colors.append(row["color"] as Color)
		_add_row(str(row["label"]), float(row["share"]), row.get("color"), str(row.get("number", "")))


func _add_row(label: String, share: float, color: Variant, given_number: String) -> void:
	var words: HBoxContainer = HBoxContainer.new()
	var name_label: Label = Label.new()
	name_label.text = label + (" (not marked)" if color is Color and (color as Color).a == 0.0 else "")
	name_label.tooltip_text = label
	name_label.mouse_filter = Control.MOUSE_FILTER_PASS
	name_label.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
	name_label.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	words.add_child(name_label)
	var number: Label = Label.new()
	number.text = given_number if not given_number.is_empty() else "%.1f %%" % (share * 100.0)
	words.add_child(number)
	for part: Label in [name_label, number]:
		part.add_theme_stylebox_override(&"normal", StyleBoxEmpty.new())
	add_child(words)
	var bar: Control = Control.new()
	bar.custom_minimum_size.y = 6.0 * EditorInterface.get_editor_scale()
	bar.draw.connect(_draw_bar.bind(bar, share, color))
	bar.resized.connect(bar.queue_redraw)
	add_child(bar)


func _draw_bar(bar: Control, share: float, color: Variant) -> void:
	bar.draw_rect(Rect2(Vector2.ZERO, bar.size), bar.get_theme_color(&"dark_color_2", &"Editor"))
	var filled: Vector2 = Vector2(bar.size.x * clampf(share, 0.0, 1.0), bar.size.y)
	var shown: Color = bar.get_theme_color(&"accent_color", &"Editor")
	if color is Color:
		var of_class: Color = color
		shown = Color(of_class, 1.0) if of_class.a > 0.0 else Color(bar.get_theme_color(&"font_color", &"Label"), 0.4)
	bar.draw_rect(Rect2(Vector2.ZERO, filled), shown)
