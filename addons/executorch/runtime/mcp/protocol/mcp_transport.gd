@tool
extends RefCounted
## Streamable HTTP: turns HTTP requests into exchanges, supervises those that run, and sends the messages of running
## calls on the right connection. Everything but `post` runs on the HTTP server's thread.

const MAX_SUBSCRIPTIONS: int = 32
const KEEP_ALIVE_MSEC: int = 10000
const META: String = "io.modelcontextprotocol/"
const HttpConnection = preload("../http/http_connection.gd")
const HttpRequest = preload("../http/http_request.gd")
const HttpResponse = preload("../http/http_response.gd")
const JsonRpc = preload("../json/json_rpc.gd")
const JsonText = preload("../json/json_text.gd")
const Mailbox = preload("../calls/mailbox.gd")
const McpAccess = preload("../http/mcp_access.gd")
const McpCalls = preload("../calls/mcp_calls.gd")
const McpExchange = preload("../calls/mcp_exchange.gd")
const McpHeaders = preload("../calls/mcp_headers.gd")
const McpProtocol = preload("mcp_protocol.gd")
const McpSession = preload("../calls/mcp_session.gd")
const McpSessions = preload("mcp_sessions.gd")
const McpSubscriptions = preload("mcp_subscriptions.gd")

var access: McpAccess = null
var protocol: McpProtocol = null
var calls: McpCalls = null
var max_depth: int = 64
## emit_later.call(signal name, arguments): emits a signal on the main thread.
var emit_later: Callable = Callable():
	set(value):
		emit_later = value
		_sessions.emit_later = value

var _inbox: Mailbox = Mailbox.new()
var _sessions: McpSessions = McpSessions.new()
var _running: Array[McpExchange] = []
var _subscriptions: McpSubscriptions = McpSubscriptions.new()
var _last_upkeep: int = 0


## Any thread: `{kind: "changed", list}` or `{kind: "updated", uri}`, for clients that subscribed.
func post(message: Dictionary) -> void:
	_inbox.push(message)


func admit(request: HttpRequest) -> HttpResponse:
	return access.check(request)


func handle(connection: HttpConnection, request: HttpRequest) -> void:
	if request.method == "POST":
		_post(connection, request)
	elif not request.headers.has("mcp-session-id"):
		var refusal: HttpResponse = HttpResponse.text(405, "This method needs a session; use POST.")
		refusal.headers["Allow"] = "POST"
		connection.respond(refusal)
	else:
		var session: McpSession = _sessions.find(request)
		if session == null:
			connection.respond(_error_response(404, null, JsonRpc.INVALID_REQUEST, "Session not found."))
		elif request.method == "DELETE":
			_sessions.end(session)
			connection.respond(HttpResponse.empty(204))
		else:
			_sessions.open_stream(connection, request, session)


func disconnected(connection: HttpConnection) -> void:
	for exchange: McpExchange in _running:
		if exchange.connection == connection and not exchange.is_done:
			if exchange.stream != null:
				exchange.stream.lose_connection()
			# A session's client may come back for the answer; without one, a closed connection is a cancelled request.
			if exchange.session == null:
				exchange.give_up()
				exchange.is_done = true
			exchange.connection = null
	_sessions.lose(connection)
	_subscriptions.lose(connection)
	if connection.notes.has("client_id"):
		emit_later.call(&"client_disconnected", [connection.notes["client_id"]])


func tick(now: int) -> bool:
	var moved: bool = false
	for message: Dictionary in calls.outbox.take_all():
		moved = true
		if message["kind"] == "inputs":
			_sessions.ask(message["call"], message["requests"])
		else:
			calls.receive(message)
	for message: Dictionary in _inbox.take_all():
		moved = true
		_subscriptions.broadcast(message)
		_sessions.broadcast(message)
	if moved or now - _last_upkeep > 50:
		_last_upkeep = now
		_look_after(now)
	return moved


## Before the server stops: answers the clients that wait.
func close() -> void:
	for exchange: McpExchange in _running:
		if not exchange.is_done:
			exchange.give_up()
			exchange.fail(JsonRpc.INTERNAL_ERROR, "The server stops.")
	_running.clear()
	_subscriptions.finish_all()
	_sessions.end_all()


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
		# In this revision clients send no notifications; closing the connection cancels.
		connection.respond(HttpResponse.empty(202))
		return
	if kind == JsonRpc.Kind.RESPONSE:
		connection.respond(_error_response(400, null, JsonRpc.INVALID_REQUEST, "Responses are not accepted."))
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
		connection.notes["client_id"] = _sessions.name_client(exchange.client_info)
		emit_later.call(&"client_connected", [connection.notes["client_id"]])
	exchange.client_id = connection.notes["client_id"]
	_handle(exchange, message)


func _post_in_session(
	connection: HttpConnection, request: HttpRequest, message: Dictionary, kind: JsonRpc.Kind
) -> void:
	var opens: bool = kind == JsonRpc.Kind.REQUEST and message["method"] == "initialize"
	var session: McpSession = _sessions.find(request)
	if session == null and not opens:
		var status: int = 404 if request.headers.has("mcp-session-id") else 400
		var why: String = "Session not found." if status == 404 else "Header Mcp-Session-Id is missing."
		connection.respond(_error_response(status, message.get("id"), JsonRpc.INVALID_REQUEST, why))
		return
	var version: String = request.header("mcp-protocol-version")
	if not opens and not version.is_empty() and not version in McpProtocol.OLD_VERSIONS:
		var why: String = "Protocol version %s is not supported." % version.left(20)
		connection.respond(_error_response(400, message.get("id"), JsonRpc.INVALID_REQUEST, why))
		return
	if kind == JsonRpc.Kind.REQUEST:
		var exchange: McpExchange = _new_exchange(connection, request, message)
		exchange.is_stateless = false
		if not opens:
			_sessions.join(exchange, session)
		_handle(exchange, message)
		return
	if kind == JsonRpc.Kind.NOTIFICATION:
		emit_later.call(&"message_received", [session.client_id, message])
		if message["method"] == "notifications/cancelled":
			_sessions.cancel(session, message.get("params", {}))
	else:
		_sessions.take_response(session, message)
	connection.respond(HttpResponse.empty(202))


func _handle(exchange: McpExchange, message: Dictionary) -> void:
	protocol.handle(exchange)
	emit_later.call(&"message_received", [exchange.client_id, message])
	if not exchange.is_done and exchange.running != null:
		_running.append(exchange)
		if exchange.session != null:
			exchange.session.exchanges[exchange.id] = exchange


## For McpProtocol.open_session.
func open_session(exchange: McpExchange) -> McpSession:
	return _sessions.open(exchange)


## For McpProtocol.open_subscription.
func open_subscription(exchange: McpExchange) -> void:
	if _subscriptions.size() >= MAX_SUBSCRIPTIONS:
		exchange.fail(JsonRpc.INTERNAL_ERROR, "Too many subscriptions.")
	else:
		_subscriptions.open(exchange)


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
	_sessions.look_after(now, KEEP_ALIVE_MSEC)


func _new_exchange(connection: HttpConnection, request: HttpRequest, message: Dictionary) -> McpExchange:
	var exchange: McpExchange = McpExchange.new()
	exchange.id = message["id"] if message.has("id") else null
	exchange.method = message["method"]
	exchange.params = message.get("params", {})
	exchange.connection = connection
	exchange.request = request
	return exchange


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
