@tool
extends RefCounted
## The one table of this addon's tools: the MCP server and `ExecuTorchRuntime.list_mcp_tools()` and `call_mcp_tool()`
## read it. What they do is in mcp_model_tools.gd.

const JsonRpc = preload("../json/json_rpc.gd")
const McpModelTools = preload("mcp_model_tools.gd")
const McpModels = preload("mcp_models.gd")
const McpOffers = preload("../protocol/mcp_offers.gd")
const McpRegistry = preload("../calls/mcp_registry.gd")

const _MODEL: Dictionary = {
	"type": "string",
	"minLength": 1,
	"maxLength": 1000,
	"description": "Path (res://models/x.pt) or file name of a model, as list_models returns them.",
}
const _METHOD: Dictionary = {"type": "string", "default": "forward", "description": "The program's method."}
const _INPUTS: Dictionary = {
	"type": "object",
	"description":
	"Value by input name (the model's own or input_0, input_1 ...): numbers, nested arrays, or {data, shape, dtype}.",
}
const _SESSIONS: Dictionary = {"type": "array", "items": {"type": "object"}}
const _READS: Dictionary = {"readOnlyHint": true, "openWorldHint": false}

static var _local: McpRegistry = null
static var _mutex: Mutex = Mutex.new()


## Name, title, description, schemas and annotations of each tool.
static func list_tools() -> Array[Dictionary]:
	var tools: Array[Dictionary] = []
	for entry: Dictionary in _local_registry().get_table(McpRegistry.TOOLS).values():
		tools.append(entry["definition"].duplicate(true))
	return tools


## Runs a tool on this thread: MCP's `{content, structuredContent, isError}`. Nothing is refused as read-only: this is
## the game's own call. A tool that wants a model runs the one of the session with this id (0 is none) unless another is
## named; arguments that the tool does not know are inputs.
static func call_tool(tool_name: String, arguments: Dictionary, session_id: int = 0) -> Dictionary:
	var registry: McpRegistry = _local_registry()
	var entry: Dictionary = registry.get_entry(McpRegistry.TOOLS, tool_name)
	var known: Dictionary = {}
	if not entry.is_empty():
		known = entry["definition"]["inputSchema"]["properties"]
	var completed: Dictionary = arguments.duplicate()
	if session_id != 0 and known.has("model") and not completed.has("model"):
		completed["model"] = McpModels.name_of_session(session_id)
	if known.has("inputs") and not completed.has("inputs"):
		var inputs: Dictionary = {}
		for key: Variant in arguments:
			if not known.has(key):
				inputs[key] = arguments[key]
				completed.erase(key)
		if not inputs.is_empty():
			completed["inputs"] = inputs
	return McpOffers.call_in_process(registry, tool_name, completed)


static func add_to(registry: McpRegistry) -> void:
	for tool: Dictionary in _table():
		var options: Dictionary = {
			"title": tool["title"],
			"output_schema": tool["output"],
			"annotations": tool.get("annotations", _READS),
			"threaded": true,
			"write": tool.get("write", false),
			"time_limit_seconds": tool.get("seconds", 60.0),
		}
		var input: Dictionary = {"type": "object", "properties": tool["input"], "additionalProperties": false}
		input["required"] = tool.get("required", [])
		McpOffers.add_tool(registry, tool["name"], tool["description"], input, tool["callable"], options)
	_add_resources(registry)


static func _table() -> Array[Dictionary]:
	return [
		{
			"name": "list_models",
			"title": "List models",
			"description": "The project's models and the sessions that run them.",
			"input": {},
			"output": _object({"models": {"type": "array", "items": {"type": "object"}}, "sessions": _SESSIONS}),
			"callable": McpModelTools.list_models,
		},
		{
			"name": "get_model_info",
			"title": "Describe a model",
			"description": "A model's methods with inputs and outputs, its metadata (accuracy, operators, delegation).",
			"input": {"model": _MODEL},
			"required": ["model"],
			"output": _object({"path": {"type": "string"}, "methods": _SESSIONS, "metadata": {"type": "object"}}),
			"callable": McpModelTools.get_model_info,
		},
		{
			"name": "run_inference",
			"title": "Run a model",
			"description":
			"Runs a model on a session of its own (the game's are not touched); returns each output's shape, values and range.",
			"input":
			{
				"model": _MODEL,
				"method": _METHOD,
				"inputs": _INPUTS,
				"reset_state":
				{"type": "boolean", "default": true, "description": "Start from the model's initial state."},
				"max_values": {"type": "integer", "minimum": 1, "maximum": 100000, "default": 1000},
			},
			"required": ["model", "inputs"],
			"output":
			_object({"outputs": {"type": "object"}, "time_us": {"type": "number"}, "model": {"type": "string"}}),
			"callable": McpModelTools.run_inference,
		},
		{
			"name": "health_check",
			"title": "Check health",
			"description": "Whether the native library runs and every model of the project is imported.",
			"input": {},
			"output": _object({"ok": {"type": "boolean"}, "problems": {"type": "array", "items": {"type": "string"}}}),
			"callable": McpModelTools.health_check,
		},
		{
			"name": "reset_stats",
			"title": "Reset statistics",
			"description": "Resets the statistics of one model's sessions, or of all sessions.",
			"input": {"model": _MODEL},
			"output": _object({"reset": {"type": "integer"}}),
			"annotations":
			{"readOnlyHint": false, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false},
			"write": true,
			"callable": McpModelTools.reset_stats,
		},
		{
			"name": "benchmark_model",
			"title": "Benchmark a model",
			"description": "Runs a model many times and returns mean, percentiles and runs per second (microseconds).",
			"input":
			{
				"model": _MODEL,
				"method": _METHOD,
				"inputs": _INPUTS,
				"runs": {"type": "integer", "minimum": 1, "maximum": 100000, "default": 100},
				"warm_up": {"type": "integer", "minimum": 0, "maximum": 1000, "default": 5},
				"seconds": {"type": "number", "exclusiveMinimum": 0, "maximum": 60, "default": 5},
			},
			"required": ["model"],
			"output": _object({"statistics": _object({"count": {"type": "integer"}}), "model": {"type": "string"}}),
			"seconds": 120.0,
			"callable": McpModelTools.benchmark_model,
		},
		{
			"name": "profile_model",
			"title": "Profile a model",
			"description": "Measures each operator: its time and its backend.",
			"input":
			{
				"model": _MODEL,
				"method": _METHOD,
				"inputs": _INPUTS,
				"runs": {"type": "integer", "minimum": 1, "maximum": 100, "default": 3},
			},
			"required": ["model"],
			"output": _object({"profile": {"type": "object"}, "model": {"type": "string"}}),
			"seconds": 120.0,
			"callable": McpModelTools.profile_model,
		},
		{
			"name": "get_memory_info",
			"title": "Memory of models",
			"description": "What each session's program, weights, planned buffers and delegates take, in bytes.",
			"input": {"model": _MODEL},
			"output": _object({"sessions": _SESSIONS, "process_bytes": {"type": "integer"}}),
			"callable": McpModelTools.get_memory_info,
		},
		{
			"name": "list_backends",
			"title": "List backends",
			"description": "Backends and kernels in the native library, and its versions.",
			"input": {},
			"output":
			_object({"backends": {"type": "array", "items": {"type": "string"}}, "threads": {"type": "integer"}}),
			"callable": McpModelTools.list_backends,
		},
	]


static func _add_resources(registry: McpRegistry) -> void:
	var json: Dictionary = {"mime_type": "application/json", "threaded": true}
	McpOffers.add_resource(
		registry,
		"executorch://models",
		"models",
		"The project's models, as list_models returns them.",
		McpModelTools.list_models,
		json
	)
	McpOffers.add_template(
		registry,
		"executorch://models/{path}/metadata",
		"model metadata",
		"What is known of a model. The path is percent-encoded: res%3A%2F%2Fmodels%2Fx.pt",
		_read_metadata,
		json
	)
	McpOffers.add_template(
		registry,
		"executorch://models/{path}/profile",
		"last profile",
		"The last profile of a model that profile_model made.",
		func(variables: Dictionary) -> Variant:
			return McpModelTools.get_last_profile(McpModels.find(variables["path"])),
		json
	)
	registry.refresh = _list_loaded.bind(json)


static func _read_metadata(variables: Dictionary, running: ExecuTorchMCPCall) -> Dictionary:
	var info: Dictionary = McpModelTools.get_model_info({"model": variables["path"]})
	if info.has("isError"):
		var code: int = JsonRpc.INVALID_PARAMS if running.is_stateless else JsonRpc.RESOURCE_NOT_FOUND
		running.fail(code, str(info["content"][0]["text"]))
	return info


## Each model that runs has its two resources in the list.
static func _list_loaded(registry: McpRegistry, options: Dictionary) -> void:
	var wanted: Dictionary = {}
	for session: ExecuTorchRuntime in ExecuTorchRuntime.get_sessions():
		var path: String = session.get_resource_path()
		if not path.is_empty():
			wanted["executorch://models/%s/metadata" % path.uri_encode()] = path
			wanted["executorch://models/%s/profile" % path.uri_encode()] = path
	for uri: String in registry.get_table(McpRegistry.RESOURCES):
		if uri.begins_with("executorch://models/") and not wanted.has(uri):
			registry.remove(McpRegistry.RESOURCES, uri)
	for uri: String in wanted:
		if registry.get_entry(McpRegistry.RESOURCES, uri).is_empty():
			var path: String = wanted[uri]
			var is_profile: bool = uri.ends_with("/profile")
			var read: Callable = (
				McpModelTools.get_last_profile.bind(path)
				if is_profile
				else McpModelTools.get_model_info.bind({"model": path})
			)
			var title: String = "%s of %s" % ["last profile" if is_profile else "metadata", path.get_file()]
			McpOffers.add_resource(registry, uri, title, "", read, options)


static func _local_registry() -> McpRegistry:
	_mutex.lock()
	if _local == null:
		_local = McpRegistry.new()
		add_to(_local)
	_mutex.unlock()
	return _local


static func _object(properties: Dictionary) -> Dictionary:
	return {"type": "object", "properties": properties, "required": properties.keys()}
