@tool
extends "res://tests/editor/views.gd"
## Models go into scenes and scripts: dragged from the FileSystem dock with the mouse, and by its menu.

const AddToScene := preload("res://addons/executorch/editor/scene/add_to_scene_menu.gd")
const SCENE: String = "res://dragged.tscn"
const SCRIPT: String = "res://dragged.gd"
const LINEAR: String = "res://models/linear.pt"


func before_each() -> void:
	var root: Node = Node.new()
	root.name = "Root"
	var brain: ExecuTorchNode = ExecuTorchNode.new()
	brain.name = "Brain"
	root.add_child(brain)
	brain.owner = root
	var scene: PackedScene = PackedScene.new()
	scene.pack(root)
	ResourceSaver.save(scene, SCENE)
	root.free()
	EditorInterface.get_resource_filesystem().update_file(SCENE)
	EditorInterface.open_scene_from_path(SCENE)
	await _frames(10)


func after_each() -> void:
	EditorInterface.get_selection().clear()
	EditorInterface.save_scene()
	EditorInterface.close_scene()
	await _frames(5)
	for path: String in [SCENE, SCRIPT]:
		DirAccess.remove_absolute(ProjectSettings.globalize_path(path))


func test_every_public_class_has_a_base() -> void:
	# Godot leaves the base empty after a relative path in `extends`; such a node cannot be added in the editor.
	var found: PackedStringArray = []
	for entry: Dictionary in ProjectSettings.get_global_class_list():
		if str(entry["path"]).begins_with("res://addons/executorch/"):
			found.append(str(entry["class"]))
			check(not str(entry["base"]).is_empty(), "%s has a base" % entry["class"])
	for wanted: String in ["ExecuTorchNode", "ExecuTorchObjectDetector", "ExecuTorchTextEmbedder", "ExecuTorchRuntime"]:
		check(wanted in found, "%s is a class" % wanted)


func test_model_is_dragged_onto_a_node() -> void:
	var brain: ExecuTorchNode = EditorInterface.get_edited_scene_root().get_node("Brain")
	EditorInterface.edit_node(brain)
	await _frames(10)
	check(str(brain._get_configuration_warnings()).contains("no model"), "a node without a model is marked")
	var row: Control = _find_property("model")
	if row == null:
		check(false, "the inspector has no row for the model")
		return
	EditorInterface.get_inspector().ensure_control_visible(row)
	await _frames(5)
	var picker: Control = row.find_children("*", "EditorResourcePicker", true, false)[0]
	await _drag(await _file_place(), _centre(picker.get_child(0) as Control))
	check(brain.model != null and brain.model.resource_path == LINEAR, "the node's model is %s" % brain.model)
	check(brain._get_configuration_warnings().is_empty(), "no warning any more")
	check(not brain.is_model_loaded(), "a scene that is edited runs nothing")


func test_model_is_dragged_into_a_script() -> void:
	var file: FileAccess = FileAccess.open(SCRIPT, FileAccess.WRITE)
	file.store_string("extends Node\n\n\nfunc _ready() -> void:\n\tpass\n")
	file.close()
	EditorInterface.get_resource_filesystem().update_file(SCRIPT)
	EditorInterface.set_main_screen_editor("Script")
	EditorInterface.edit_script(load(SCRIPT) as Script)
	await _frames(20)
	var code: CodeEdit = EditorInterface.get_script_editor().get_current_editor().get_base_editor() as CodeEdit
	await _drag(await _file_place(), code.global_position + Vector2(code.size.x * 0.6, code.size.y * 0.5))
	check(code.text.contains('"%s"' % LINEAR), code.text)
	code.undo()
	EditorInterface.set_main_screen_editor("2D")


func test_menu_adds_a_node_with_the_model_and_is_undone() -> void:
	var root: Node = EditorInterface.get_edited_scene_root()
	var manager: EditorUndoRedoManager = EditorInterface.get_editor_undo_redo()
	EditorInterface.get_selection().clear()
	AddToScene.new(manager).add_models([LINEAR, "res://project.godot"])
	check_equal(root.get_child_count(), 2)
	var node: ExecuTorchNode = root.get_child(1) as ExecuTorchNode
	check(node != null and node.model.resource_path == LINEAR and node.owner == root, str(node))
	check_equal(EditorInterface.get_selection().get_selected_nodes(), [node] as Array[Node])
	var history: UndoRedo = manager.get_history_undo_redo(manager.get_object_history_id(root))
	history.undo()
	check_equal(root.get_child_count(), 1)
	history.redo()
	check_equal(root.get_child_count(), 2)
	history.undo()


## Where the model's row is in the FileSystem dock.
func _file_place() -> Vector2:
	EditorInterface.get_file_system_dock().navigate_to_path(LINEAR)
	await _frames(10)
	for node: Node in EditorInterface.get_file_system_dock().find_children("*", "Tree", true, false):
		var tree: Tree = node as Tree
		var row: TreeItem = tree.get_selected()
		if tree.is_visible_in_tree() and row != null and row.get_text(0) == LINEAR.get_file():
			tree.scroll_to_item(row)
			await _frames(2)
			for y: int in int(tree.size.y):
				if tree.get_item_at_position(Vector2(60, y)) == row:
					return tree.global_position + Vector2(60, y + 6)
	check(false, "the file is not in the FileSystem dock")
	return Vector2.ZERO


func _drag(from: Vector2, to: Vector2) -> void:
	_press(from, true)
	for step: int in 12:
		_move(from.lerp(to, step / 11.0), MOUSE_BUTTON_MASK_LEFT)
		await _frames(2)
	_move(to + Vector2(1, 1), MOUSE_BUTTON_MASK_LEFT)
	await _frames(3)
	_press(to, false)
	await _frames(5)


func _press(place: Vector2, pressed: bool) -> void:
	var event: InputEventMouseButton = InputEventMouseButton.new()
	event.button_index = MOUSE_BUTTON_LEFT
	event.pressed = pressed
	event.button_mask = MOUSE_BUTTON_MASK_LEFT if pressed else 0 as MouseButtonMask
	event.position = place
	event.global_position = place
	get_tree().root.push_input(event, true)


func _move(place: Vector2, mask: MouseButtonMask) -> void:
	var event: InputEventMouseMotion = InputEventMouseMotion.new()
	event.button_mask = mask
	event.position = place
	event.global_position = place
	event.relative = Vector2(8, 8)
	get_tree().root.push_input(event, true)


func _find_property(property: StringName) -> Control:
	for node: Node in EditorInterface.get_inspector().find_children("*", "EditorProperty", true, false):
		if (node as EditorProperty).get_edited_property() == property:
			return node as Control
	return null


func _centre(control: Control) -> Vector2:
	return control.global_position + control.size * 0.5


func _frames(count: int) -> void:
	for frame: int in count:
		await get_tree().process_frame
