@tool
extends RefCounted
## An HTTP/1.1 server on 127.0.0.1 with a thread of its own, so that the frame loop does not see it. The handler has
## `admit(request) -> HttpResponse or null`, `handle(connection, request)`, `disconnected(connection)`,
## `tick(now) -> bool` (true = it did something) and `close()`; all are called on the server's thread.

const FAREWELL_MSEC: int = 200
const ADDRESS: String = "127.0.0.1"
const HttpConnection = preload("http_connection.gd")
const HttpRequest = preload("http_request.gd")
const HttpLimits = preload("http_limits.gd")

var limits: HttpLimits = HttpLimits.new()

var _listener: TCPServer = TCPServer.new()
var _thread: Thread = null
var _handler: Object = null
var _connections: Array[HttpConnection] = []
var _count: int = 0
var _stopping: bool = false
var _mutex: Mutex = Mutex.new()


## Port 0 lets the system choose. Returns OK or Godot's error.
func start(port: int, handler: Object) -> Error:
	if _thread != null:
		return ERR_ALREADY_IN_USE
	var error: Error = _listener.listen(port, ADDRESS)
	if error != OK:
		return error
	_handler = handler
	_stopping = false
	_thread = Thread.new()
	# On systems with thread priorities, the frame loop has a higher one.
	return _thread.start(_serve, Thread.PRIORITY_LOW)


func stop() -> void:
	if _thread == null:
		return
	_mutex.lock()
	_stopping = true
	_mutex.unlock()
	_thread.wait_to_finish()
	_thread = null
	_listener.stop()
	_handler = null


func is_running() -> bool:
	return _thread != null


func get_port() -> int:
	return _listener.get_local_port() if _listener.is_listening() else 0


func _serve() -> void:
	var quiet_since: int = Time.get_ticks_msec()
	while not _should_stop():
		var now: int = Time.get_ticks_msec()
		var moved: bool = _accept()
		for connection: HttpConnection in _connections:
			moved = connection.poll(now, _handler.admit) or moved
			var request: HttpRequest = connection.take_request()
			if request != null:
				moved = true
				if _has_place_for(connection):
					_handler.handle(connection, request)
				else:
					connection.refuse(503, "Too many connections.")
		moved = _handler.tick(now) or moved
		_forget_closed()
		if moved:
			quiet_since = now
		OS.delay_usec(_pause_usec(now - quiet_since))
	_handler.close()
	_send_rest()
	for connection: HttpConnection in _connections:
		connection.close()
	_connections.clear()


## Sends the last bytes, without waiting for a client that does not read them.
func _send_rest() -> void:
	var deadline: int = Time.get_ticks_msec() + FAREWELL_MSEC
	var is_writing: bool = true
	while is_writing and Time.get_ticks_msec() < deadline:
		is_writing = false
		for connection: HttpConnection in _connections:
			connection.flush(Time.get_ticks_msec())
			is_writing = is_writing or connection.has_unsent_bytes()
		OS.delay_usec(500)


func _accept() -> bool:
	var accepted: bool = false
	while _listener.is_connection_available():
		_connections.append(HttpConnection.new(_listener.take_connection(), _count, limits))
		_count += 1
		accepted = true
	_close_strangers(Time.get_ticks_msec())
	return accepted


## Keeps connections without the token few, so that a client with the token always finds a slot.
func _close_strangers(now: int) -> void:
	var strangers: Array[HttpConnection] = _connections.filter(
		func(one: HttpConnection) -> bool: return not one.is_known and not one.is_closed()
	)
	# In the order in which they came.
	for index: int in strangers.size() - limits.strangers:
		var is_young: bool = now - strangers[index].accepted <= limits.stranger_msec
		if not is_young or strangers.size() - index > limits.most_strangers:
			strangers[index].close()


## Whether there are few enough clients with the token. An idle connection is closed for one with a request.
func _has_place_for(asking: HttpConnection) -> bool:
	var known: int = 0
	var idlest: HttpConnection = null
	for one: HttpConnection in _connections:
		known += int(one.is_known and not one.is_closed())
		var waits: bool = one != asking and one.is_known and one.is_idle()
		if waits and (idlest == null or one.idle_since() < idlest.idle_since()):
			idlest = one
	if known > limits.connections and idlest != null:
		idlest.close()
		known -= 1
	return known <= limits.connections


func _forget_closed() -> void:
	var index: int = _connections.size() - 1
	while index >= 0:
		if _connections[index].is_closed():
			_handler.disconnected(_connections[index])
			_connections.remove_at(index)
		index -= 1


func _should_stop() -> bool:
	_mutex.lock()
	var stopping: bool = _stopping
	_mutex.unlock()
	return stopping


## Sockets are polled: quickly while something happens, ever slower in quiet times.
static func _pause_usec(quiet_msec: int) -> int:
	if quiet_msec < 5:
		return 50
	if quiet_msec < 100:
		return 500
	if quiet_msec < 2000:
		return 2000
	return 10000
