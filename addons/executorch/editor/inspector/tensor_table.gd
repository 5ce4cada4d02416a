@tool
extends Tree
## The inputs and outputs of a method: name, type, shape.

const Facts := preload("model_facts.gd")
const TITLES: PackedStringArray = ["Name", "Type", "Shape"]


func _init() -> void:
	columns = 3
	hide_root = true
	hide_folding = true
	column_titles_visible = true
	select_mode = Tree.SELECT_ROW
	scroll_vertical_enabled = false
	scroll_horizontal_enabled = false
	for column: int in columns:
		set_column_title(column, TITLES[column])
		set_column_title_alignment(column, HORIZONTAL_ALIGNMENT_LEFT)
		set_column_expand(column, true)
		set_column_clip_content(column, true)
	set_column_expand_ratio(0, 4)
	set_column_expand_ratio(1, 3)
	set_column_expand_ratio(2, 5)


## Fills the table from a method of the metadata.
func show_method(method: Dictionary) -> void:
	clear()
	var root: TreeItem = create_item()
	_add_group(root, "Inputs", method.get("inputs", []))
	_add_group(root, "Outputs", method.get("outputs", []))


func _enter_tree() -> void:
	add_theme_stylebox_override(&"panel", StyleBoxEmpty.new())
	add_theme_constant_override(&"item_margin", roundi(8 * EditorInterface.get_editor_scale()))


func _add_group(root: TreeItem, title: String, tensors: Array) -> void:
	var group: TreeItem = create_item(root)
	group.set_text(0, title if not tensors.is_empty() else "No " + title.to_lower())
	group.set_custom_color(0, Color(get_theme_color(&"font_color", &"Tree"), 0.6))
	for column: int in columns:
		group.set_selectable(column, false)
	for index: int in tensors.size():
		var tensor: Dictionary = tensors[index]
		var row: TreeItem = create_item(group)
		var alias: String = "%s_%d" % ["input" if title == "Inputs" else "output", index]
		row.set_text(0, str(tensor.get("name", alias)))
		row.set_tooltip_text(0, "%s\nAlso reached as %s." % [tensor.get("name", alias), alias])
		row.set_text(1, str(tensor.get("dtype", "")))
		row.set_text(2, Facts.shape_text(tensor))
		row.set_tooltip_text(2, Facts.shape_text(tensor))
