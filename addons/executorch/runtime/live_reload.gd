extends RefCounted
## In a game that the editor started: when a model was imported anew, takes the new one while the game runs.

## The debugger's message prefix; messages are `executorch_live:reload` with the models' `res://` paths.
const PREFIX: StringName = &"executorch_live"

static var _started: bool = false


## Listens to the editor, once; does nothing in a game without a debugger.
static func start() -> void:
	if not _started and EngineDebugger.is_active() and not Engine.is_editor_hint():
		_started = true
		EngineDebugger.register_message_capture(PREFIX, _on_message)


static func _on_message(message: String, paths: Array) -> bool:
	if message != "reload":
		return false
	for path: Variant in paths:
		# Only what the game holds: another model is loaded anew whenever the game asks for it.
		if path is String and ResourceLoader.has_cached(path as String):
			ResourceLoader.load(path as String, "", ResourceLoader.CACHE_MODE_REPLACE)
	EngineDebugger.send_message("%s:reloaded" % PREFIX, paths)
	return true
