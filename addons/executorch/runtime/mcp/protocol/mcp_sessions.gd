@tool
extends RefCounted
## The sessions of clients that opened with `initialize`: their streams, and the requests in both directions. Used by
## the HTTP server's thread.

const MAX_SESSIONS: int = 64
const IDLE_MSEC: int = 30 * 60 * 1000
const HttpConnection = preload("../http/http_connection.gd")
const HttpRequest = preload("../http/http_request.gd")
const HttpResponse = preload("../http/http_response.gd")
const JsonRpc = preload("../json/json_rpc.gd")
const JsonText = preload("../json/json_text.gd")
const McpExchange = preload("../calls/mcp_exchange.gd")
const McpSession = preload("../calls/mcp_session.gd")
const SseStream = preload("../http/sse_stream.gd")

## emit_later.call(signal name, arguments): emits a signal on the main thread.
var emit_later: Callable = Callable()

var _sessions: Dictionary[String, McpSession] = {}
var _client_count: int = 0


## Opens the session of an `initialize`; at the limit the session that was idle for the longest time ends.
func open(exchange: McpExchange) -> McpSession:
	if _sessions.size() >= MAX_SESSIONS:
		end(_idlest())
	var session: McpSession = McpSession.new()
	session.id = Crypto.new().generate_random_bytes(24).hex_encode()
	session.protocol_version = exchange.protocol_version
	session.client_capabilities = exchange.params["capabilities"]
	if exchange.params.get("clientInfo") is Dictionary:
		session.client_info = exchange.params["clientInfo"]
	session.client_id = name_client(session.client_info)
	session.touch()
	_sessions[session.id] = session
	exchange.client_id = session.client_id
	exchange.headers["Mcp-Session-Id"] = session.id
	emit_later.call(&"client_connected", [session.client_id])
	return session


## The session that a request names, or null.
func find(request: HttpRequest) -> McpSession:
	return _sessions.get(request.header("mcp-session-id"))


func join(exchange: McpExchange, session: McpSession) -> void:
	session.touch()
	exchange.session = session
	exchange.client_id = session.client_id
	exchange.protocol_version = session.protocol_version
	exchange.client_info = session.client_info
	exchange.client_capabilities = session.client_capabilities


func end(session: McpSession) -> void:
	for exchange: McpExchange in session.exchanges.values():
		if not exchange.is_done:
			exchange.give_up()
			exchange.abandon()
	session.exchanges.clear()
	session.asked.clear()
	session.close()
	_sessions.erase(session.id)
	emit_later.call(&"client_disconnected", [session.client_id])


func end_all() -> void:
	for session: McpSession in _sessions.values():
		end(session)


## GET: the session's own stream, or the rest of a stream that broke.
func open_stream(connection: HttpConnection, request: HttpRequest, session: McpSession) -> void:
	session.touch()
	if not request.accepts("text/event-stream"):
		connection.respond(HttpResponse.text(406, "Accept text/event-stream."))
		return
	var last_event: String = request.header("last-event-id")
	if not last_event.is_empty():
		_resume_stream(connection, session, last_event)
		return
	if session.standalone != null and session.standalone.is_attached():
		connection.respond(HttpResponse.text(409, "This session already has a stream."))
		return
	if session.standalone != null:
		session.standalone.finish()
	session.standalone = session.new_stream()
	session.standalone.open(connection)


## `notifications/cancelled`
func cancel(session: McpSession, params: Dictionary) -> void:
	var id: Variant = JsonText.whole_number(params.get("requestId"))
	var exchange: McpExchange = session.exchanges.get(id)
	if exchange != null and not exchange.is_done:
		exchange.give_up()
		exchange.abandon()


## Sends a call's input requests to its client.
func ask(running: ExecuTorchMCPCall, requests: Dictionary) -> void:
	var exchange: McpExchange = running.exchange
	if exchange == null or exchange.is_done or exchange.session == null or not exchange.open_stream():
		running.fail(JsonRpc.INTERNAL_ERROR, "The client does not accept requests.")
		running.release()
		return
	for key: String in requests:
		var id: String = exchange.session.next_request_id()
		exchange.session.asked[id] = exchange
		exchange.asked[id] = key
		exchange.stream.send(JsonRpc.request(id, requests[key]["method"], requests[key].get("params", {})))
	exchange.deadline += int(ExecuTorchMCPCall.DEFAULT_INPUT_SECONDS * 1000.0)


## Handles a client's answer to a request of the server.
func take_response(session: McpSession, message: Dictionary) -> void:
	session.touch()
	var id: Variant = message["id"]
	if not id is String or not session.asked.has(id):
		return
	var exchange: McpExchange = session.asked[id]
	session.asked.erase(id)
	var key: String = exchange.asked[id]
	exchange.asked.erase(id)
	if exchange.is_done:
		return
	if message.has("error") or not message["result"] is Dictionary:
		var error: Variant = message.get("error")
		var why: String = str(error.get("message", "")).left(200) if error is Dictionary else ""
		exchange.running.fail(JsonRpc.INTERNAL_ERROR, "The client refused '%s': %s" % [key, why])
		exchange.running.release()
		return
	exchange.running.responses[key] = message["result"]
	if exchange.asked.is_empty():
		exchange.running.release()


## `{kind: "changed", list}` or `{kind: "updated", uri}`
func broadcast(message: Dictionary) -> void:
	for session: McpSession in _sessions.values():
		if message["kind"] == "changed":
			session.notify(JsonRpc.notice("notifications/%s/list_changed" % message["list"]))
		elif session.subscriptions.has(message["uri"]):
			session.notify(JsonRpc.notice("notifications/resources/updated", {"uri": message["uri"]}))


## A connection has closed; the client can get the events again that were sent on it.
func lose(connection: HttpConnection) -> void:
	for session: McpSession in _sessions.values():
		if session.standalone != null and session.standalone.uses(connection):
			session.standalone.lose_connection()


func look_after(now: int, keep_alive_msec: int) -> void:
	for session: McpSession in _sessions.values():
		if session.standalone != null:
			session.standalone.keep_alive(now, keep_alive_msec)
		var is_waiting: bool = not session.exchanges.is_empty()
		var is_listening: bool = session.standalone != null and session.standalone.is_attached()
		if now - session.last_used > IDLE_MSEC and not is_waiting and not is_listening:
			end(session)


## A name that may be shown: the client's own name and a number.
func name_client(info: Dictionary) -> String:
	_client_count += 1
	var told: Variant = info.get("name")
	return "%s #%d" % [str(told).left(40) if told is String else "client", _client_count]


func _resume_stream(connection: HttpConnection, session: McpSession, last_event: String) -> void:
	var stream: SseStream = session.find_stream(last_event)
	if stream == null:
		connection.respond(HttpResponse.text(404, "That event is no longer stored."))
		return
	var no_headers: Dictionary[String, String] = {}
	stream.resume(connection, last_event.get_slice("-", 1).to_int(), no_headers)
	for exchange: McpExchange in session.exchanges.values():
		if exchange.stream == stream:
			exchange.connection = connection


func _idlest() -> McpSession:
	var idlest: McpSession = _sessions.values()[0]
	for session: McpSession in _sessions.values():
		if session.last_used < idlest.last_used:
			idlest = session
	return idlest
