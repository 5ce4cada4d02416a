@tool
extends EditorContextMenuPlugin
## "Add to Scene" in the FileSystem dock's menu: an ExecuTorchNode with the model, below the selected node of the scene,
## as one step that can be undone.

const ModelExtensions := preload("res://addons/executorch/runtime/library/model_extensions.gd")
const TITLE: String = "Add to Scene as ExecuTorchNode"

var _undo: EditorUndoRedoManager


func _init(undo: EditorUndoRedoManager = null) -> void:
	_undo = undo


func _popup_menu(paths: PackedStringArray) -> void:
	if EditorInterface.get_edited_scene_root() != null and not _models_of(paths).is_empty():
		var icon: Texture2D = load("res://addons/executorch/icons/node.svg")
		add_context_menu_item(TITLE, add_models, icon)


## Adds a node for each of the paths that is a model.
func add_models(paths: PackedStringArray) -> void:
	var root: Node = EditorInterface.get_edited_scene_root()
	var selected: Array[Node] = EditorInterface.get_selection().get_selected_nodes()
	var parent: Node = selected[0] if selected.size() == 1 else root
	_undo.create_action("Add Models to Scene", UndoRedo.MERGE_DISABLE, root)
	var nodes: Array[Node] = []
	for path: String in _models_of(paths):
		var node: ExecuTorchNode = ExecuTorchNode.new()
		node.name = path.get_file().get_basename().to_pascal_case()
		node.model = load(path) as ExecuTorchResource
		nodes.append(node)
		_undo.add_do_method(parent, &"add_child", node, true)
		_undo.add_do_property(node, &"owner", root)
		_undo.add_do_reference(node)
		_undo.add_undo_method(parent, &"remove_child", node)
	_undo.commit_action()
	EditorInterface.get_selection().clear()
	for node: Node in nodes:
		EditorInterface.get_selection().add_node(node)


func _models_of(paths: PackedStringArray) -> PackedStringArray:
	var models: PackedStringArray = []
	for path: String in paths:
		if ModelExtensions.is_model(path) and load(path) is ExecuTorchResource:
			models.append(path)
	return models
