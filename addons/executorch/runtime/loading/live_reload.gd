extends RefCounted
## In a game that the editor started: switches to a model that was imported again, while the game runs.

## The debugger's message prefix; messages are `executorch_live:reload` with the models' `res://` paths.
const PREFIX: StringName = &"executorch_live"

static var _started: bool = false
static var _waiting: PackedStringArray = []
static var _reloading: bool = false


## Listens to the editor, once; does nothing in a game without a debugger. Any thread.
static func start() -> void:
	if not _started and EngineDebugger.is_active() and not Engine.is_editor_hint():
		_started = true
		_attach.call_deferred()


static func _attach() -> void:
	var tree: SceneTree = Engine.get_main_loop() as SceneTree
	if tree == null or EngineDebugger.has_capture(PREFIX):
		return
	EngineDebugger.register_message_capture(PREFIX, _on_message)
	# The engine prints an error for captures that outlive its debugger.
	tree.root.tree_exiting.connect(EngineDebugger.unregister_message_capture.bind(PREFIX))


static func _on_message(message: String, paths: Array) -> bool:
	if message != "reload":
		return false
	for path: Variant in paths:
		if path is String and not _waiting.has(path):
			_waiting.append(path as String)
	# Not here: the debugger also delivers messages in the middle of a load, and a load must not begin in another one.
	_reload.call_deferred()
	return true


static func _reload() -> void:
	if _reloading:
		return
	_reloading = true
	var done: PackedStringArray = []
	while not _waiting.is_empty():
		var path: String = _waiting[0]
		_waiting.remove_at(0)
		# Only models that the game holds: others are loaded from the new file anyway.
		if ResourceLoader.has_cached(path):
			ResourceLoader.load(path, "", ResourceLoader.CACHE_MODE_REPLACE)
		done.append(path)
	_reloading = false
	if not done.is_empty():
		EngineDebugger.send_message("%s:reloaded" % PREFIX, Array(done))
