@tool
extends RefCounted
## tools/call, prompts/get and resources/read: checks the request, runs the callable, answers with its value.

const DEFAULT_SECONDS: float = 60.0
const META: String = "io.modelcontextprotocol/"
const JsonRpc = preload("../json/json_rpc.gd")
const JsonSchema = preload("../json/json_schema.gd")
const JsonText = preload("../json/json_text.gd")
const Mailbox = preload("mailbox.gd")
const McpContent = preload("mcp_content.gd")
const McpExchange = preload("mcp_exchange.gd")
const McpHeaders = preload("mcp_headers.gd")
const McpRegistry = preload("mcp_registry.gd")
const McpRunner = preload("mcp_runner.gd")
const McpStateSeal = preload("mcp_state_seal.gd")

var registry: McpRegistry = null
var runner: McpRunner = null
## Messages of running calls; emptied by the server's thread.
var outbox: Mailbox = null
var time_limit_seconds: float = DEFAULT_SECONDS
## decorate.call(exchange, result) -> Dictionary
var decorate: Callable = Callable()
## observe.call(tool_name, arguments, result)
var observe: Callable = Callable()

var _seal: McpStateSeal = McpStateSeal.new()


func call_tool(exchange: McpExchange, allow_write: bool) -> void:
	var entry: Dictionary = _find(exchange, McpRegistry.TOOLS, "tool")
	if entry.is_empty():
		return
	var tool_name: String = exchange.params["name"]
	var arguments: Variant = exchange.params.get("arguments", {})
	if not _is_object(exchange, arguments):
		return
	var schema: Dictionary = entry["definition"]["inputSchema"]
	if exchange.is_stateless and exchange.request != null:
		var mismatch: String = McpHeaders.argument_mismatch(exchange.request, schema, arguments)
		if not mismatch.is_empty():
			exchange.fail(JsonRpc.HEADER_MISMATCH, mismatch)
			return
	if entry["write"] and not allow_write:
		_refuse(exchange, "'%s' changes something, and this server is read-only (allow_write is off)." % tool_name)
		return
	var said: String = JsonSchema.validate(schema, arguments)
	if not said.is_empty():
		_refuse(exchange, "The arguments of '%s' do not fit its schema. %s" % [tool_name, said])
		return
	_start(exchange, entry, tool_name, arguments)


func get_prompt(exchange: McpExchange) -> void:
	var entry: Dictionary = _find(exchange, McpRegistry.PROMPTS, "prompt")
	if entry.is_empty():
		return
	var arguments: Variant = exchange.params.get("arguments", {})
	if not _is_object(exchange, arguments):
		return
	for argument: Dictionary in entry["definition"].get("arguments", []):
		if argument.get("required", false) and not arguments.has(argument["name"]):
			exchange.fail(JsonRpc.INVALID_PARAMS, "The prompt needs the argument '%s'." % argument["name"])
			return
	for key: Variant in arguments:
		if not arguments[key] is String:
			exchange.fail(JsonRpc.INVALID_PARAMS, "The prompt's argument '%s' must be a string." % key)
			return
	_start(exchange, entry, exchange.params["name"], arguments)


func read_resource(exchange: McpExchange) -> void:
	var uri: Variant = exchange.params.get("uri")
	if not uri is String:
		exchange.fail(JsonRpc.INVALID_PARAMS, "uri is missing.")
		return
	var entry: Dictionary = registry.get_entry(McpRegistry.RESOURCES, uri)
	var variables: Dictionary = {}
	if entry.is_empty():
		var found: Dictionary = registry.match_template(uri)
		entry = found.get("entry", {})
		variables = found.get("variables", {})
	if entry.is_empty():
		var code: int = JsonRpc.INVALID_PARAMS if exchange.is_stateless else JsonRpc.RESOURCE_NOT_FOUND
		exchange.fail(code, "Resource not found", {"uri": uri})
		return
	_start(exchange, entry, uri, variables)


## A message from the outbox: `{kind: "done" | "notify" | "detach", call}`.
func receive(message: Dictionary) -> void:
	var running: ExecuTorchMCPCall = message["call"]
	var exchange: McpExchange = running.exchange
	if exchange == null or exchange.is_done:
		# The client no longer waits; call and exchange must not keep each other alive.
		running.exchange = null
		return
	match message["kind"]:
		"done":
			complete(exchange, message["value"])
		"notify":
			exchange.notify(message["message"])
		"detach":
			if exchange.session != null and exchange.open_stream():
				exchange.stream.detach()


## Answers with the callable's value.
func complete(exchange: McpExchange, value: Variant) -> void:
	var running: ExecuTorchMCPCall = exchange.running
	# The call and its exchange refer to each other; one reference must end.
	running.exchange = null
	if not running.failure.is_empty():
		exchange.fail(running.failure["code"], running.failure["message"], running.failure["data"])
	elif not running.pending_inputs.is_empty():
		var carried: Dictionary = {"state": McpContent.plain(running.state), "responses": running.responses}
		var result: Dictionary = {
			"resultType": "input_required",
			"inputRequests": running.pending_inputs,
			"requestState": _seal.seal(carried, _purpose(exchange)),
		}
		exchange.answer(decorate.call(exchange, result))
	else:
		exchange.answer(decorate.call(exchange, _result_of(exchange, running, value)))


## Ends a call that took too long.
func time_out(exchange: McpExchange) -> void:
	exchange.give_up()
	var seconds: float = (exchange.deadline - exchange.began) / 1000.0
	_refuse(exchange, "'%s' took longer than %.0f s and was cancelled." % [exchange.running.registered_name, seconds])


## The entry that a request names; empty, and the request has failed, when there is none.
func _find(exchange: McpExchange, table: String, what: String) -> Dictionary:
	var given: Variant = exchange.params.get("name")
	var entry: Dictionary = registry.get_entry(table, given) if given is String else {}
	if entry.is_empty():
		exchange.fail(JsonRpc.INVALID_PARAMS, "Unknown %s: %s" % [what, str(given).left(100)])
	return entry


func _is_object(exchange: McpExchange, arguments: Variant) -> bool:
	if not arguments is Dictionary:
		exchange.fail(JsonRpc.INVALID_PARAMS, "arguments must be an object.")
	return arguments is Dictionary


func _start(exchange: McpExchange, entry: Dictionary, entry_name: String, arguments: Dictionary) -> void:
	var running: ExecuTorchMCPCall = ExecuTorchMCPCall.new()
	running.registered_name = entry_name
	running.arguments = arguments
	running.is_threaded = entry["threaded"]
	running.is_stateless = exchange.is_stateless
	running.client_info = exchange.client_info
	running.client_capabilities = exchange.client_capabilities
	running.outbox = outbox
	running.exchange = exchange
	exchange.running = running
	if not _read_meta(exchange, running) or not _read_inputs(exchange, running):
		return
	var limit: float = entry.get("time_limit_seconds", 0.0)
	exchange.deadline = exchange.began + int((limit if limit > 0.0 else time_limit_seconds) * 1000.0)
	if exchange.connection == null and exchange.session == null:
		_run_here(exchange, entry["callable"])
	elif not runner.submit(running, entry["callable"]):
		_refuse(exchange, "Too many calls are waiting; try again later.")


## For `handle_request`: at once, on the calling thread.
func _run_here(exchange: McpExchange, callable: Callable) -> void:
	exchange.running.is_threaded = false
	if not callable.is_valid():
		_refuse(exchange, "The object that registered this no longer exists.")
		return
	var value: Variant = callable.callv(McpRunner.arguments_for(callable, exchange.running))
	if value is Object and value.get_class() == "GDScriptFunctionState":
		exchange.give_up()
		_refuse(exchange, "This tool awaits something; it can be called over HTTP only.")
		return
	complete(exchange, value)


func _read_meta(exchange: McpExchange, running: ExecuTorchMCPCall) -> bool:
	var meta: Variant = exchange.params.get("_meta", {})
	if not meta is Dictionary:
		meta = {}
	var token: Variant = JsonText.whole_number(meta.get("progressToken"))
	if JsonRpc.is_id(token):
		running.progress_token = token
	if not exchange.is_stateless:
		running.log_level = exchange.session.log_level if exchange.session != null else ""
		return true
	var level: Variant = meta.get(META + "logLevel", "")
	if not level is String or (not level.is_empty() and not level in ExecuTorchMCPCall.LEVELS):
		exchange.fail(JsonRpc.INVALID_PARAMS, "The log level must be one of %s." % ", ".join(ExecuTorchMCPCall.LEVELS))
		return false
	running.log_level = level
	return true


func _read_inputs(exchange: McpExchange, running: ExecuTorchMCPCall) -> bool:
	if not exchange.is_stateless:
		return true
	if exchange.params.has("requestState"):
		var opened: Dictionary = _seal.open(str(exchange.params["requestState"]), _purpose(exchange))
		if opened.is_empty():
			exchange.fail(JsonRpc.INVALID_PARAMS, "requestState is not what this server gave for this request.")
			return false
		running.state = opened["state"]["state"]
		running.responses = opened["state"]["responses"]
	if exchange.params.has("inputResponses"):
		var given: Variant = exchange.params["inputResponses"]
		if not given is Dictionary or not given.values().all(func(one: Variant) -> bool: return one is Dictionary):
			exchange.fail(JsonRpc.INVALID_PARAMS, "inputResponses must be an object of objects.")
			return false
		running.responses.merge(given, true)
	return true


func _result_of(exchange: McpExchange, running: ExecuTorchMCPCall, value: Variant) -> Dictionary:
	match exchange.method:
		"tools/call":
			return _tool_result(exchange, running, value)
		"prompts/get":
			var prompt: Dictionary = registry.get_entry(McpRegistry.PROMPTS, running.registered_name)
			return McpContent.prompt_result(value, prompt.get("definition", {}).get("description", ""))
	var resource: Dictionary = registry.get_entry(McpRegistry.RESOURCES, running.registered_name)
	if resource.is_empty():
		resource = registry.match_template(running.registered_name).get("entry", {})
	var mime_type: String = resource.get("definition", {}).get("mimeType", "")
	return McpContent.resource_result(value, running.registered_name, mime_type)


func _tool_result(_exchange: McpExchange, running: ExecuTorchMCPCall, value: Variant) -> Dictionary:
	var result: Dictionary = McpContent.tool_result(value)
	var entry: Dictionary = registry.get_entry(McpRegistry.TOOLS, running.registered_name)
	var schema: Dictionary = entry.get("definition", {}).get("outputSchema", {})
	if not schema.is_empty() and not result.get("isError", false):
		var said: String = JsonSchema.validate(schema, result.get("structuredContent"))
		if not said.is_empty():
			result = running.error_result("The tool's result does not fit its own schema. " + said)
	if observe.is_valid():
		observe.call(running.registered_name, running.arguments, result)
	return result


## A tool's refusal is a result, so that a language model reads it and corrects its call; only tools have such results.
func _refuse(exchange: McpExchange, message: String) -> void:
	if exchange.running != null:
		exchange.running.exchange = null
	if exchange.method != "tools/call":
		exchange.fail(JsonRpc.INTERNAL_ERROR, message)
		return
	var result: Dictionary = {"content": [McpContent.text(message)], "isError": true}
	if observe.is_valid():
		observe.call(exchange.params["name"], exchange.params.get("arguments", {}), result)
	exchange.answer(decorate.call(exchange, result))


static func _purpose(exchange: McpExchange) -> String:
	var what: Variant = exchange.params.get("name", exchange.params.get("uri"))
	return JsonText.encode([exchange.method, what, exchange.params.get("arguments", {})])
