@tool
extends RefCounted
## Turns the tools, resources and prompts of a game into registry entries, and reports invalid ones.

## As in plugin.cfg, which an exported game does not have; a test keeps them the same.
const ADDON_VERSION: String = "0.1.0"
const Mailbox = preload("../calls/mailbox.gd")
const McpCalls = preload("../calls/mcp_calls.gd")
const McpExchange = preload("../calls/mcp_exchange.gd")
const McpProtocol = preload("mcp_protocol.gd")
const McpRegistry = preload("../calls/mcp_registry.gd")

static var _tool_name: RegEx = RegEx.create_from_string("^[A-Za-z0-9_.-]{1,128}$")


static func add_tool(
	registry: McpRegistry,
	tool_name: String,
	description: String,
	schema: Dictionary,
	callable: Callable,
	options: Dictionary
) -> bool:
	if _tool_name.search(tool_name) == null:
		return _refuse("A tool's name has letters, digits and _ . - only, and at most 128: '%s'." % tool_name)
	if not _takes_call(callable, tool_name):
		return false
	var input: Dictionary = schema.duplicate(true)
	if str(input.get("type", "object")) != "object":
		return _refuse("The schema of '%s' must be of type object." % tool_name)
	input["type"] = "object"
	var definition: Dictionary = _definition(options, {"name": tool_name, "description": description})
	definition["inputSchema"] = input
	if options.has("output_schema"):
		definition["outputSchema"] = options["output_schema"].duplicate(true)
	if options.has("annotations"):
		definition["annotations"] = options["annotations"].duplicate(true)
	registry.put(McpRegistry.TOOLS, tool_name, _entry(definition, callable, options))
	return true


static func add_resource(
	registry: McpRegistry,
	uri: String,
	resource_name: String,
	description: String,
	callable: Callable,
	options: Dictionary
) -> bool:
	if not uri.contains(":"):
		return _refuse("A resource's URI has a scheme, such as game://state: '%s'." % uri)
	if not _takes_call(callable, uri):
		return false
	var definition: Dictionary = {"uri": uri, "name": resource_name, "description": description}
	definition = _definition(options, definition)
	if options.has("size"):
		definition["size"] = options["size"]
	registry.put(McpRegistry.RESOURCES, uri, _entry(definition, callable, options))
	return true


static func add_template(
	registry: McpRegistry,
	uri_template: String,
	template_name: String,
	description: String,
	callable: Callable,
	options: Dictionary
) -> bool:
	if not uri_template.contains(":") or not uri_template.contains("{"):
		return _refuse("A template has a scheme and a {variable}: '%s'." % uri_template)
	if not _takes_call(callable, uri_template):
		return false
	var definition: Dictionary = {"uriTemplate": uri_template, "name": template_name, "description": description}
	registry.put(McpRegistry.TEMPLATES, uri_template, _entry(_definition(options, definition), callable, options))
	return true


static func add_prompt(
	registry: McpRegistry,
	prompt_name: String,
	description: String,
	arguments: Array,
	callable: Callable,
	options: Dictionary
) -> bool:
	if prompt_name.is_empty() or not _takes_call(callable, prompt_name):
		return _refuse("A prompt needs a name and a Callable.")
	for argument: Variant in arguments:
		if not argument is Dictionary or not argument.get("name") is String:
			return _refuse("Each argument of the prompt '%s' is a Dictionary with a name." % prompt_name)
	var definition: Dictionary = _definition(options, {"name": prompt_name, "description": description})
	if not arguments.is_empty():
		definition["arguments"] = arguments.duplicate(true)
	registry.put(McpRegistry.PROMPTS, prompt_name, _entry(definition, callable, options))
	return true


## Runs a tool of a registry on this thread, for the process itself.
static func call_in_process(registry: McpRegistry, tool_name: String, arguments: Dictionary) -> Dictionary:
	var local: McpProtocol = McpProtocol.new()
	local.registry = registry
	local.allow_write = true
	local.calls = McpCalls.new()
	local.calls.registry = registry
	local.calls.outbox = Mailbox.new()
	local.calls.outbox.close()
	local.calls.decorate = local.decorate
	var exchange: McpExchange = McpExchange.new()
	exchange.id = 0
	exchange.is_stateless = false
	exchange.method = "tools/call"
	exchange.params = {"name": tool_name, "arguments": arguments.duplicate(true)}
	local.handle(exchange)
	if exchange.reply.has("error"):
		return {"content": [{"type": "text", "text": exchange.reply["error"]["message"]}], "isError": true}
	return exchange.reply["result"]


## The protocol for requests inside the process: there are no sessions and no streams.
static func local_protocol(protocol: McpProtocol) -> McpProtocol:
	var local: McpProtocol = McpProtocol.new()
	local.registry = protocol.registry
	local.calls = protocol.calls
	local.server_info = protocol.server_info
	local.instructions = protocol.instructions
	local.page_size = protocol.page_size
	local.allow_write = protocol.allow_write
	return local


static func _definition(options: Dictionary, definition: Dictionary) -> Dictionary:
	if options.has("title"):
		definition["title"] = options["title"]
	if options.has("mime_type"):
		definition["mimeType"] = options["mime_type"]
	return definition


static func _entry(definition: Dictionary, callable: Callable, options: Dictionary) -> Dictionary:
	return {
		"definition": definition,
		"callable": callable,
		"threaded": bool(options.get("threaded", false)),
		"write": bool(options.get("write", false)),
		"time_limit_seconds": float(options.get("time_limit_seconds", 0.0)),
		"completions": options.get("completions", {}),
	}


static func _takes_call(callable: Callable, offered: String) -> bool:
	if not callable.is_valid():
		return _refuse("The Callable of '%s' is not valid." % offered)
	if callable.get_argument_count() > 2:
		return _refuse("The Callable of '%s' takes at most the arguments and the call." % offered)
	return true


static func _refuse(message: String) -> bool:
	push_error("ExecuTorchMCPServer: " + message)
	return false
