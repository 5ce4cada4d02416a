@tool
extends EditorPlugin
## Runs the script that the environment names, once the editor has settled, and quits: tasks/windowed_editor.py.


func _enter_tree() -> void:
	if OS.has_environment("EXECUTORCH_SHOTS") and not OS.get_cmdline_args().has("--import"):
		_start.call_deferred()


func _start() -> void:
	var filesystem: EditorFileSystem = EditorInterface.get_resource_filesystem()
	while filesystem.is_scanning() or filesystem.get_filesystem() == null:
		await get_tree().process_frame
	for frame: int in 30:
		await get_tree().process_frame
	var script: GDScript = load(OS.get_environment("EXECUTORCH_SHOTS_SCRIPT"))
	if script == null or not script.can_instantiate():
		get_tree().quit(1)
		return
	var shots: Node = script.new()
	add_child(shots)
	@warning_ignore("unsafe_method_access")
	await shots.take_all(OS.get_environment("EXECUTORCH_SHOTS").split(","))
	print("@@SHOTS DONE")
	get_tree().quit(0)
