@tool
extends RefCounted
## One client's TCP connection: reads requests one after another, writes answers, keeps every limit. Used by the
## server's thread only.

enum State { READING_HEAD, READING_BODY, ANSWERING, STREAMING, CLOSING, CLOSED }

const READ_SIZE: int = 65536
const LINGER_MSEC: int = 1000
const MAX_UNSENT_BYTES: int = 16 * 1024 * 1024
const HttpRequest = preload("http_request.gd")
const HttpResponse = preload("http_response.gd")
const HttpLimits = preload("http_limits.gd")

var number: int = 0
## Whether a request of this client was admitted.
var is_known: bool = false
## When it was accepted, in milliseconds.
var accepted: int = 0
var state: State = State.READING_HEAD
## The request that is being answered.
var request: HttpRequest = null
## Data of the handler about this client.
var notes: Dictionary = {}

var _peer: StreamPeerTCP = null
var _limits: HttpLimits = null
var _input: PackedByteArray = PackedByteArray()
var _scanned: int = 0
var _taken: bool = false
var _output: PackedByteArray = PackedByteArray()
var _sent: int = 0
var _deadline: int = 0
var _write_deadline: int = 0
var _tokens: float = 0.0
var _refilled: int = 0


func _init(peer: StreamPeerTCP, connection_number: int, limits: HttpLimits) -> void:
	_peer = peer
	_peer.set_no_delay(true)
	number = connection_number
	_limits = limits
	_tokens = limits.burst
	_refilled = Time.get_ticks_msec()
	accepted = _refilled
	_deadline = _refilled + limits.head_msec


## Moves bytes. Returns true when something happened. A whole request is left in `request`, with state ANSWERING.
## `admit` takes the request when its head is read and returns a refusal (HttpResponse) or null.
func poll(now: int, admit: Callable) -> bool:
	if state == State.CLOSED:
		return false
	_peer.poll()
	if _peer.get_status() != StreamPeerTCP.STATUS_CONNECTED:
		close()
		return true
	var moved: bool = flush(now)
	if state == State.CLOSING:
		_linger(now)
		return moved
	if state <= State.READING_BODY:
		moved = _read(now, admit) or moved
	return moved


func is_closed() -> bool:
	return state == State.CLOSED


## Whether it waits for the next request of its client.
func is_idle() -> bool:
	return state == State.READING_HEAD and _input.is_empty() and _output.is_empty()


## When it was last used, in milliseconds, for one that is idle.
func idle_since() -> int:
	return _deadline - _limits.idle_msec


## The request that has just become whole, once; null at any other time.
func take_request() -> HttpRequest:
	if state != State.ANSWERING or _taken:
		return null
	_taken = true
	return request


## Answers the current request; the connection then waits for the next one.
func respond(response: HttpResponse) -> void:
	if state == State.CLOSED or state == State.CLOSING:
		return
	var again: bool = request != null and request.keep_alive
	_write(response.to_bytes(again))
	if again:
		_next_request()
	else:
		_close_after_writing()


func begin_stream(head: HttpResponse) -> void:
	if state == State.ANSWERING:
		_write(head.to_stream_head())
		state = State.STREAMING


func write_stream(text: String) -> void:
	if state != State.STREAMING:
		return
	var bytes: PackedByteArray = text.to_utf8_buffer()
	var chunk: PackedByteArray = ("%x\r\n" % bytes.size()).to_ascii_buffer()
	chunk.append_array(bytes)
	chunk.append_array("\r\n".to_ascii_buffer())
	_write(chunk)


func end_stream() -> void:
	if state != State.STREAMING:
		return
	_write("0\r\n\r\n".to_ascii_buffer())
	if request.keep_alive:
		_next_request()
	else:
		_close_after_writing()


## Sends as many bytes as possible. Returns true when some were sent.
func flush(now: int) -> bool:
	if _output.is_empty():
		return false
	var chunk: PackedByteArray = _output if _sent == 0 else _output.slice(_sent)
	var outcome: Array = _peer.put_partial_data(chunk)
	if outcome[0] != OK:
		close()
		return true
	var count: int = outcome[1]
	_sent += count
	if count > 0:
		_write_deadline = now + _limits.write_msec
	elif now > _write_deadline:
		close()
		return true
	if _sent == _output.size():
		_output = PackedByteArray()
		_sent = 0
	return count > 0


func has_unsent_bytes() -> bool:
	return not _output.is_empty()


func close() -> void:
	state = State.CLOSED
	_peer.disconnect_from_host()
	_input.clear()
	_output.clear()


func _read(now: int, admit: Callable) -> bool:
	var available: int = _peer.get_available_bytes()
	var moved: bool = available > 0
	if moved:
		var received: Array = _peer.get_partial_data(mini(available, READ_SIZE))
		if received[0] != OK:
			close()
			return true
		_input.append_array(received[1])
	if state == State.READING_HEAD and not _input.is_empty():
		_read_head(now, admit)
	if state == State.READING_BODY and _input.size() >= request.content_length:
		request.body = _input.slice(0, request.content_length)
		_input = _input.slice(request.content_length)
		state = State.ANSWERING
		return true
	if state <= State.READING_BODY and now > _deadline:
		# An idle connection that never began a request is closed without a word.
		if _input.is_empty() and state == State.READING_HEAD:
			close()
		else:
			refuse(408, "The request took too long.")
		return true
	return moved


func _read_head(now: int, admit: Callable) -> void:
	if _scanned == 0:
		_deadline = mini(_deadline, now + _limits.head_msec)
	var end: int = HttpRequest.find_head_end(_input, maxi(_scanned - 2, 0))
	_scanned = _input.size()
	if end < 0:
		if _input.size() > HttpRequest.MAX_HEAD_BYTES:
			refuse(431, "The head is larger than %d bytes." % HttpRequest.MAX_HEAD_BYTES)
		return
	if end > HttpRequest.MAX_HEAD_BYTES:
		refuse(431, "The head is larger than %d bytes." % HttpRequest.MAX_HEAD_BYTES)
		return
	request = HttpRequest.parse_head(_input.slice(0, end))
	_input = _input.slice(end)
	if request.refusal != 0:
		refuse(request.refusal, request.reason)
		return
	if request.content_length > _limits.body_bytes:
		refuse(413, "A body may have at most %d bytes." % _limits.body_bytes)
		return
	if not _take_token(now):
		refuse(429, "Too many requests.")
		return
	var refusal: HttpResponse = admit.call(request)
	if refusal != null:
		# The body of a refused request is not read, so the connection cannot go on.
		request.keep_alive = false
		respond(refusal)
		return
	is_known = true
	if request.expects_continue and _input.size() < request.content_length:
		_write("HTTP/1.1 100 Continue\r\n\r\n".to_ascii_buffer())
	state = State.READING_BODY
	_deadline = now + _limits.body_msec


func refuse(status: int, message: String) -> void:
	if request == null:
		request = HttpRequest.new()
	request.keep_alive = false
	respond(HttpResponse.text(status, message))


func _next_request() -> void:
	if state == State.CLOSED:
		return
	state = State.READING_HEAD
	request = null
	_taken = false
	_scanned = 0
	_deadline = Time.get_ticks_msec() + _limits.idle_msec


func _close_after_writing() -> void:
	if state == State.CLOSED:
		return
	state = State.CLOSING
	_deadline = Time.get_ticks_msec() + LINGER_MSEC


## Reads on for a moment without listening: closing on unread bytes would take the answer from the client.
func _linger(now: int) -> void:
	var available: int = _peer.get_available_bytes()
	if available > 0:
		_peer.get_partial_data(mini(available, READ_SIZE))
	if now > _deadline:
		close()


func _write(bytes: PackedByteArray) -> void:
	if _output.size() - _sent + bytes.size() > MAX_UNSENT_BYTES:
		close()
		return
	if _output.is_empty():
		_write_deadline = Time.get_ticks_msec() + _limits.write_msec
	_output.append_array(bytes)
	flush(Time.get_ticks_msec())


func _take_token(now: int) -> bool:
	_tokens = minf(_limits.burst, _tokens + (now - _refilled) * _limits.requests_per_second / 1000.0)
	_refilled = now
	if _tokens < 1.0:
		return false
	_tokens -= 1.0
	return true
