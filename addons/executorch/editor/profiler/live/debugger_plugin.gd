@tool
extends EditorDebuggerPlugin
## The editor's end of the connection to running games.

const Protocol := preload("res://addons/executorch/runtime/telemetry/telemetry_protocol.gd")
const LiveFeed := preload("res://addons/executorch/editor/profiler/live/live_feed.gd")
const LiveModel := preload("res://addons/executorch/editor/profiler/live/live_model.gd")

var feed: LiveFeed = LiveFeed.new()

var _requests: int = 0


func _has_capture(capture: String) -> bool:
	return capture == Protocol.PREFIX


func _capture(message: String, data: Array, session_id: int) -> bool:
	feed.receive(session_id, message.trim_prefix(Protocol.PREFIX + ":"), data)
	# Dropped messages are handled too: Godot would report them as unknown.
	return true


func _setup_session(session_id: int) -> void:
	var session: EditorDebuggerSession = get_session(session_id)
	session.started.connect(feed.begin_session.bind(session_id))
	session.stopped.connect(feed.end_session.bind(session_id))
	if session.is_active():
		feed.begin_session(session_id)
		_ask(session_id, "describe", [])


## Traces the model's calls that take longer than `threshold_us`; 0 = its next call only, negative = stops.
func trace(model: LiveModel, threshold_us: float) -> void:
	if not model.ended:
		_ask(model.session, "trace", [model.id, threshold_us])


## Asks for the inputs of the model's next calls; 0 = no more.
func record(model: LiveModel, calls: int) -> void:
	if not model.ended:
		_ask(model.session, "record", [model.id, calls])


func _ask(session_id: int, message: String, arguments: Array) -> void:
	var session: EditorDebuggerSession = get_session(session_id)
	if session.is_active():
		_requests += 1
		session.send_message("%s:%s" % [Protocol.PREFIX, message], [_requests] + arguments)
