extends RefCounted
## One request and its answer over Godot's HTTPClient, polled by the frame.

const Address := preload("address.gd")
const CHUNK_BYTES: int = 256 * 1024
const REDIRECTS: PackedInt32Array = [301, 302, 303, 307, 308]
const _WAITING: PackedInt32Array = [
	HTTPClient.STATUS_RESOLVING, HTTPClient.STATUS_CONNECTING, HTTPClient.STATUS_REQUESTING
]

## What went wrong; empty while nothing did.
var problem: String = ""

var _client: HTTPClient = HTTPClient.new()
var _address: Address
var _headers: PackedStringArray = []
var _is_sent: bool = false
var _has_head: bool = false
var _answer_headers: Dictionary = {}
var _stall_msec: int
var _heard_msec: int = 0


func _init(stall_seconds: float) -> void:
	_stall_msec = int(1000 * stall_seconds)
	_client.read_chunk_size = CHUNK_BYTES


## Connects; the request goes out by itself when the connection stands.
func begin(address: Address, headers: PackedStringArray) -> void:
	_client.close()
	_address = address
	_headers = headers
	_is_sent = false
	_has_head = false
	problem = ""
	_heard_msec = Time.get_ticks_msec()
	var tls: TLSOptions = TLSOptions.client() if address.is_encrypted() else null
	if _client.connect_to_host(address.host.trim_prefix("[").trim_suffix("]"), address.port, tls) != OK:
		problem = "the host cannot be reached"


func poll() -> void:
	_client.poll()
	var status: int = _client.get_status()
	if status in _WAITING:
		_check_stall()
	elif status == HTTPClient.STATUS_CONNECTED and not _is_sent:
		_is_sent = true
		if _client.request(HTTPClient.METHOD_GET, _address.path, _headers) != OK:
			problem = "the request could not be sent"
	elif status == HTTPClient.STATUS_BODY or (status == HTTPClient.STATUS_CONNECTED and _is_sent):
		_take_head()
	else:
		problem = _problem_of(status)


func has_head() -> bool:
	return _has_head


func get_code() -> int:
	return _client.get_response_code()


func is_redirect() -> bool:
	return get_code() in REDIRECTS


## A header of the answer by its name in lower case; empty without one.
func get_header(header: String) -> String:
	return str(_answer_headers.get(header, ""))


## Bytes of the answer's body; -1 when the server does not say.
func get_length() -> int:
	return _client.get_response_body_length()


## Whether the answer is the part of the file from this byte on.
func continues_at(offset: int) -> bool:
	return get_header("content-range").begins_with("bytes %d-" % offset)


## Bytes that have arrived; empty when there are none now.
func read() -> PackedByteArray:
	_client.poll()
	if _client.get_status() != HTTPClient.STATUS_BODY:
		return PackedByteArray()
	var chunk: PackedByteArray = _client.read_response_body_chunk()
	if chunk.is_empty():
		_check_stall()
	else:
		_heard_msec = Time.get_ticks_msec()
	return chunk


## Whether the body is complete, or the connection broken.
func is_over() -> bool:
	return not problem.is_empty() or _client.get_status() != HTTPClient.STATUS_BODY


## Whether the last chunk of a chunked body has arrived. The end of a body without a length is unknown.
func is_complete() -> bool:
	var comes_in_chunks: bool = get_header("transfer-encoding").to_lower().contains("chunked")
	return not comes_in_chunks or _client.get_status() == HTTPClient.STATUS_CONNECTED


func _take_head() -> void:
	_has_head = true
	_heard_msec = Time.get_ticks_msec()
	var found: Dictionary = _client.get_response_headers_as_dictionary()
	_answer_headers = {}
	for header: String in found:
		_answer_headers[header.to_lower()] = found[header]


func _check_stall() -> void:
	if Time.get_ticks_msec() - _heard_msec > _stall_msec:
		problem = "the server sent nothing for %.0f seconds" % (_stall_msec / 1000.0)
		_client.close()


static func _problem_of(status: int) -> String:
	match status:
		HTTPClient.STATUS_CANT_RESOLVE:
			return "the host's name cannot be resolved"
		HTTPClient.STATUS_CANT_CONNECT:
			return "the host does not answer"
		HTTPClient.STATUS_TLS_HANDSHAKE_ERROR:
			return "the host's certificate is not valid"
	return "the connection broke"
