@tool
extends EditorDebuggerPlugin
## Tells the games that this editor runs which models were imported anew; `runtime/live_reload.gd` is the other
## side.

## Games answered that they have the new models.
signal reloaded(paths: Array)

const PREFIX: String = "executorch_live"
const SETTING: String = "executorch/editor/reload_models_in_running_game"


## Registers the project's setting.
static func register_setting() -> void:
	if not ProjectSettings.has_setting(SETTING):
		ProjectSettings.set_setting(SETTING, true)
	ProjectSettings.set_initial_value(SETTING, true)
	ProjectSettings.set_as_basic(SETTING, true)


## Sends the paths to every game that runs.
func send(paths: PackedStringArray) -> void:
	if not ProjectSettings.get_setting(SETTING, true) or paths.is_empty():
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
