@tool
extends "res://tests/editor/views.gd"
## Godot's help search (F1) finds the addon's public classes, and no internal script between them.

const HelpSearch := preload("res://addons/executorch/editor/help/help_search.gd")

const INTERNAL: String = "res://addons/executorch/runtime/session_registry.gd"
const PUBLIC: String = "res://addons/executorch/runtime/executorch_node.gd"


func test_search_has_the_public_classes_only() -> void:
	var dialog: ConfirmationDialog = (
		EditorInterface.get_script_editor().find_children("*", "EditorHelpSearch", true, false)[0]
	)
	var editor: ScriptEditor = EditorInterface.get_script_editor()
	for path: String in [INTERNAL, PUBLIC]:
		editor.update_docs_from_script(load(path) as Script)
	var found: PackedStringArray = await _search(dialog)
	check("addons/executorch" in ", ".join(found), "Godot lists internal scripts: %s" % [found])
	dialog.popup_centered(Vector2i(800, 500))
	found = await _search(dialog)
	dialog.hide()
	check("ExecuTorchNode" in found, "a public class: %s" % [found])
	check(not "addons/executorch" in ", ".join(found), "an internal script: %s" % [found])
	for native: String in ClassDB.get_class_list():
		if native.begins_with("ExecuTorch"):
			check(not native in found, "a native class, which is internal: %s" % native)


func test_rows_of_internal_scripts_are_hidden_where_their_pages_cannot_be_removed() -> void:
	var dialog: ConfirmationDialog = (
		EditorInterface.get_script_editor().find_children("*", "EditorHelpSearch", true, false)[0]
	)
	var search: HelpSearch = HelpSearch.new()
	search.hide_internal_rows(dialog)
	dialog.popup_centered(Vector2i(800, 500))
	for path: String in [INTERNAL, PUBLIC]:
		EditorInterface.get_script_editor().update_docs_from_script(load(path) as Script)
	var found: PackedStringArray = await _search(dialog)
	dialog.hide()
	check("ExecuTorchNode" in found, "a public class: %s" % [found])
	check(not "addons/executorch" in ", ".join(found), "an internal script: %s" % [found])
	for tree: Tree in dialog.find_children("*", "Tree", true, false):
		for link: Dictionary in tree.draw.get_connections():
			tree.draw.disconnect(link["callable"] as Callable)


func test_a_public_class_below_an_internal_script_is_shown() -> void:
	var tree: Tree = Tree.new()
	add_child(tree)
	var search: HelpSearch = HelpSearch.new()
	search.hide_internal_rows(self)
	var base: TreeItem = _add_row(tree, tree.create_item(), "class_name", '"addons/executorch/runtime/base.gd"')
	var member: TreeItem = _add_row(tree, base, "class_method", "connect_all")
	for frame: int in 3:
		await get_tree().process_frame
	check(not base.visible, "only a member")
	var public: TreeItem = _add_row(tree, base, "class_name", "ExecuTorchRuntime")
	for frame: int in 3:
		await get_tree().process_frame
	check(base.visible and public.visible and member.visible, "a public class, added later")
	tree.queue_free()


func _add_row(tree: Tree, above: TreeItem, kind: String, text: String) -> TreeItem:
	var row: TreeItem = tree.create_item(above)
	row.set_text(0, text)
	row.set_metadata(0, "%s:%s" % [kind, text])
	return row


func _search(dialog: ConfirmationDialog) -> PackedStringArray:
	var field: LineEdit = dialog.find_children("*", "LineEdit", true, false)[0]
	var tree: Tree = dialog.find_children("*", "Tree", true, false)[0]
	field.text_changed.emit("")
	field.text = "executorch"
	field.text_changed.emit(field.text)
	for frame: int in 200:
		await get_tree().process_frame
	var found: PackedStringArray = []
	var row: TreeItem = tree.get_root()
	while row != null:
		found.append(row.get_text(0))
		row = row.get_next_visible()
	return found
