@tool
extends EditorDebuggerPlugin
## The editor's end of the connection to running games.

const Protocol := preload("res://addons/executorch/runtime/telemetry/telemetry_protocol.gd")
const LiveFeed := preload("res://addons/executorch/editor/profiler/data/live_feed.gd")
const LiveModel := preload("res://addons/executorch/editor/profiler/data/live_model.gd")

var feed: LiveFeed = LiveFeed.new()


func _has_capture(capture: String) -> bool:
	return capture == Protocol.PREFIX


func _capture(message: String, data: Array, session_id: int) -> bool:
	feed.receive(session_id, message.trim_prefix(Protocol.PREFIX + ":"), data)
	# Also what was dropped is ours: Godot would report it as an unknown message.
	return true


func _setup_session(session_id: int) -> void:
	var session: EditorDebuggerSession = get_session(session_id)
	session.started.connect(feed.begin_session.bind(session_id))
	session.stopped.connect(feed.end_session.bind(session_id))
	if session.is_active():
		feed.begin_session(session_id)
		session.send_message(Protocol.PREFIX + ":describe", [])


## Traces the model's calls that take longer than `threshold_us`; 0 = its next call only, negative = stops.
func trace(model: LiveModel, threshold_us: float) -> void:
	if not model.ended and get_session(model.session).is_active():
		get_session(model.session).send_message(Protocol.PREFIX + ":trace", [model.id, threshold_us])


## Asks for the inputs of the model's next calls; 0 = no more.
func record(model: LiveModel, calls: int) -> void:
	if not model.ended and get_session(model.session).is_active():
		get_session(model.session).send_message(Protocol.PREFIX + ":record", [model.id, calls])
