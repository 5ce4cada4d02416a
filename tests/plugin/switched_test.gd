@tool
extends "res://tests/case.gd"
## The plugin is switched off and on in a running editor.

const Settings := preload("res://addons/executorch/editor/shared/import_settings.gd")
const ModelView := preload("res://addons/executorch/editor/inspector/model_view.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const PLUGIN: String = "executorch"
const MODEL: String = "res://models/linear_portable.pte"


func switch_to(on: bool) -> void:
	EditorInterface.set_plugin_enabled(PLUGIN, on)
	for frame: int in 3:
		await get_tree().process_frame
	check_equal(EditorInterface.is_plugin_enabled(PLUGIN), on)


func test_an_option_is_undone_after_the_plugin_was_switched_off() -> void:
	var jobs: Jobs = get_tree().root.find_child("ExecuTorchJobs", true, false)
	var settings: Settings = Settings.new(EditorInterface.get_editor_undo_redo(), jobs.import_again)
	var former: Variant = Settings.read(MODEL, "memory_policy", null)
	settings.change(MODEL, {"memory_policy": 1}, "Change Memory Policy")
	for frame: int in 10:
		await get_tree().process_frame
	check_equal(Settings.read(MODEL, "memory_policy", null), 1)
	await switch_to(false)
	var manager: EditorUndoRedoManager = EditorInterface.get_editor_undo_redo()
	manager.get_history_undo_redo(EditorUndoRedoManager.GLOBAL_HISTORY).undo()
	check_equal(Settings.read(MODEL, "memory_policy", null), former, "undone in the file")
	await switch_to(true)


func test_no_view_of_a_model_is_left_when_the_plugin_was_switched_off() -> void:
	EditorInterface.edit_resource(load(MODEL))
	await wait_until(func() -> bool: return count_views() == 1, 10.0, "the view of the model")
	await switch_to(false)
	for frame: int in 10:
		await get_tree().process_frame
	check_equal(count_views(), 0, "its buttons would call what was freed")
	await switch_to(true)


func test_enabling_adds_no_autoload_and_no_undo_step() -> void:
	var manager: EditorUndoRedoManager = EditorInterface.get_editor_undo_redo()
	var history: UndoRedo = manager.get_history_undo_redo(EditorUndoRedoManager.GLOBAL_HISTORY)
	var version: int = history.get_version()
	await switch_to(false)
	await switch_to(true)
	check(not ProjectSettings.has_setting("autoload/ExecuTorchMCP"), "an autoload was added without a request")
	check_equal(history.get_version(), version, "a step that can be undone")


func count_views() -> int:
	var nodes: Array[Node] = EditorInterface.get_inspector().find_children("*", "Control", true, false)
	return nodes.filter(func(node: Node) -> bool: return node is ModelView).size()
