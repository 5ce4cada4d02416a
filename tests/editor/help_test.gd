@tool
extends "res://tests/editor/views.gd"
## Godot's help search (F1) finds the addon's public classes, and no internal script between them.

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
