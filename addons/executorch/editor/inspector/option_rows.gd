@tool
extends RefCounted
## Builds the rows of the import options: a title with a narrow field beside it, or with a wide one below it.


## A title and a field side by side.
static func narrow(title: String, field: Control, tip: String) -> Control:
	var row: HBoxContainer = HBoxContainer.new()
	var label: Label = _title(title, tip)
	label.clip_text = true
	label.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	label.size_flags_stretch_ratio = 0.8
	row.add_child(label)
	_fit(field, tip)
	row.add_child(field)
	return row


## A title with a field below it that takes the whole width, and with buttons beside the field.
static func wide(title: String, field: Control, tip: String, buttons: Array[Button] = []) -> Control:
	var column: VBoxContainer = VBoxContainer.new()
	column.add_theme_constant_override(&"separation", 0)
	column.add_child(_title(title, tip))
	var row: HBoxContainer = HBoxContainer.new()
	_fit(field, tip)
	row.add_child(field)
	for button: Button in buttons:
		row.add_child(button)
	column.add_child(row)
	return column


## A field for a number that may also be dragged. `changed` is called once when the dragging rests or the field goes
## away, because each change is a conversion.
static func spin(suffix: String, step: float, most: float, value: float, changed: Callable) -> EditorSpinSlider:
	var field: EditorSpinSlider = EditorSpinSlider.new()
	field.min_value = 0.0
	field.max_value = most
	field.step = step
	field.allow_greater = true
	field.hide_slider = true
	field.suffix = suffix
	field.value = value
	var timer: Timer = Timer.new()
	timer.one_shot = true
	timer.wait_time = 0.6
	timer.timeout.connect(func() -> void: changed.call(field.value))
	field.add_child(timer)
	field.value_changed.connect(func(_value: float) -> void: timer.start())
	timer.tree_exiting.connect(
		func() -> void:
			if not timer.is_stopped():
				timer.stop()
				changed.call(field.value)
	)
	return field


## A menu of values; `chosen` is called with the value that is picked. `tips` has a tooltip for each, or is empty.
static func menu(
	names: PackedStringArray, values: Array, current: Variant, tips: PackedStringArray, chosen: Callable
) -> OptionButton:
	var button: OptionButton = OptionButton.new()
	button.clip_text = true
	button.fit_to_longest_item = false
	for index: int in names.size():
		button.add_item(names[index])
		button.set_item_metadata(index, values[index])
		if index < tips.size():
			button.set_item_tooltip(index, tips[index])
		if values[index] == current:
			button.select(index)
	button.item_selected.connect(func(index: int) -> void: chosen.call(button.get_item_metadata(index)))
	return button


## Text that explains a field, in one of the editor theme's colours.
static func note(words: String, color: Color) -> Label:
	var label: Label = Label.new()
	label.text = words
	label.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	label.add_theme_color_override(&"font_color", color)
	return label


static func _title(words: String, tip: String) -> Label:
	var label: Label = Label.new()
	label.text = words
	label.tooltip_text = tip
	label.mouse_filter = Control.MOUSE_FILTER_PASS
	var theme: Theme = EditorInterface.get_editor_theme()
	label.add_theme_color_override(&"font_color", theme.get_color(&"property_color", &"EditorProperty"))
	return label


static func _fit(field: Control, tip: String) -> void:
	field.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	if field.tooltip_text.is_empty():
		field.tooltip_text = tip
