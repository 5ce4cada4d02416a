@tool
extends RefCounted
## The Model Context Protocol apart from its transport: revision 2026-07-28 (stateless requests) and the ones that open
## with `initialize`. Has no state of a client; that is in the exchange's session.

const STATELESS_VERSIONS: PackedStringArray = ["2026-07-28"]
const SESSION_VERSIONS: PackedStringArray = ["2025-11-25", "2025-06-18"]
## Revisions that open with `initialize`; not all are supported.
const OLD_VERSIONS: PackedStringArray = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
const META: String = "io.modelcontextprotocol/"
const CACHE_MSEC: int = 0
const MAX_COMPLETIONS: int = 100
const CACHEABLE: PackedStringArray = [
	"server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read"
]

const JsonRpc = preload("../json/json_rpc.gd")
const McpCalls = preload("../calls/mcp_calls.gd")
const McpExchange = preload("../calls/mcp_exchange.gd")
const McpRegistry = preload("../calls/mcp_registry.gd")

var registry: McpRegistry = null
var calls: McpCalls = null
var server_info: Dictionary = {}
var instructions: String = ""
var page_size: int = 100
var allow_write: bool = false
## Called as opener.call(exchange, params) -> McpSession or null; the transport keeps the sessions.
var open_session: Callable = Callable()
## Called as opener.call(exchange): a stateless subscription stays open in the transport.
var open_subscription: Callable = Callable()


## Answers the exchange, now or later.
func handle(exchange: McpExchange) -> void:
	match exchange.method:
		"tools/list":
			_list(exchange, McpRegistry.TOOLS)
		"tools/call":
			calls.call_tool(exchange, allow_write)
		"resources/list":
			_list(exchange, McpRegistry.RESOURCES)
		"resources/templates/list":
			_list(exchange, McpRegistry.TEMPLATES)
		"resources/read":
			calls.read_resource(exchange)
		"prompts/list":
			_list(exchange, McpRegistry.PROMPTS)
		"prompts/get":
			calls.get_prompt(exchange)
		"completion/complete":
			_complete(exchange)
		_:
			if exchange.is_stateless:
				_handle_stateless(exchange)
			else:
				_handle_session(exchange)


## Adds the fields that every result of the exchange's revision has.
func decorate(exchange: McpExchange, result: Dictionary) -> Dictionary:
	if not exchange.is_stateless:
		return result
	var decorated: Dictionary = result.duplicate()
	if not decorated.has("resultType"):
		decorated["resultType"] = "complete"
	var meta: Dictionary = decorated.get("_meta", {}).duplicate()
	meta[META + "serverInfo"] = server_info
	decorated["_meta"] = meta
	if exchange.method in CACHEABLE and decorated["resultType"] == "complete":
		decorated["ttlMs"] = CACHE_MSEC
		decorated["cacheScope"] = "private"
	return decorated


func _handle_stateless(exchange: McpExchange) -> void:
	match exchange.method:
		"server/discover":
			_answer(exchange, _described({"supportedVersions": Array(STATELESS_VERSIONS)}, true))
		"subscriptions/listen":
			if open_subscription.is_valid():
				open_subscription.call(exchange)
			else:
				exchange.fail(JsonRpc.INVALID_REQUEST, "A subscription needs an event stream.")
		_:
			_unknown_method(exchange)


func _handle_session(exchange: McpExchange) -> void:
	match exchange.method:
		"initialize":
			_initialize(exchange)
		"ping":
			exchange.answer({})
		"logging/setLevel":
			_set_log_level(exchange)
		"resources/subscribe", "resources/unsubscribe":
			_subscribe(exchange)
		_:
			_unknown_method(exchange)


func _initialize(exchange: McpExchange) -> void:
	var params: Dictionary = exchange.params
	if not params.get("protocolVersion") is String or not params.get("capabilities") is Dictionary:
		exchange.fail(JsonRpc.INVALID_PARAMS, "initialize needs protocolVersion, capabilities and clientInfo.")
		return
	var wanted: String = params["protocolVersion"]
	var version: String = wanted if wanted in SESSION_VERSIONS else SESSION_VERSIONS[0]
	exchange.protocol_version = version
	if open_session.is_valid() and open_session.call(exchange) == null:
		return
	var result: Dictionary = {"protocolVersion": version, "serverInfo": server_info}
	exchange.answer(_described(result, false))


func _described(result: Dictionary, is_stateless: bool) -> Dictionary:
	var capabilities: Dictionary = {
		"tools": {"listChanged": true},
		"resources": {"listChanged": true, "subscribe": true},
		"prompts": {"listChanged": true},
		"completions": {},
		"logging": {},
	}
	result["capabilities"] = capabilities
	if is_stateless:
		result["_meta"] = {META + "serverInfo": server_info}
	if not instructions.is_empty():
		result["instructions"] = instructions
	return result


func _list(exchange: McpExchange, kind: String) -> void:
	if kind == McpRegistry.RESOURCES and registry.refresh.is_valid():
		registry.refresh.call(registry)
	var table: Dictionary = registry.get_table(kind)
	var names: Array = table.keys().filter(func(key: String) -> bool: return allow_write or not table[key]["write"])
	var from: int = 0
	var cursor: Variant = exchange.params.get("cursor")
	if cursor != null:
		from = names.find(_name_of_cursor(cursor)) + 1
		if from == 0:
			exchange.fail(JsonRpc.INVALID_PARAMS, "This cursor is not valid; list again from the beginning.")
			return
	var page: Array = names.slice(from, from + maxi(page_size, 1))
	var result: Dictionary = {kind: page.map(func(key: String) -> Dictionary: return table[key]["definition"])}
	if from + page.size() < names.size():
		result["nextCursor"] = Marshalls.utf8_to_base64(page.back())
	_answer(exchange, result)


func _name_of_cursor(cursor: Variant) -> String:
	for kind: String in [McpRegistry.TOOLS, McpRegistry.RESOURCES, McpRegistry.TEMPLATES, McpRegistry.PROMPTS]:
		for entry_name: String in registry.get_table(kind):
			if cursor is String and Marshalls.utf8_to_base64(entry_name) == cursor:
				return entry_name
	return ""


func _complete(exchange: McpExchange) -> void:
	var target: Variant = exchange.params.get("ref")
	var argument: Variant = exchange.params.get("argument")
	if not target is Dictionary or not argument is Dictionary or not argument.get("name") is String:
		exchange.fail(JsonRpc.INVALID_PARAMS, "completion/complete needs ref and argument.")
		return
	var entry: Dictionary = {}
	if str(target.get("type")) == "ref/prompt":
		entry = registry.get_entry(McpRegistry.PROMPTS, str(target.get("name")))
	elif str(target.get("type")) == "ref/resource":
		entry = registry.get_entry(McpRegistry.TEMPLATES, str(target.get("uri")))
		if entry.is_empty():
			entry = registry.get_entry(McpRegistry.RESOURCES, str(target.get("uri")))
	if entry.is_empty():
		exchange.fail(JsonRpc.INVALID_PARAMS, "No prompt or resource has that name.")
		return
	var typed: String = str(argument.get("value", ""))
	var found: Array = []
	for option: Variant in entry.get("completions", {}).get(argument["name"], []):
		if str(option).to_lower().begins_with(typed.to_lower()):
			found.append(str(option))
	var shown: Array = found.slice(0, MAX_COMPLETIONS)
	_answer(exchange, {"completion": {"values": shown, "total": found.size(), "hasMore": found.size() > shown.size()}})


func _set_log_level(exchange: McpExchange) -> void:
	var level: Variant = exchange.params.get("level")
	if not level is String or not level in ExecuTorchMCPCall.LEVELS:
		exchange.fail(JsonRpc.INVALID_PARAMS, "The level must be one of %s." % ", ".join(ExecuTorchMCPCall.LEVELS))
		return
	if exchange.session != null:
		exchange.session.log_level = level
	exchange.answer({})


func _subscribe(exchange: McpExchange) -> void:
	var uri: Variant = exchange.params.get("uri")
	if not uri is String:
		exchange.fail(JsonRpc.INVALID_PARAMS, "uri is missing.")
		return
	if exchange.session != null:
		if exchange.method == "resources/unsubscribe":
			exchange.session.subscriptions.erase(uri)
		elif exchange.session.subscriptions.size() < 1000:
			exchange.session.subscriptions[uri] = true
	exchange.answer({})


func _unknown_method(exchange: McpExchange) -> void:
	exchange.fail(JsonRpc.METHOD_NOT_FOUND, "Method not found: %s" % exchange.method.left(100))


func _answer(exchange: McpExchange, result: Dictionary) -> void:
	exchange.answer(decorate(exchange, result))
