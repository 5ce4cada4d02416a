@tool
extends RefCounted
## One JSON-RPC request, the connection that it came from, and its answer. Used by the server's thread, or by the one
## that called `handle_request`.

const HTTP_STATUS: Dictionary[int, int] = {
	-32700: 400, -32600: 400, -32602: 400, -32020: 400, -32021: 400, -32022: 400, -32601: 404
}
## Less than an HttpConnection buffers for a client: a longer answer would end the connection without an error.
const MAX_ANSWER_BYTES: int = 15 * 1024 * 1024
const HttpConnection = preload("../http/http_connection.gd")
const HttpRequest = preload("../http/http_request.gd")
const HttpResponse = preload("../http/http_response.gd")
const JsonRpc = preload("../json/json_rpc.gd")
const JsonText = preload("../json/json_text.gd")
const McpSession = preload("mcp_session.gd")
const SseStream = preload("../http/sse_stream.gd")

var id: Variant = null
var method: String = ""
var params: Dictionary = {}
## Revision 2026-07-28 or later: the request contains everything, without a session.
var is_stateless: bool = true
var protocol_version: String = ""
var client_info: Dictionary = {}
var client_capabilities: Dictionary = {}
var client_id: String = ""
## Null for stateless and local exchanges.
var session: McpSession = null
## Null for an exchange inside the process.
var connection: HttpConnection = null
var request: HttpRequest = null
var stream: SseStream = null
var running: ExecuTorchMCPCall = null
var is_done: bool = false
## The answer (also after it was sent).
var reply: Dictionary = {}
var began: int = Time.get_ticks_msec()
var deadline: int = 0
## Ids of requests that were sent to the client for this exchange -> keys of input requests.
var asked: Dictionary[String, String] = {}
## Headers of the response.
var headers: Dictionary[String, String] = {}


func answer(result: Dictionary) -> void:
	finish(JsonRpc.result(id, result))


func fail(code: int, message: String, data: Variant = null) -> void:
	finish(JsonRpc.error(id, code, message, data))


func finish(message: Dictionary) -> void:
	if is_done:
		return
	is_done = true
	reply = message
	if running != null:
		# Call and exchange refer to each other; one reference must end, also when the call never began.
		running.exchange = null
	if stream == null and connection == null:
		return
	var encoded: String = JsonText.encode(message)
	if encoded.length() * 4 > MAX_ANSWER_BYTES and encoded.to_utf8_buffer().size() > MAX_ANSWER_BYTES:
		reply = JsonRpc.error(id, JsonRpc.INTERNAL_ERROR, "The answer may have at most %d bytes." % MAX_ANSWER_BYTES)
		encoded = JsonText.encode(reply)
	if stream != null:
		stream.send_encoded(encoded)
		stream.finish()
	elif connection != null:
		var response: HttpResponse = HttpResponse.json(_status_of(reply), encoded)
		response.headers = headers
		connection.respond(response)


## Cancels the call: its client no longer waits.
func give_up() -> void:
	if running != null:
		running.cancel()
		# Call and exchange refer to each other; one reference must end.
		running.exchange = null


## Ends without an answer, as for a request that its client cancelled.
func abandon() -> void:
	if is_done:
		return
	is_done = true
	if connection != null and not connection.is_closed():
		if open_stream():
			stream.finish()
	elif stream != null:
		stream.finish()


## Makes the response an event stream. Returns false when the client does not accept one.
func open_stream() -> bool:
	if stream != null:
		return true
	if connection == null or connection.is_closed() or not request.accepts("text/event-stream"):
		return false
	stream = session.new_stream() if session != null else SseStream.new()
	stream.open(connection, headers)
	return true


func notify(message: Dictionary) -> void:
	if not is_done and open_stream():
		stream.send(message)


func _status_of(message: Dictionary) -> int:
	if not is_stateless or not message.has("error"):
		return 200
	return HTTP_STATUS.get(message["error"]["code"], 200)
