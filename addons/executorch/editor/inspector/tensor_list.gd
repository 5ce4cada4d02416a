@tool
extends VBoxContainer
## The inputs and outputs of a method: each with its name and type in a line, and its shape below.

const Facts := preload("res://addons/executorch/editor/shared/model_facts.gd")
const DIM: float = 0.65


## Fills the list from a method of the metadata.
func show_method(method: Dictionary) -> void:
	for child: Node in get_children():
		remove_child(child)
		child.queue_free()
	_add_group("Inputs", "input", method.get("inputs", []) as Array)
	_add_group("Outputs", "output", method.get("outputs", []) as Array)


func _enter_tree() -> void:
	add_theme_constant_override(&"separation", 0)


func _add_group(title: String, alias: String, tensors: Array) -> void:
	var head: Label = _label(title if not tensors.is_empty() else "No " + title.to_lower())
	head.add_theme_color_override(&"font_color", Color(get_theme_color(&"font_color", &"Label"), DIM))
	add_child(head)
	for index: int in tensors.size():
		_add_tensor(tensors[index] as Dictionary, "%s_%d" % [alias, index])


func _add_tensor(tensor: Dictionary, alias: String) -> void:
	var unit: float = EditorInterface.get_editor_scale()
	var margin: MarginContainer = MarginContainer.new()
	margin.add_theme_constant_override(&"margin_left", roundi(10 * unit))
	margin.add_theme_constant_override(&"margin_bottom", roundi(4 * unit))
	add_child(margin)
	var column: VBoxContainer = VBoxContainer.new()
	column.add_theme_constant_override(&"separation", 0)
	margin.add_child(column)
	var row: HBoxContainer = HBoxContainer.new()
	column.add_child(row)
	var name_of: String = str(tensor.get("name", alias))
	var title: Label = _label(name_of)
	title.tooltip_text = name_of if name_of == alias else "%s\nA call may also name it %s." % [name_of, alias]
	title.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	title.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
	row.add_child(title)
	row.add_child(_label(str(tensor.get("dtype", ""))))
	var shape: Label = _label(Facts.shape_text(tensor))
	shape.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	shape.add_theme_color_override(&"font_color", Color(get_theme_color(&"font_color", &"Label"), DIM))
	column.add_child(shape)


func _label(words: String) -> Label:
	var label: Label = Label.new()
	label.text = words
	label.mouse_filter = Control.MOUSE_FILTER_PASS
	label.add_theme_stylebox_override(&"normal", StyleBoxEmpty.new())
	return label
