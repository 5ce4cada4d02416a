@tool
extends RefCounted
## The state of a client that opened with `initialize` (revisions up to 2025-11-25).

const MAX_STREAMS: int = 64
const FORGET_STREAM_MSEC: int = 60000
const SseStream = preload("../http/sse_stream.gd")

## The secret that the client sends as Mcp-Session-Id.
var id: String = ""
## A name that may be shown and logged.
var client_id: String = ""
var protocol_version: String = ""
var client_info: Dictionary = {}
var client_capabilities: Dictionary = {}
var log_level: String = "debug"
var subscriptions: Dictionary[String, bool] = {}
## Request id -> its exchange, until that is answered.
var exchanges: Dictionary = {}
## Id of a request to the client -> the exchange that sent it.
var asked: Dictionary[String, RefCounted] = {}
## The stream of GET: messages that belong to no request.
var standalone: SseStream = null
var last_used: int = 0

var _streams: Dictionary[String, SseStream] = {}
var _stream_count: int = 0
var _request_count: int = 0


func touch() -> void:
	last_used = Time.get_ticks_msec()


## A stream whose events are kept until a minute after it finished.
func new_stream() -> SseStream:
	_forget_old_streams()
	_stream_count += 1
	var stream: SseStream = SseStream.new()
	stream.name = "s%d" % _stream_count
	_streams[stream.name] = stream
	return stream


## The stream that an event id belongs to, or null.
func find_stream(event_id: String) -> SseStream:
	return _streams.get(event_id.get_slice("-", 0))


func next_request_id() -> String:
	_request_count += 1
	return "server-%d" % _request_count


func notify(message: Dictionary) -> void:
	if standalone != null:
		standalone.send(message)


func close() -> void:
	for stream: SseStream in _streams.values():
		stream.finish()
	_streams.clear()
	standalone = null


func _forget_old_streams() -> void:
	var now: int = Time.get_ticks_msec()
	for stream_name: String in _streams.keys():
		var stream: SseStream = _streams[stream_name]
		if stream.is_finished and (now - stream.finished_at > FORGET_STREAM_MSEC or _streams.size() > MAX_STREAMS):
			_streams.erase(stream_name)
