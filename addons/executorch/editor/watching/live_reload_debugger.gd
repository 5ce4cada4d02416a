@tool
extends EditorDebuggerPlugin
## Sends the games that this editor runs the paths of reimported models; `runtime/loading/live_reload.gd` is the other
## side.

## Games answered that they have the new models.
signal reloaded(paths: Array)

const Settings := preload("res://addons/executorch/editor/shared/settings.gd")
const PREFIX: String = "executorch_live"


## Sends the paths to every game that runs.
func send(paths: PackedStringArray) -> void:
	if not ProjectSettings.get_setting(Settings.RELOAD_MODELS, true) or paths.is_empty():
		return
	for session: EditorDebuggerSession in get_sessions():
		if session.is_active():
			session.send_message("%s:reload" % PREFIX, Array(paths))


func _has_capture(capture: String) -> bool:
	return capture == PREFIX


func _capture(message: String, data: Array, _session_id: int) -> bool:
	if message == "%s:reloaded" % PREFIX:
		reloaded.emit(data)
		return true
	return false
