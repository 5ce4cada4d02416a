@tool
class_name ExecuTorchMCPServer
extends Node
## A Model Context Protocol server inside the engine: assistants and other MCP clients list, inspect, run and profile
## models, and call what the game adds with `add_tool`. It listens on 127.0.0.1 only and wants a token.
## See docs/mcp.md.

## A client opened a session, or (revision 2026-07-28) sent the first request of a connection. `client_id` is a name.
signal client_connected(client_id: String)
signal client_disconnected(client_id: String)
## Every request and notification, after it was handed on.
signal message_received(client_id: String, message: Dictionary)
## A tool returned, or its call was refused or given up (`isError`, and `content` says why). `result` is MCP's result:
## `content`, and maybe `structuredContent` and `isError`.
signal tool_called(tool_name: String, arguments: Dictionary, result: Dictionary)

const MAX_EVENTS: int = 4096
## What is left to tell when the server stops may take this long.
const FAREWELL_USEC: int = 100_000
const FrameInbox = preload("frame_inbox.gd")
const HttpServer = preload("http_server.gd")
const JsonRpc = preload("json_rpc.gd")
const Mailbox = preload("mailbox.gd")
const McpAccess = preload("mcp_access.gd")
const McpCalls = preload("mcp_calls.gd")
const McpCredentials = preload("mcp_credentials.gd")
const McpExchange = preload("mcp_exchange.gd")
const McpOffers = preload("mcp_offers.gd")
const McpProtocol = preload("mcp_protocol.gd")
const McpRegistry = preload("mcp_registry.gd")
const McpRunner = preload("mcp_runner.gd")
const McpTransport = preload("mcp_transport.gd")

## TCP port; 0 = the system chooses. While the server runs this is its real port.
@export_range(0, 65535) var port: int = 0
@export var server_name: String = "godot-executorch"
## False lets every program of this machine in. Only for tests.
@export var require_token: bool = true
## False refuses tools that change something (`write` in their options) and does not list them.
@export var allow_write: bool = false:
	set(value):
		allow_write = value
		_protocol.allow_write = value
		_on_list_changed(McpRegistry.TOOLS)
## Start when the node enters the tree (not in the editor).
@export var autostart: bool = false
## Offer the tools and resources of this addon (`list_models`, `run_inference` ...).
@export var offer_models: bool = true
## What a client's language model should know.
@export_multiline var instructions: String = ""
## Entries of one page of a list.
@export var page_size: int = 100
## Seconds that a call may take when its tool says nothing else.
@export var time_limit_seconds: float = 60.0
@export_group("Limits")
@export var max_body_bytes: int = 1024 * 1024
@export var max_depth: int = 64
@export var max_connections: int = 64
## Per connection.
@export var max_requests_per_second: float = 1000.0
## Milliseconds of a frame that calls on the main thread may use before the rest waits for the next frame.
@export var frame_budget_msec: float = 0.5

## What clients send as `Authorization: Bearer TOKEN`. Empty = the user's own token, made at the first start and kept
## in the user's data folder.
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
	# Until there is a server nobody reads what calls say.
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


## Starts to listen on 127.0.0.1 (port 0 = the system chooses; -1 = `port`). Returns OK or Godot's error.
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


## Ends every connection. Calls that run are told; a thread that does not return is left behind after two seconds.
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
		McpOffers.close_models()
	set_process(false)
	_emit_events(FAREWELL_USEC)


func is_server_running() -> bool:
	return _http != null and _http.is_running()


## The address that clients need.
func get_url() -> String:
	return "http://127.0.0.1:%d%s" % [port, McpAccess.PATH]


## Where the user's token and the discovery files of running servers are.
func get_credentials_folder() -> String:
	return McpCredentials.folder()


## Offers a tool. `schema` is the JSON Schema of its arguments (an object). `callable` takes the arguments as a
## Dictionary and, when it wants, the ExecuTorchMCPCall; it returns a String, an Image, a Dictionary (structured
## content) or null. It may await. Options: `title`, `output_schema`, `annotations`, `threaded` (on a worker thread),
## `write` (needs `allow_write`), `time_limit_seconds`. Returns false and tells why when something is wrong.
func add_tool(
	tool_name: String, description: String, schema: Dictionary, callable: Callable, options: Dictionary = {}
) -> bool:
	return McpOffers.add_tool(_registry, tool_name, description, schema, callable, options)


## Offers a resource. `callable` may take an empty Dictionary and the call; it returns a String, a PackedByteArray, an
## Image or a value for JSON. Options: `title`, `mime_type`, `threaded`, `size`.
func add_resource(
	uri: String, resource_name: String, description: String, callable: Callable, options: Dictionary = {}
) -> bool:
	return McpOffers.add_resource(_registry, uri, resource_name, description, callable, options)


## Offers all resources of a form such as `game://level/{name}/map`; `callable` takes `{name: ...}`.
## Options as for a resource, and `completions`: `{variable: [values]}`.
func add_resource_template(
	uri_template: String, template_name: String, description: String, callable: Callable, options: Dictionary = {}
) -> bool:
	return McpOffers.add_template(_registry, uri_template, template_name, description, callable, options)


## Offers a prompt. `arguments` are `{name, description, required}`; `callable` takes them as a Dictionary and returns a
## String (one message of the user), an Array of messages, or a whole result. Options: `title`, `completions`.
func add_prompt(
	prompt_name: String, description: String, arguments: Array, callable: Callable, options: Dictionary = {}
) -> bool:
	return McpOffers.add_prompt(_registry, prompt_name, description, arguments, callable, options)


func remove_tool(tool_name: String) -> bool:
	return _registry.remove(McpRegistry.TOOLS, tool_name)


func remove_resource(uri: String) -> bool:
	return _registry.remove(McpRegistry.RESOURCES, uri) or _registry.remove(McpRegistry.TEMPLATES, uri)


func remove_prompt(prompt_name: String) -> bool:
	return _registry.remove(McpRegistry.PROMPTS, prompt_name)


## Tells clients that subscribed to it that a resource's content changed.
func notify_resource_updated(uri: String) -> void:
	if _transport != null:
		_transport.post({"kind": "updated", "uri": uri})


## Answers one JSON-RPC message inside the process, without HTTP and token, on the thread that asks. A notification is
## answered with an empty Dictionary. Tools that await cannot be called this way.
func handle_request(message: Dictionary) -> Dictionary:
	_prepare_protocol()
	var copy: Dictionary = message.duplicate(true)
	var kind: JsonRpc.Kind = JsonRpc.classify(copy)
	if kind == JsonRpc.Kind.NOTIFICATION or kind == JsonRpc.Kind.RESPONSE:
		return {}
	if kind == JsonRpc.Kind.INVALID:
		return JsonRpc.error(null, JsonRpc.INVALID_REQUEST, "Not one JSON-RPC 2.0 message.")
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
	_transport.tell = _on_event
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
		McpOffers.add_models(_registry)


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


## As many as fit into the budget; the rest waits for the next frame.
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
