@tool
extends HBoxContainer
## A row of controls above a tab's charts, in the look of the editor's own panels.


## A flat button with an icon of the editor's theme.
func add_button(icon_name: StringName, tip: String, pressed: Callable) -> Button:
	var button: Button = Button.new()
	button.theme_type_variation = &"FlatButton"
	button.tooltip_text = tip
	button.set_meta(&"icon_name", icon_name)
	button.pressed.connect(pressed)
	_follow_theme(button)
	add_child(button)
	return button


## A button that stays down.
func add_toggle(icon_name: StringName, tip: String, toggled: Callable) -> Button:
	var button: Button = Button.new()
	button.theme_type_variation = &"FlatButton"
	button.toggle_mode = true
	button.tooltip_text = tip
	button.set_meta(&"icon_name", icon_name)
	button.toggled.connect(toggled)
	_follow_theme(button)
	add_child(button)
	return button


func add_label(words: String) -> Label:
	var label: Label = Label.new()
	label.text = words
	add_child(label)
	return label


## Shows numbers and states; takes the room that is left.
func add_status() -> Label:
	var label: Label = add_label("")
	label.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	label.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
	label.mouse_filter = Control.MOUSE_FILTER_PASS
	label.modulate.a = 0.75
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


## A menu with an item for each of `items` ({text: what to call}).
func add_menu(words: String, tip: String, items: Dictionary[String, Callable]) -> MenuButton:
	var menu: MenuButton = MenuButton.new()
	menu.text = words
	menu.tooltip_text = tip
	menu.flat = true
	for text: String in items:
		menu.get_popup().add_item(text)
	menu.get_popup().id_pressed.connect(func(id: int) -> void: items.values()[id].call())
	add_child(menu)
	return menu


func add_gap() -> void:
	var separator: VSeparator = VSeparator.new()
	add_child(separator)


func _scale() -> float:
	return EditorInterface.get_editor_scale()


func _follow_theme(button: Button) -> void:
	var set_icon: Callable = func() -> void:
		var icon: StringName = button.get_meta(&"icon_name")
		if button.has_theme_icon(icon, &"EditorIcons"):
			button.icon = button.get_theme_icon(icon, &"EditorIcons")
	button.theme_changed.connect(set_icon)
	button.tree_entered.connect(set_icon)
