@tool
class_name ExecuTorchMCPServer
extends Node
## A Model Context Protocol server inside the engine. Assistants and other MCP clients list, inspect, run and profile
## models, and call the tools that the game adds with [method add_tool].
##
## The server listens on [code]127.0.0.1[/code] only and requires a token. [code]docs/mcp.md[/code] has examples.

## Emitted when a client opens a session, or, with revision 2026-07-28, sends the first request of a connection.
## [param client_id] is a name.
signal client_connected(client_id: String)
## Emitted when a session or a connection ends.
signal client_disconnected(client_id: String)
## Emitted when a request or notification is received.
signal message_received(client_id: String, message: Dictionary)
## Emitted when the call of a tool ends. [param result] is MCP's [code]{content, structuredContent, isError}[/code]. If
## the call was refused or exceeded its time limit, [code]isError[/code] is [code]true[/code] and [code]content[/code]
## has the reason.
signal tool_called(tool_name: String, arguments: Dictionary, result: Dictionary)

const MAX_EVENTS: int = 4096
## Signals that wait when the server stops are emitted for at most this long.
const FAREWELL_USEC: int = 100_000
const FrameInbox = preload("calls/frame_inbox.gd")
const HttpServer = preload("http/http_server.gd")
const JsonRpc = preload("json/json_rpc.gd")
const Mailbox = preload("calls/mailbox.gd")
const McpAccess = preload("http/mcp_access.gd")
const McpCalls = preload("calls/mcp_calls.gd")
const McpCredentials = preload("protocol/mcp_credentials.gd")
const McpExchange = preload("calls/mcp_exchange.gd")
const McpOffers = preload("protocol/mcp_offers.gd")
const McpProtocol = preload("protocol/mcp_protocol.gd")
const McpRegistry = preload("calls/mcp_registry.gd")
const McpRunner = preload("calls/mcp_runner.gd")
const McpModels = preload("tools/mcp_models.gd")
const McpTools = preload("tools/mcp_tools.gd")
const McpTransport = preload("protocol/mcp_transport.gd")

## The TCP port. With 0 the system chooses one. While the server runs this is the port that it uses.
@export_range(0, 65535) var port: int = 0
## The name of the server that clients show.
@export var server_name: String = "godot-executorch"
## If [code]false[/code], every program on this machine can call the server without a token. For tests only.
@export var require_token: bool = true
## If [code]false[/code], tools with the option [code]write[/code] are neither listed nor called.
@export var allow_write: bool = false:
	set(value):
		allow_write = value
		_protocol.allow_write = value
		_on_list_changed(McpRegistry.TOOLS)
## If [code]true[/code], the server starts when the node enters the tree of a game.
@export var autostart: bool = false
## If [code]true[/code], the server offers the addon's own tools and resources, such as [code]run_inference[/code].
@export var offer_models: bool = true
## Instructions for the client's language model.
@export_multiline var instructions: String = ""
## The number of entries in one page of a list.
@export var page_size: int = 100
## The time limit of a call in seconds, for tools without the option [code]time_limit_seconds[/code].
@export var time_limit_seconds: float = 60.0
@export_group("Limits")
## The largest body of a request, in bytes.
@export var max_body_bytes: int = 1024 * 1024
## The largest nesting depth of JSON in a request.
@export var max_depth: int = 64
## The largest number of connections.
@export var max_connections: int = 64
## The largest number of requests per second and connection.
@export var max_requests_per_second: float = 1000.0
## The time in milliseconds that calls on the main thread may use in one frame. The rest waits for the next frame.
@export var frame_budget_msec: float = 0.5

## The token that clients send as [code]Authorization: Bearer TOKEN[/code]. If it is empty when the server starts, the
## user's own token is used, which is made at the first start and stored in the user's data folder.
var token: String = ""

var _registry: McpRegistry = McpRegistry.new()
var _protocol: McpProtocol = McpProtocol.new()
var _calls: McpCalls = McpCalls.new()
var _outbox: Mailbox = Mailbox.new()
var _events: Mailbox = Mailbox.new()
var _http: HttpServer = null
var _transport: McpTransport = null
var _runner: McpRunner = null
var _announced: String = ""
var _offered: bool = false
var _due_events: FrameInbox = FrameInbox.new(_events)
var _hears_messages: bool = false
var _hears_tools: bool = false


func _init() -> void:
	process_mode = Node.PROCESS_MODE_ALWAYS
	_registry.list_changed.connect(_on_list_changed)
	_calls.registry = _registry
	# Only the server reads the messages of calls.
	_outbox.close()
	_calls.outbox = _outbox
	_calls.decorate = _protocol.decorate
	_calls.observe = _on_tool_returned
	_protocol.registry = _registry
	_protocol.calls = _calls


func _ready() -> void:
	set_process(is_server_running())
	if autostart and not Engine.is_editor_hint():
		start_server(port)


func _exit_tree() -> void:
	stop_server()


func _process(_delta: float) -> void:
	_runner.run_main_jobs()
	_hears_messages = not message_received.get_connections().is_empty()
	_hears_tools = not tool_called.get_connections().is_empty()
	_emit_events(int(frame_budget_msec * 1000.0))


## Starts the server on [param on_port]. With 0 the system chooses a port, with -1 the server uses [member port].
## Returns [constant OK] or an error.
func start_server(on_port: int = -1) -> Error:
	if is_server_running():
		return ERR_ALREADY_IN_USE
	if not is_inside_tree():
		push_error("ExecuTorchMCPServer must be in the scene tree: its tools run in the frame loop.")
		return ERR_UNCONFIGURED
	if require_token and token.is_empty():
		token = McpCredentials.load_or_make_token()
		if token.is_empty():
			push_error("The MCP token could not be stored in %s." % McpCredentials.folder())
			return ERR_CANT_CREATE
	_prepare()
	var error: Error = _http.start(port if on_port < 0 else on_port, _transport)
	if error != OK:
		push_error("The MCP server could not listen on port %d: %s." % [maxi(on_port, 0), error_string(error)])
		_runner.stop()
		_http = null
		_transport = null
		return error
	port = _http.get_port()
	_transport.access.port = port
	set_process(true)
	_announce()
	return OK


## Stops the server, ends every connection and cancels running calls. A thread that does not return within two seconds
## is not waited for.
func stop_server() -> void:
	if not is_server_running():
		return
	McpCredentials.withdraw(_announced)
	_announced = ""
	_http.stop()
	_runner.stop()
	_http = null
	_transport = null
	_protocol.open_session = Callable()
	_protocol.open_subscription = Callable()
	_outbox.close()
	if _offered:
		McpModels.close_all()
	set_process(false)
	_emit_events(FAREWELL_USEC)


## Returns [code]true[/code] if the server runs.
func is_server_running() -> bool:
	return _http != null and _http.is_running()


## Returns the address that clients connect to.
func get_url() -> String:
	return "http://127.0.0.1:%d%s" % [port, McpAccess.PATH]


## Returns the folder of the user's token and of the files by which other programs find running servers.
func get_credentials_folder() -> String:
	return McpCredentials.folder()


## Adds a tool. [param schema] is the JSON Schema of its arguments (an object). [param callable] gets the arguments as a
## [Dictionary] and, if it has a second parameter, the [ExecuTorchMCPCall]. It returns a [String], an [Image], a
## [Dictionary] (structured content) or [code]null[/code], and may [code]await[/code]. [param options] are
## [code]title[/code], [code]output_schema[/code], [code]annotations[/code], [code]threaded[/code] (calls it on a worker
## thread), [code]write[/code] (needs [member allow_write]) and [code]time_limit_seconds[/code]. Prints an error and
## returns [code]false[/code] if the tool cannot be added.
func add_tool(
	tool_name: String, description: String, schema: Dictionary, callable: Callable, options: Dictionary = {}
) -> bool:
	return McpOffers.add_tool(_registry, tool_name, description, schema, callable, options)


## Adds a resource. [param callable] gets an empty [Dictionary] and the [ExecuTorchMCPCall], if it has parameters for
## them. It returns a [String], a [PackedByteArray], an [Image] or a value for JSON. [param options] are
## [code]title[/code], [code]mime_type[/code], [code]threaded[/code] and [code]size[/code]. Prints an error and returns
## [code]false[/code] if the resource cannot be added.
func add_resource(
	uri: String, resource_name: String, description: String, callable: Callable, options: Dictionary = {}
) -> bool:
	return McpOffers.add_resource(_registry, uri, resource_name, description, callable, options)


## Adds all resources of a form such as [code]game://level/{name}/map[/code]. [param callable] gets a [Dictionary] such
## as [code]{name: value}[/code]. [param options] are those of [method add_resource], and [code]completions[/code]:
## [code]{variable: [values]}[/code]. Prints an error and returns [code]false[/code] if the resources cannot be added.
func add_resource_template(
	uri_template: String, template_name: String, description: String, callable: Callable, options: Dictionary = {}
) -> bool:
	return McpOffers.add_template(_registry, uri_template, template_name, description, callable, options)


## Adds a prompt. [param arguments] are dictionaries [code]{name, description, required}[/code]. [param callable] gets
## the arguments as a [Dictionary] and returns a [String] (one message of the user), an [Array] of messages, or a
## complete result. [param options] are [code]title[/code] and [code]completions[/code]. Prints an error and returns
## [code]false[/code] if the prompt cannot be added.
func add_prompt(
	prompt_name: String, description: String, arguments: Array, callable: Callable, options: Dictionary = {}
) -> bool:
	return McpOffers.add_prompt(_registry, prompt_name, description, arguments, callable, options)


## Removes a tool. Returns [code]true[/code] if the server had it.
func remove_tool(tool_name: String) -> bool:
	return _registry.remove(McpRegistry.TOOLS, tool_name)


## Removes a resource or a resource template. Returns [code]true[/code] if the server had it.
func remove_resource(uri: String) -> bool:
	return _registry.remove(McpRegistry.RESOURCES, uri) or _registry.remove(McpRegistry.TEMPLATES, uri)


## Removes a prompt. Returns [code]true[/code] if the server had it.
func remove_prompt(prompt_name: String) -> bool:
	return _registry.remove(McpRegistry.PROMPTS, prompt_name)


## Notifies the clients that subscribed to a resource that its content has changed.
func notify_resource_updated(uri: String) -> void:
	if _transport != null:
		_transport.post({"kind": "updated", "uri": uri})


## Returns the answer to one JSON-RPC message, without HTTP and token, on the calling thread. The answer to a
## notification is an empty [Dictionary]. Tools that [code]await[/code] cannot be called in this way.
func handle_request(message: Dictionary) -> Dictionary:
	_prepare_protocol()
	var copy: Dictionary = message.duplicate(true)
	var kind: JsonRpc.Kind = JsonRpc.classify(copy)
	if kind == JsonRpc.Kind.NOTIFICATION or kind == JsonRpc.Kind.RESPONSE:
		return {}
	if kind == JsonRpc.Kind.INVALID:
		return JsonRpc.error(null, JsonRpc.INVALID_REQUEST, "Expected one JSON-RPC 2.0 message.")
	var exchange: McpExchange = McpExchange.new()
	exchange.id = copy["id"]
	exchange.method = copy["method"]
	exchange.params = copy.get("params", {})
	var meta: Variant = exchange.params.get("_meta")
	exchange.is_stateless = meta is Dictionary and meta.has(McpProtocol.META + "protocolVersion")
	if exchange.is_stateless:
		exchange.protocol_version = str(meta[McpProtocol.META + "protocolVersion"])
	var protocol: McpProtocol = McpOffers.local_protocol(_protocol)
	protocol.handle(exchange)
	return exchange.reply


func _prepare() -> void:
	_prepare_protocol()
	_outbox = Mailbox.new()
	_calls.outbox = _outbox
	_runner = McpRunner.new()
	_runner.outbox = _outbox
	_runner.frame_budget_usec = int(frame_budget_msec * 1000.0)
	_calls.runner = _runner
	_transport = McpTransport.new()
	_transport.access = McpAccess.new()
	_transport.access.token = token if require_token else ""
	_transport.protocol = _protocol
	_transport.calls = _calls
	_transport.max_depth = max_depth
	_transport.emit_later = _on_event
	_protocol.open_session = _transport.open_session
	_protocol.open_subscription = _transport.open_subscription
	_http = HttpServer.new()
	_http.limits.connections = max_connections
	_http.limits.body_bytes = max_body_bytes
	_http.limits.requests_per_second = max_requests_per_second
	_http.limits.burst = max_requests_per_second * 2.0


func _prepare_protocol() -> void:
	_protocol.server_info = {"name": server_name, "version": McpOffers.ADDON_VERSION}
	_protocol.instructions = instructions
	_protocol.page_size = page_size
	_protocol.allow_write = allow_write
	_calls.time_limit_seconds = time_limit_seconds
	if offer_models and not _offered:
		_offered = true
		McpTools.add_to(_registry)


func _announce() -> void:
	var kind: String = "editor" if Engine.is_editor_hint() else "game"
	var server: Dictionary = {"port": port, "token": token, "name": server_name, "kind": kind}
	server["allow_write"] = allow_write
	_announced = McpCredentials.announce(server)


func _on_list_changed(kind: String) -> void:
	if _transport != null:
		_transport.post({"kind": "changed", "list": kind})


func _on_tool_returned(tool_name: String, arguments: Dictionary, result: Dictionary) -> void:
	_on_event(&"tool_called", [tool_name, arguments, result])


## Any thread; the signal is emitted in the next frame.
func _on_event(signal_name: StringName, arguments: Array) -> void:
	if signal_name == &"message_received" and not _hears_messages or signal_name == &"tool_called" and not _hears_tools:
		return
	if _events.size() < MAX_EVENTS:
		_events.push({"signal": signal_name, "arguments": arguments})


## Emits as many signals as fit into the budget; the rest waits for the next frame.
func _emit_events(budget_usec: int) -> void:
	var began: int = Time.get_ticks_usec()
	while Time.get_ticks_usec() - began < budget_usec:
		var event: Variant = _due_events.take_one()
		if event == null:
			break
		var arguments: Array = event["arguments"]
		match event["signal"]:
			&"client_connected":
				client_connected.emit(arguments[0])
			&"client_disconnected":
				client_disconnected.emit(arguments[0])
			&"message_received":
				message_received.emit(arguments[0], arguments[1])
			&"tool_called":
				tool_called.emit(arguments[0], arguments[1], arguments[2])
