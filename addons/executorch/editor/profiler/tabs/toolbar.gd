@tool
extends HBoxContainer
## A row of controls above a tab's charts, in the look of the editor's own panels.


## A flat button with an icon of the editor's theme.
func add_button(icon_name: StringName, tip: String, pressed: Callable) -> Button:
	var button: Button = _add_flat(icon_name, tip)
	button.pressed.connect(pressed)
	return button


## A button that stays down.
func add_toggle(icon_name: StringName, tip: String, toggled: Callable) -> Button:
	var button: Button = _add_flat(icon_name, tip)
	button.toggle_mode = true
	button.toggled.connect(toggled)
	return button


## Shows numbers and states; takes the space that is left.
func add_status() -> Label:
	var label: Label = Label.new()
	label.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	label.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
	label.mouse_filter = Control.MOUSE_FILTER_PASS
	label.modulate.a = 0.75
	add_child(label)
	return label


## `width` in pixels at 100%.
func add_options(tip: String, words: PackedStringArray, width: float, selected: Callable) -> OptionButton:
	var options: OptionButton = OptionButton.new()
	options.tooltip_text = tip
	options.fit_to_longest_item = false
	options.clip_text = true
	options.custom_minimum_size.x = width * _scale()
	for item: String in words:
		options.add_item(item)
	options.item_selected.connect(selected)
	add_child(options)
	return options


func add_number(tip: String, smallest: float, largest: float, value: float, suffix: String) -> SpinBox:
	var box: SpinBox = SpinBox.new()
	box.tooltip_text = tip
	box.min_value = smallest
	box.max_value = largest
	box.step = 0.01 if smallest < 1.0 else 1.0
	box.value = value
	box.suffix = suffix
	box.custom_minimum_size.x = 118.0 * _scale()
	add_child(box)
	return box


func add_gap() -> void:
	add_child(VSeparator.new())


func _scale() -> float:
	return EditorInterface.get_editor_scale()


func _add_flat(icon_name: StringName, tip: String) -> Button:
	var button: Button = Button.new()
	button.theme_type_variation = &"FlatButton"
	button.tooltip_text = tip
	var set_icon: Callable = func() -> void:
		if button.has_theme_icon(icon_name, &"EditorIcons"):
			button.icon = button.get_theme_icon(icon_name, &"EditorIcons")
	button.theme_changed.connect(set_icon)
	button.tree_entered.connect(set_icon)
	add_child(button)
	return button
