@tool
extends RefCounted
## One event stream of JSON-RPC messages. In a session its events have ids and are kept for a while, so that a client
## whose connection broke can continue (GET with Last-Event-ID).

const RETRY_MSEC: int = 500
const MAX_KEPT_EVENTS: int = 256
const MAX_KEPT_CHARACTERS: int = 2 * 1024 * 1024
const HttpConnection = preload("http_connection.gd")
const HttpResponse = preload("http_response.gd")
const JsonText = preload("../json/json_text.gd")

## Empty = events have no ids and are not kept.
var name: String = ""
var is_finished: bool = false
var finished_at: int = 0

var _connection: HttpConnection = null
var _next_number: int = 0
var _kept: Array[Dictionary] = []
var _kept_characters: int = 0
var _last_write: int = 0


## Sends the response's head and, when the stream can be resumed, a first event that has nothing but an id.
func open(connection: HttpConnection, headers: Dictionary[String, String] = {}) -> void:
	var head: HttpResponse = HttpResponse.new()
	head.headers = headers
	_connection = connection
	_last_write = Time.get_ticks_msec()
	connection.begin_stream(head)
	if not name.is_empty() and _next_number == 0:
		connection.write_stream("id: %s\nretry: %d\ndata: \n\n" % [_take_id(), RETRY_MSEC])


func send(message: Dictionary) -> void:
	send_encoded(JsonText.encode(message))


func send_encoded(message: String) -> void:
	if is_finished:
		return
	var event: String = "event: message\ndata: %s\n\n" % message
	if not name.is_empty():
		event = "id: %s\n%s" % [_take_id(), event]
		_keep(event)
	_write(event)


## Sends the events after the one with this number again, then continues on this connection.
func resume(connection: HttpConnection, last_number: int, headers: Dictionary[String, String]) -> void:
	detach()
	open(connection, headers)
	for event: Dictionary in _kept:
		if event["number"] > last_number:
			_write(event["text"])
	if is_finished:
		connection.end_stream()
		_connection = null


## Ends the response but not the stream: the client comes back for the rest.
func detach() -> void:
	if _connection != null:
		_connection.end_stream()
	_connection = null


func finish() -> void:
	is_finished = true
	finished_at = Time.get_ticks_msec()
	detach()


## A comment at intervals keeps the connection alive and shows early that a client has disconnected.
func keep_alive(now: int, every_msec: int) -> void:
	if _connection != null and now - _last_write > every_msec:
		_write(": \n\n")


func is_attached() -> bool:
	return _connection != null and not _connection.is_closed()


func uses(connection: HttpConnection) -> bool:
	return _connection == connection


## The connection has closed; nothing can be written to it.
func lose_connection() -> void:
	_connection = null


func _write(text: String) -> void:
	if _connection != null:
		_last_write = Time.get_ticks_msec()
		_connection.write_stream(text)


func _take_id() -> String:
	_next_number += 1
	return "%s-%d" % [name, _next_number]


func _keep(text: String) -> void:
	_kept.append({"number": _next_number, "text": text})
	_kept_characters += text.length()
	while _kept.size() > MAX_KEPT_EVENTS or (_kept_characters > MAX_KEPT_CHARACTERS and _kept.size() > 1):
		var oldest: Dictionary = _kept.pop_front()
		_kept_characters -= str(oldest["text"]).length()
