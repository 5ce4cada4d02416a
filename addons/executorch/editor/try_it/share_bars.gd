@tool
extends VBoxContainer
## Names with shares from 0 to 1, each as a bar.


## Shows `[{label, share}]`.
func _init(rows: Array[Dictionary] = []) -> void:
	for row: Dictionary in rows:
		_add_row(str(row["label"]), float(row["share"]))


func _add_row(label: String, share: float) -> void:
	var words: HBoxContainer = HBoxContainer.new()
	var name_label: Label = Label.new()
	name_label.text = label
	name_label.tooltip_text = label
	name_label.mouse_filter = Control.MOUSE_FILTER_PASS
	name_label.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
	name_label.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	words.add_child(name_label)
	var number: Label = Label.new()
	number.text = "%.1f %%" % (share * 100.0)
	words.add_child(number)
	for part: Label in [name_label, number]:
		part.add_theme_stylebox_override(&"normal", StyleBoxEmpty.new())
	add_child(words)
	var bar: Control = Control.new()
	bar.custom_minimum_size.y = 6.0 * EditorInterface.get_editor_scale()
	bar.draw.connect(_draw_bar.bind(bar, share))
	bar.resized.connect(bar.queue_redraw)
	add_child(bar)


func _draw_bar(bar: Control, share: float) -> void:
	bar.draw_rect(Rect2(Vector2.ZERO, bar.size), bar.get_theme_color(&"dark_color_2", &"Editor"))
	var filled: Vector2 = Vector2(bar.size.x * clampf(share, 0.0, 1.0), bar.size.y)
	bar.draw_rect(Rect2(Vector2.ZERO, filled), bar.get_theme_color(&"accent_color", &"Editor"))
