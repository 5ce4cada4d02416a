@tool
extends RefCounted
## Streamable HTTP: turns HTTP requests into exchanges, keeps sessions, streams and subscriptions, and brings what
## running calls say to the right connection. Everything but `post` runs on the HTTP server's thread.

const MAX_SESSIONS: int = 64
const MAX_SUBSCRIPTIONS: int = 32
const SESSION_IDLE_MSEC: int = 30 * 60 * 1000
const KEEP_ALIVE_MSEC: int = 10000
const META: String = "io.modelcontextprotocol/"
const HttpConnection = preload("http_connection.gd")
const HttpRequest = preload("http_request.gd")
const HttpResponse = preload("http_response.gd")
const JsonRpc = preload("json_rpc.gd")
const JsonText = preload("json_text.gd")
const Mailbox = preload("mailbox.gd")
const McpAccess = preload("mcp_access.gd")
const McpCalls = preload("mcp_calls.gd")
const McpExchange = preload("mcp_exchange.gd")
const McpHeaders = preload("mcp_headers.gd")
const McpProtocol = preload("mcp_protocol.gd")
const McpSession = preload("mcp_session.gd")
const McpSubscriptions = preload("mcp_subscriptions.gd")

var access: McpAccess = null
var protocol: McpProtocol = null
var calls: McpCalls = null
var max_depth: int = 64
## tell.call(signal name, arguments): signals for the main thread.
var tell: Callable = Callable()

var _inbox: Mailbox = Mailbox.new()
var _sessions: Dictionary[String, McpSession] = {}
var _running: Array[McpExchange] = []
var _subscriptions: McpSubscriptions = McpSubscriptions.new()
var _client_count: int = 0
var _last_upkeep: int = 0


## Any thread: `{kind: "changed", list}` or `{kind: "updated", uri}`, for those who want to know.
func post(message: Dictionary) -> void:
	_inbox.push(message)


func admit(request: HttpRequest) -> HttpResponse:
	return access.check(request)


func handle(connection: HttpConnection, request: HttpRequest) -> void:
	if request.method == "POST":
		_post(connection, request)
	elif not request.headers.has("mcp-session-id"):
		var refusal: HttpResponse = HttpResponse.text(405, "Only a session has this; use POST.")
		refusal.headers["Allow"] = "POST"
		connection.respond(refusal)
	else:
		var session: McpSession = _session_of(request)
		if session == null:
			connection.respond(_error_response(404, null, JsonRpc.INVALID_REQUEST, "Session not found."))
		elif request.method == "DELETE":
			_end_session(session)
			connection.respond(HttpResponse.empty(204))
		else:
			_open_get_stream(connection, request, session)


func disconnected(connection: HttpConnection) -> void:
	for exchange: McpExchange in _running:
		if exchange.connection == connection and not exchange.is_done:
			if exchange.stream != null:
				exchange.stream.lose_connection()
			# A session's client may come back for the answer; without one, a closed connection is a cancelled request.
			if exchange.session == null:
				exchange.running.cancel()
				exchange.is_done = true
			exchange.connection = null
	for session: McpSession in _sessions.values():
		if session.standalone != null and session.standalone.uses(connection):
			session.standalone.lose_connection()
	_subscriptions.lose(connection)
	if connection.notes.has("client_id"):
		tell.call(&"client_disconnected", [connection.notes["client_id"]])


func tick(now: int) -> bool:
	var moved: bool = false
	for message: Dictionary in calls.outbox.take_all():
		moved = true
		if message["kind"] == "inputs":
			_ask(message["call"], message["requests"])
		else:
			calls.receive(message)
	for message: Dictionary in _inbox.take_all():
		moved = true
		_broadcast(message)
	if moved or now - _last_upkeep > 50:
		_last_upkeep = now
		_look_after(now)
	return moved


## Before the server stops: tells those who wait.
func close() -> void:
	for exchange: McpExchange in _running:
		if not exchange.is_done:
			exchange.running.cancel()
			exchange.fail(JsonRpc.INTERNAL_ERROR, "The server stops.")
	_running.clear()
	_subscriptions.finish_all()
	for session: McpSession in _sessions.values():
		_end_session(session)


func _post(connection: HttpConnection, request: HttpRequest) -> void:
	if not request.accepts("application/json") and not request.accepts("text/event-stream"):
		connection.respond(HttpResponse.text(406, "Accept application/json and text/event-stream."))
		return
	var decoded: Dictionary = JsonText.decode(request.body, max_depth)
	if decoded.has("error"):
		connection.respond(_error_response(400, null, JsonRpc.PARSE_ERROR, decoded["error"]))
		return
	var kind: JsonRpc.Kind = JsonRpc.classify(decoded["value"])
	if kind == JsonRpc.Kind.INVALID:
		connection.respond(_error_response(400, null, JsonRpc.INVALID_REQUEST, "Not one JSON-RPC 2.0 message."))
		return
	var message: Dictionary = decoded["value"]
	if _is_stateless(request, message):
		_post_stateless(connection, request, message, kind)
	else:
		_post_in_session(connection, request, message, kind)


func _post_stateless(connection: HttpConnection, request: HttpRequest, message: Dictionary, kind: JsonRpc.Kind) -> void:
	if kind == JsonRpc.Kind.NOTIFICATION:
		# This revision has none from the client; closing the connection is what cancels.
		connection.respond(HttpResponse.empty(202))
		return
	if kind == JsonRpc.Kind.RESPONSE:
		connection.respond(_error_response(400, null, JsonRpc.INVALID_REQUEST, "Responses are not taken."))
		return
	var exchange: McpExchange = _new_exchange(connection, request, message)
	var meta: Variant = exchange.params.get("_meta")
	for key: String in ["protocolVersion", "clientCapabilities"]:
		if not meta is Dictionary or not meta.has(META + key):
			exchange.fail(JsonRpc.INVALID_PARAMS, "_meta needs %s%s." % [META, key])
			return
	var version: Variant = meta[META + "protocolVersion"]
	var mismatch: String = McpHeaders.mismatch(request, version, exchange.method, exchange.params)
	if not mismatch.is_empty():
		exchange.fail(JsonRpc.HEADER_MISMATCH, "Header mismatch: " + mismatch)
		return
	if not version in McpProtocol.STATELESS_VERSIONS:
		var data: Dictionary = {"supported": Array(McpProtocol.STATELESS_VERSIONS), "requested": version}
		exchange.fail(JsonRpc.UNSUPPORTED_PROTOCOL_VERSION, "Unsupported protocol version", data)
		return
	if not meta[META + "clientCapabilities"] is Dictionary:
		exchange.fail(JsonRpc.INVALID_PARAMS, "%sclientCapabilities must be an object." % META)
		return
	exchange.protocol_version = version
	exchange.client_capabilities = meta[META + "clientCapabilities"]
	if meta.get(META + "clientInfo") is Dictionary:
		exchange.client_info = meta[META + "clientInfo"]
	if not connection.notes.has("client_id"):
		connection.notes["client_id"] = _name_client(exchange.client_info)
		tell.call(&"client_connected", [connection.notes["client_id"]])
	exchange.client_id = connection.notes["client_id"]
	_handle(exchange, message)


func _post_in_session(
	connection: HttpConnection, request: HttpRequest, message: Dictionary, kind: JsonRpc.Kind
) -> void:
	var opens: bool = kind == JsonRpc.Kind.REQUEST and message["method"] == "initialize"
	var session: McpSession = _session_of(request)
	if session == null and not opens:
		var status: int = 404 if request.headers.has("mcp-session-id") else 400
		var why: String = "Session not found." if status == 404 else "Header Mcp-Session-Id is missing."
		connection.respond(_error_response(status, message.get("id"), JsonRpc.INVALID_REQUEST, why))
		return
	var version: String = request.header("mcp-protocol-version")
	if not opens and not version.is_empty() and not version in McpProtocol.OLD_VERSIONS:
		var why: String = "Protocol version %s is not spoken here." % version.left(20)
		connection.respond(_error_response(400, message.get("id"), JsonRpc.INVALID_REQUEST, why))
		return
	if kind == JsonRpc.Kind.REQUEST:
		var exchange: McpExchange = _new_exchange(connection, request, message)
		exchange.is_stateless = false
		if not opens:
			_join(exchange, session)
		_handle(exchange, message)
		return
	if kind == JsonRpc.Kind.NOTIFICATION:
		tell.call(&"message_received", [session.client_id, message])
		if message["method"] == "notifications/cancelled":
			_cancel(session, message.get("params", {}))
	else:
		_take_response(session, message)
	connection.respond(HttpResponse.empty(202))


func _handle(exchange: McpExchange, message: Dictionary) -> void:
	protocol.handle(exchange)
	tell.call(&"message_received", [exchange.client_id, message])
	if not exchange.is_done and exchange.running != null:
		_running.append(exchange)
		if exchange.session != null:
			exchange.session.exchanges[exchange.id] = exchange


## For McpProtocol.open_session.
func open_session(exchange: McpExchange) -> McpSession:
	if _sessions.size() >= MAX_SESSIONS:
		_end_session(_idlest_session())
	var session: McpSession = McpSession.new()
	session.id = Crypto.new().generate_random_bytes(24).hex_encode()
	session.protocol_version = exchange.protocol_version
	session.client_capabilities = exchange.params["capabilities"]
	if exchange.params.get("clientInfo") is Dictionary:
		session.client_info = exchange.params["clientInfo"]
	session.client_id = _name_client(session.client_info)
	session.touch()
	_sessions[session.id] = session
	exchange.client_id = session.client_id
	exchange.headers["Mcp-Session-Id"] = session.id
	tell.call(&"client_connected", [session.client_id])
	return session


## For McpProtocol.open_subscription.
func open_subscription(exchange: McpExchange) -> void:
	if _subscriptions.size() >= MAX_SUBSCRIPTIONS:
		exchange.fail(JsonRpc.INTERNAL_ERROR, "Too many subscriptions.")
	else:
		_subscriptions.open(exchange)


func _join(exchange: McpExchange, session: McpSession) -> void:
	session.touch()
	exchange.session = session
	exchange.client_id = session.client_id
	exchange.protocol_version = session.protocol_version
	exchange.client_info = session.client_info
	exchange.client_capabilities = session.client_capabilities


func _open_get_stream(connection: HttpConnection, request: HttpRequest, session: McpSession) -> void:
	session.touch()
	if not request.accepts("text/event-stream"):
		connection.respond(HttpResponse.text(406, "Accept text/event-stream."))
		return
	var last_event: String = request.header("last-event-id")
	if not last_event.is_empty():
		var stream: RefCounted = session.find_stream(last_event)
		if stream == null:
			connection.respond(HttpResponse.text(404, "That event is not kept any more."))
			return
		stream.resume(connection, last_event.get_slice("-", 1).to_int(), {} as Dictionary[String, String])
		for exchange: McpExchange in session.exchanges.values():
			if exchange.stream == stream:
				exchange.connection = connection
		return
	if session.standalone != null and session.standalone.is_attached():
		connection.respond(HttpResponse.text(409, "This session has its stream already."))
		return
	if session.standalone != null:
		session.standalone.finish()
	session.standalone = session.new_stream()
	session.standalone.open(connection)


func _end_session(session: McpSession) -> void:
	for exchange: McpExchange in session.exchanges.values():
		if not exchange.is_done:
			exchange.running.cancel()
			exchange.abandon()
	session.close()
	_sessions.erase(session.id)
	tell.call(&"client_disconnected", [session.client_id])


func _cancel(session: McpSession, params: Dictionary) -> void:
	var id: Variant = JsonText.whole_number(params.get("requestId"))
	var exchange: McpExchange = session.exchanges.get(id)
	if exchange != null and not exchange.is_done:
		exchange.running.cancel()
		exchange.abandon()


## Sends a call's input requests to its client (in a session, where the server may ask).
func _ask(running: ExecuTorchMCPCall, requests: Dictionary) -> void:
	var exchange: McpExchange = running.exchange
	if exchange == null or exchange.is_done or exchange.session == null or not exchange.open_stream():
		running.fail(JsonRpc.INTERNAL_ERROR, "The client cannot be asked.")
		running.release()
		return
	for key: String in requests:
		var id: String = exchange.session.next_request_id()
		exchange.session.asked[id] = exchange
		exchange.asked[id] = key
		exchange.stream.send(JsonRpc.request(id, requests[key]["method"], requests[key].get("params", {})))
	exchange.deadline += int(ExecuTorchMCPCall.DEFAULT_INPUT_SECONDS * 1000.0)


func _take_response(session: McpSession, message: Dictionary) -> void:
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


func _broadcast(message: Dictionary) -> void:
	_subscriptions.broadcast(message)
	for session: McpSession in _sessions.values():
		if message["kind"] == "changed":
			session.notify(JsonRpc.notice("notifications/%s/list_changed" % message["list"]))
		elif session.subscriptions.has(message["uri"]):
			session.notify(JsonRpc.notice("notifications/resources/updated", {"uri": message["uri"]}))


func _look_after(now: int) -> void:
	var index: int = _running.size() - 1
	while index >= 0:
		var exchange: McpExchange = _running[index]
		if not exchange.is_done and now > exchange.deadline:
			calls.time_out(exchange)
		if not exchange.is_done and exchange.stream == null and now - exchange.began > KEEP_ALIVE_MSEC:
			exchange.open_stream()
		if exchange.stream != null:
			exchange.stream.keep_alive(now, KEEP_ALIVE_MSEC)
		if exchange.is_done:
			_running.remove_at(index)
			if exchange.session != null:
				exchange.session.exchanges.erase(exchange.id)
		index -= 1
	_subscriptions.keep_alive(now, KEEP_ALIVE_MSEC)
	for session: McpSession in _sessions.values():
		if session.standalone != null:
			session.standalone.keep_alive(now, KEEP_ALIVE_MSEC)
		var is_waiting: bool = not session.exchanges.is_empty()
		var is_listening: bool = session.standalone != null and session.standalone.is_attached()
		if now - session.last_used > SESSION_IDLE_MSEC and not is_waiting and not is_listening:
			_end_session(session)


func _new_exchange(connection: HttpConnection, request: HttpRequest, message: Dictionary) -> McpExchange:
	var exchange: McpExchange = McpExchange.new()
	exchange.id = message["id"] if message.has("id") else null
	exchange.method = message["method"]
	exchange.params = message.get("params", {})
	exchange.connection = connection
	exchange.request = request
	return exchange


func _session_of(request: HttpRequest) -> McpSession:
	return _sessions.get(request.header("mcp-session-id"))


func _idlest_session() -> McpSession:
	var idlest: McpSession = _sessions.values()[0]
	for session: McpSession in _sessions.values():
		if session.last_used < idlest.last_used:
			idlest = session
	return idlest


func _name_client(info: Dictionary) -> String:
	_client_count += 1
	var told: Variant = info.get("name")
	return "%s #%d" % [str(told).left(40) if told is String else "client", _client_count]


static func _is_stateless(request: HttpRequest, message: Dictionary) -> bool:
	var params: Variant = message.get("params")
	var meta: Variant = params.get("_meta") if params is Dictionary else null
	if meta is Dictionary and meta.has(META + "protocolVersion"):
		return true
	var version: String = request.header("mcp-protocol-version")
	var is_old: bool = version.is_empty() or version in McpProtocol.OLD_VERSIONS
	return not is_old and not request.headers.has("mcp-session-id") and message.get("method") != "initialize"


static func _error_response(status: int, id: Variant, code: int, message: String) -> HttpResponse:
	return HttpResponse.json(status, JsonText.encode(JsonRpc.error(id, code, message)))
