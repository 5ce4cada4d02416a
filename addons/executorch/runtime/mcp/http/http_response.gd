@tool
extends RefCounted
## The bytes of an HTTP response.

const PHRASES: Dictionary[int, String] = {
	200: "OK",
	202: "Accepted",
	204: "No Content",
	400: "Bad Request",
	401: "Unauthorized",
	403: "Forbidden",
	404: "Not Found",
	405: "Method Not Allowed",
	406: "Not Acceptable",
	408: "Request Timeout",
	409: "Conflict",
	411: "Length Required",
	413: "Content Too Large",
	415: "Unsupported Media Type",
	429: "Too Many Requests",
	431: "Request Header Fields Too Large",
	500: "Internal Server Error",
	501: "Not Implemented",
	503: "Service Unavailable",
	505: "HTTP Version Not Supported",
}

const HttpResponse = preload("http_response.gd")

var status: int = 200
var content_type: String = ""
var body: PackedByteArray = PackedByteArray()
var headers: Dictionary[String, String] = {}


static func text(status_code: int, message: String) -> HttpResponse:
	var response: HttpResponse = HttpResponse.new()
	response.status = status_code
	response.content_type = "text/plain; charset=utf-8"
	response.body = (message + "\n").to_utf8_buffer()
	return response


static func json(status_code: int, encoded: String) -> HttpResponse:
	var response: HttpResponse = HttpResponse.new()
	response.status = status_code
	response.content_type = "application/json"
	response.body = encoded.to_utf8_buffer()
	return response


static func empty(status_code: int) -> HttpResponse:
	var response: HttpResponse = HttpResponse.new()
	response.status = status_code
	return response


func to_bytes(keep_alive: bool) -> PackedByteArray:
	var head: String = _status_line() + "Content-Length: %d\r\n" % body.size()
	if not content_type.is_empty():
		head += "Content-Type: %s\r\n" % content_type
	# Nothing here is for a browser or a shared cache.
	head += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
	head += "Connection: %s\r\n\r\n" % ("keep-alive" if keep_alive else "close")
	var bytes: PackedByteArray = head.to_ascii_buffer()
	bytes.append_array(body)
	return bytes


## The head of an event stream. Its events go out as chunks, so that the connection can be used again.
func to_stream_head() -> PackedByteArray:
	return (
		(
			_status_line()
			+ "Content-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\n"
			+ "X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
		)
		. to_ascii_buffer()
	)


func _status_line() -> String:
	var line: String = "HTTP/1.1 %d %s\r\n" % [status, PHRASES.get(status, "Status")]
	for name: String in headers:
		line += "%s: %s\r\n" % [name, headers[name]]
	return line
