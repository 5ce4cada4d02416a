@tool
extends RefCounted
## Frames of JSON-RPC over one TCP stream; nothing here waits.

const MAX_FRAME_BYTES: int = 16 * 1024 * 1024
const HEADER_BYTES: int = 4

## Why the stream was given up, when it was not the other side that closed it.
var fault: String = ""

var _stream: StreamPeerTCP
var _received: PackedByteArray = []
var _unsent: PackedByteArray = []


func _init(stream: StreamPeerTCP) -> void:
	_stream = stream
	_stream.set_no_delay(true)


## Whether messages may still come or go.
func is_open() -> bool:
	return _stream != null and _stream.get_status() == StreamPeerTCP.STATUS_CONNECTED


func close() -> void:
	if _stream != null:
		_stream.disconnect_from_host()
		_stream = null


## Queues a message; it goes out with the next polls.
func send(message: Dictionary) -> void:
	message["jsonrpc"] = "2.0"
	var body: PackedByteArray = JSON.stringify(message).to_utf8_buffer()
	var header: PackedByteArray = []
	header.resize(HEADER_BYTES)
	for index: int in HEADER_BYTES:
		header[index] = (body.size() >> (8 * (HEADER_BYTES - 1 - index))) & 0xFF
	_unsent.append_array(header)
	_unsent.append_array(body)
	_write()


## Reads and writes without waiting; returns the messages that are complete.
func poll() -> Array[Dictionary]:
	var messages: Array[Dictionary] = []
	if _stream == null:
		return messages
	_stream.poll()
	if not is_open():
		return messages
	_write()
	var available: int = _stream.get_available_bytes()
	if available > 0:
		var read: Array = _stream.get_partial_data(available)
		_received.append_array(read[1] as PackedByteArray)
	while _stream != null and _received.size() >= HEADER_BYTES:
		var length: int = _received[0] << 24 | _received[1] << 16 | _received[2] << 8 | _received[3]
		if length > MAX_FRAME_BYTES:
			_give_up("a frame of %d bytes" % length)
			break
		if _received.size() < HEADER_BYTES + length:
			break
		var text: String = _received.slice(HEADER_BYTES, HEADER_BYTES + length).get_string_from_utf8()
		_received = _received.slice(HEADER_BYTES + length)
		var parser: JSON = JSON.new()
		if parser.parse(text) == OK and parser.data is Dictionary:
			messages.append(parser.data)
		else:
			_give_up("a message that is not a JSON object")
	return messages


func _write() -> void:
	if _unsent.is_empty() or not is_open():
		return
	var written: Array = _stream.put_partial_data(_unsent)
	if int(written[0]) == OK:
		_unsent = _unsent.slice(int(written[1]))


func _give_up(what: String) -> void:
	fault = what
	close()
