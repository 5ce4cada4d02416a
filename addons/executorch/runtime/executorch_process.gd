@tool
class_name ExecuTorchProcess
extends RefCounted
## What all models of the process share: the native library, its threads, the living sessions and the MCP tools.
## Reach it through [ExecuTorchRuntime], which inherits it.

const Library := preload("native_library.gd")
const _MCP_TOOLS: String = "res://addons/executorch/runtime/mcp/mcp_tools.gd"
const _LIVE_RELOAD: String = "res://addons/executorch/runtime/live_reload.gd"
const _TELEMETRY: String = "res://addons/executorch/runtime/telemetry/telemetry.gd"

static var _sessions_lock: Mutex = Mutex.new()
static var _sessions: Dictionary = {}


## All living sessions that have a model, also the default sessions of resources. Any thread.
static func get_sessions() -> Array[ExecuTorchRuntime]:
	var living: Array[ExecuTorchRuntime] = []
	_sessions_lock.lock()
	for id: int in _sessions.keys():
		var session: ExecuTorchRuntime = (_sessions[id] as WeakRef).get_ref() as ExecuTorchRuntime
		if session != null:
			living.append(session)
	_sessions_lock.unlock()
	return living


## The tools that [method call_mcp_tool] and the MCP server know: [code]{name, title, description, inputSchema,
## outputSchema, annotations}[/code] each.
static func list_mcp_tools() -> Array[Dictionary]:
	var tools: Array[Dictionary] = []
	tools.assign((load(_MCP_TOOLS) as GDScript).call(&"list_tools") as Array)
	return tools


## Runs a tool and returns MCP's [code]{content, structuredContent, isError}[/code].
static func call_mcp_tool(tool_name: String, arguments: Dictionary = {}) -> Dictionary:
	return (load(_MCP_TOOLS) as GDScript).call(&"call_tool", tool_name, arguments)


## Names of the backends in the native library, for example [code]XnnpackBackend[/code]; empty without the library.
static func get_backends() -> PackedStringArray:
	var library: RefCounted = Library.statics()
	return library.get_backends() if library != null else PackedStringArray()


## Names of the kernels in the native library, for example [code]aten::add.out[/code]; empty without the library.
static func get_operators() -> PackedStringArray:
	var library: RefCounted = Library.statics()
	return library.get_operators() if library != null else PackedStringArray()


## Versions of ExecuTorch and what belongs to it; empty without the library.
static func get_versions() -> Dictionary:
	var library: RefCounted = Library.statics()
	return library.get_versions() if library != null else {}


## Sets how many threads all models of the process share, up to 256. 0, which the project setting
## [code]executorch/runtime/num_threads[/code] has too, is one less than the machine has fast cores, at least 1: the
## frame keeps a core of its own. All cores make a large model faster and frames later.
static func set_num_threads(count: int) -> void:
	var library: RefCounted = Library.statics()
	if library != null:
		library.set_num_threads(count)


## How many threads all models of the process share; 0 without the library.
static func get_num_threads() -> int:
	var library: RefCounted = Library.statics()
	return library.get_num_threads() if library != null else 0


## For sessions: one that has just got its model.
static func register(session: ExecuTorchRuntime) -> void:
	_sessions_lock.lock()
	_sessions[session.get_instance_id()] = weakref(session)
	_sessions_lock.unlock()
	# Only a game that was started from an editor has somebody to tell.
	if EngineDebugger.is_active():
		(load(_TELEMETRY) as GDScript).call(&"watch", session)
		(load(_LIVE_RELOAD) as GDScript).call(&"start")


## For sessions: one that has lost its model.
static func unregister(session_id: int) -> void:
	_sessions_lock.lock()
	_sessions.erase(session_id)
	_sessions_lock.unlock()
