@tool
extends RefCounted
## Revision 2026-07-28: `subscriptions/listen`, a response that stays open and sends the notifications that its client
## chose.

const SUBSCRIPTION_ID: String = "io.modelcontextprotocol/subscriptionId"
const FLAGS: Dictionary[String, String] = {
	"toolsListChanged": "tools", "promptsListChanged": "prompts", "resourcesListChanged": "resources"
}
const HttpConnection = preload("../http/http_connection.gd")
const JsonRpc = preload("../json/json_rpc.gd")
const McpExchange = preload("../calls/mcp_exchange.gd")

# Each has `exchange`, `lists` (kinds) and `uris`.
var _open: Array[Dictionary] = []


func size() -> int:
	return _open.size()


func open(exchange: McpExchange) -> void:
	var wanted: Variant = exchange.params.get("notifications")
	if not wanted is Dictionary:
		exchange.fail(JsonRpc.INVALID_PARAMS, "notifications is missing.")
		return
	if not exchange.open_stream():
		exchange.fail(JsonRpc.INVALID_REQUEST, "Accept text/event-stream.")
		return
	var lists: Array[String] = []
	var agreed: Dictionary = {}
	for flag: String in FLAGS:
		if wanted.get(flag) is bool and wanted[flag]:
			lists.append(FLAGS[flag])
			agreed[flag] = true
	var uris: Array = []
	if wanted.get("resourceSubscriptions") is Array:
		uris = wanted["resourceSubscriptions"].filter(func(uri: Variant) -> bool: return uri is String)
		agreed["resourceSubscriptions"] = uris
	_open.append({"exchange": exchange, "lists": lists, "uris": uris})
	_send(exchange, "notifications/subscriptions/acknowledged", {"notifications": agreed})


func broadcast(message: Dictionary) -> void:
	for subscription: Dictionary in _open:
		if message["kind"] == "changed" and message["list"] in subscription["lists"]:
			_send(subscription["exchange"], "notifications/%s/list_changed" % message["list"], {})
		elif message["kind"] == "updated" and message["uri"] in subscription["uris"]:
			_send(subscription["exchange"], "notifications/resources/updated", {"uri": message["uri"]})


func keep_alive(now: int, every_msec: int) -> void:
	for subscription: Dictionary in _open:
		subscription["exchange"].stream.keep_alive(now, every_msec)


func lose(connection: HttpConnection) -> void:
	_open = _open.filter(func(one: Dictionary) -> bool: return one["exchange"].connection != connection)


func finish_all() -> void:
	for subscription: Dictionary in _open:
		var exchange: McpExchange = subscription["exchange"]
		exchange.answer({"resultType": "complete", "_meta": {SUBSCRIPTION_ID: exchange.id}})
	_open.clear()


static func _send(exchange: McpExchange, method: String, params: Dictionary) -> void:
	var tagged: Dictionary = params.duplicate()
	tagged["_meta"] = {SUBSCRIPTION_ID: exchange.id}
	exchange.stream.send(JsonRpc.notice(method, tagged))
