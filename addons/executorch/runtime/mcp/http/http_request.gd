@tool
extends RefCounted
## One HTTP/1.1 request: its head is parsed strictly, its body is the bytes that Content-Length promised.

const MAX_HEAD_BYTES: int = 16384
const MAX_HEADERS: int = 100

const JsonText = preload("../json/json_text.gd")
const HttpRequest = preload("http_request.gd")

static var _token: RegEx = RegEx.create_from_string("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
static var _visible: RegEx = RegEx.create_from_string("^[\\t\\x20-\\x7e]*$")
static var _digits: RegEx = RegEx.create_from_string("^[0-9]{1,12}$")

var method: String = ""
var path: String = ""
## Names in lower case; several lines of one name are joined by ", ".
var headers: Dictionary[String, String] = {}
## Names (lower case) that came on more than one line.
var repeated: Dictionary[String, bool] = {}
var content_length: int = 0
var keep_alive: bool = true
var expects_continue: bool = false
var body: PackedByteArray = PackedByteArray()
## The HTTP status of a refused head; 0 when it is valid.
var refusal: int = 0
var reason: String = ""


func header(name: String) -> String:
	return headers.get(name, "")


## Whether Accept has this media type or a range that contains it; without Accept every type is allowed.
func accepts(media_type: String) -> bool:
	if not headers.has("accept"):
		return true
	for part: String in header("accept").split(","):
		var range_name: String = part.get_slice(";", 0).strip_edges().to_lower()
		if range_name in [media_type, "*/*", media_type.get_slice("/", 0) + "/*"]:
			return true
	return false


## Where the head ends (the index after the empty line), or -1 when it is not whole yet.
static func find_head_end(bytes: PackedByteArray, from: int = 0) -> int:
	var index: int = bytes.find(10, from)
	while index >= 0:
		if index >= 1 and bytes[index - 1] == 10:
			return index + 1
		if index >= 2 and bytes[index - 1] == 13 and bytes[index - 2] == 10:
			return index + 1
		index = bytes.find(10, index + 1)
	return -1


## Parses a whole head. A bad one has `refusal` set.
static func parse_head(bytes: PackedByteArray) -> HttpRequest:
	var request: HttpRequest = HttpRequest.new()
	if bytes.has(0) or not JsonText.is_ascii(bytes):
		return request._refuse(400, "The head is not ASCII.")
	var lines: PackedStringArray = bytes.get_string_from_ascii().replace("\r\n", "\n").split("\n")
	var parts: PackedStringArray = lines[0].split(" ")
	if parts.size() != 3 or _token.search(parts[0]) == null or not parts[1].begins_with("/"):
		return request._refuse(400, "Bad request line.")
	if parts[2] != "HTTP/1.1" and parts[2] != "HTTP/1.0":
		return request._refuse(505 if parts[2].begins_with("HTTP/") else 400, "Only HTTP/1.1 is supported.")
	request.method = parts[0]
	request.path = parts[1].get_slice("?", 0)
	request.keep_alive = parts[2] == "HTTP/1.1"
	if lines.size() > MAX_HEADERS + 3:
		return request._refuse(431, "More than %d headers." % MAX_HEADERS)
	for index: int in range(1, lines.size()):
		if not lines[index].is_empty() and not request._add_header(lines[index]):
			return request._refuse(400, "Bad header line.")
	return request._read_framing(parts[2])


func _add_header(line: String) -> bool:
	var colon: int = line.find(":")
	if colon < 1:
		return false
	var name: String = line.left(colon)
	var value: String = line.substr(colon + 1).strip_edges()
	# A name with a space before the colon, or a folded line, is how requests are smuggled.
	if _token.search(name) == null or _visible.search(value) == null:
		return false
	name = name.to_lower()
	if headers.has(name):
		repeated[name] = true
		headers[name] += ", " + value
	else:
		headers[name] = value
	return true


func _read_framing(version: String) -> HttpRequest:
	for name: String in ["host", "content-length", "authorization", "origin", "mcp-session-id"]:
		if repeated.has(name):
			return _refuse(400, "Header %s was sent twice." % name)
	if version == "HTTP/1.1" and not headers.has("host"):
		return _refuse(400, "Header Host is missing.")
	if headers.has("transfer-encoding"):
		return _refuse(501, "Send Content-Length; chunked bodies are not read.")
	if headers.has("content-length"):
		if _digits.search(header("content-length")) == null:
			return _refuse(400, "Bad Content-Length.")
		content_length = header("content-length").to_int()
	elif method == "POST":
		return _refuse(411, "Content-Length is missing.")
	for option: String in header("connection").to_lower().split(","):
		if option.strip_edges() == "close":
			keep_alive = false
		elif option.strip_edges() == "keep-alive":
			keep_alive = true
	expects_continue = header("expect").to_lower() == "100-continue"
	return self


func _refuse(status: int, why: String) -> HttpRequest:
	refusal = status
	reason = why
	keep_alive = false
	return self
