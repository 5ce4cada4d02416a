@tool
extends EditorPlugin
## Runs the cases inside an editor, once its first scan is over.

const RUNNER: Script = preload("res://tests/runner.gd")


func _enter_tree() -> void:
	# The import that precedes the run must not run the cases, and the engine hides its own arguments.
	if OS.get_environment("EXECUTORCH_TEST_CASES") != "wait":
		_start.call_deferred()


func _start() -> void:
	var filesystem: EditorFileSystem = EditorInterface.get_resource_filesystem()
	while filesystem.is_scanning() or filesystem.get_filesystem() == null:
		await get_tree().process_frame
	# A few frames more: imports of the first scan end after it.
	for frame: int in 10:
		await get_tree().process_frame
	var runner: Node = (RUNNER as GDScript).new()
	add_child(runner)
