@tool
@icon("res://addons/executorch/icons/runtime.svg")
class_name ExecuTorchRuntime
extends "res://addons/executorch/runtime/model_session.gd"
## A session: one model with its own state and memory. The sessions of one [ExecuTorchResource] share its weights.
##
## Create a session when a model has state, or when several threads run the same model. Otherwise an
## [ExecuTorchResource] can be run directly.
## [codeblock]
## var session: ExecuTorchRuntime = ExecuTorchRuntime.new()
## if session.load_model_from_file("res://models/policy.pt"):
##     var result: Dictionary = session.run_inference({"observation": [0.1, 0.2]})
## [/codeblock]
## Inputs, outputs and errors are those of [ExecuTorchResource]. All methods may be called from any thread; concurrent
## calls wait for each other. [method run_inference_async] and [method submit] run on worker threads that all sessions
## share.

const Memory := preload("memory_info.gd")
# Loaded on demand: a release export may not contain the MCP server.
const _MCP_TOOLS: String = "res://addons/executorch/runtime/mcp/tools/mcp_tools.gd"

## The number of asynchronous calls that may wait before new ones are refused. 0 means no limit.
var queue_limit: int = 64:
	set(value):
		queue_limit = value
		_queue.limit = value


## Loads a model from an imported file, a saved resource or a [code].pte[/code] program. Returns [code]true[/code] when
## the model is loaded; see [method get_last_error] otherwise.
func load_model_from_file(path: String) -> bool:
	unload_model()
	path = ExecuTorchResource.Files.path_of(path)
	if ExecuTorchResource.Files.is_in_project(path) and ResourceLoader.exists(path):
		var imported: ExecuTorchResource = ResourceLoader.load(path) as ExecuTorchResource
		if imported != null:
			return load_model(imported)
	var resource: ExecuTorchResource = ExecuTorchResource.new()
	if resource.load_from_file(path) != OK:
		_set_last_error(resource.get_last_error())
		return false
	return load_model(resource)


## Adds a PCK or ZIP file to the project's files and loads a model from it. [param path] is the model's path in that
## file. Returns [code]true[/code] when the model is loaded.
func load_model_from_pck(pck_path: String, path: String) -> bool:
	if not ProjectSettings.load_resource_pack(pck_path, false):
		keep_error(
			(
				ExecuTorchError
				. create(
					ExecuTorchError.Code.PAYLOAD_MISSING,
					"The resource pack %s cannot be opened." % pck_path,
					"Check the path, and that Godot exported the file.",
				)
			)
		)
		return false
	return load_model_from_file(path)


## Makes this a session of [param resource]. Returns [code]true[/code] when its program is loaded.
func load_model(resource: ExecuTorchResource) -> bool:
	follow(resource)
	return prepare()


## Frees the session's memory and cancels its asynchronous calls.
func unload_model() -> void:
	_queue.drop_all()
	_unfollow()
	forget_program()


## Prepares [param method] now instead of in its first call. Backends pack their weights then, which takes longer than a
## call. Returns [constant OK], or [constant FAILED], also when the method does not fit into the memory limit.
func load_method(method: String = "forward") -> Error:
	return _checked(_module.load_method(method) as int) if prepare() else FAILED


## Returns [code]true[/code] when the session has a model.
func is_model_loaded() -> bool:
	return has_program() or get_resource() != null


## Runs [code]forward[/code]; see [method ExecuTorchResource.forward]. Returns an empty [Dictionary] when it fails.
func run_inference(inputs: Dictionary) -> Dictionary:
	if not _loaded and not prepare():
		return {}
	var outputs: Dictionary = _module.forward(inputs)
	return outputs if outputs else forward_again(inputs)


## Runs a model with one input; see [method ExecuTorchResource.forward_array]. Returns an empty array when it fails.
func run_inference_array(input: PackedFloat32Array) -> PackedFloat32Array:
	if not _loaded and not prepare():
		return PackedFloat32Array()
	var output: PackedFloat32Array = _module.forward_packed(input)
	return output if output else forward_array_again(input)


## The same as [method run_inference].
func forward(inputs: Dictionary) -> Dictionary:
	return run_inference(inputs)


## Runs any method of the program by its name. Returns an empty [Dictionary] when it fails.
func execute(method: String, inputs: Dictionary) -> Dictionary:
	var done: Array = run_method(method, inputs)
	keep_error(done[1] as ExecuTorchError)
	return done[0]


## Runs a method with its inputs by position. Returns [code]{data, shape, dtype}[/code] for each output, and an empty
## array when it fails.
func execute_tensors(method: String, inputs: Array) -> Array[Dictionary]:
	var outputs: Array[Dictionary] = []
	outputs.assign(_run_list(&"execute_tensors", [method, inputs.map(Inputs.plain_value)]))
	return outputs


## Runs many agents at once; see [method ExecuTorchResource.forward_batch].
func forward_batch(rows: Array) -> Array:
	return [] if rows.is_empty() else _run_list(&"forward_batch", [Inputs.plain_value(rows)])


## Runs [code]forward[/code] on a worker thread: [code]await session.run_inference_async(inputs)[/code]. Returns an
## empty [Dictionary] when it fails.
func run_inference_async(inputs: Dictionary) -> Dictionary:
	var request: ExecuTorchCall = submit(inputs)
	if not request.is_finished():
		await request.finished
	if request.get_error() != null:
		_set_last_error(request.get_error())
	return request.result


## Queues a run of [param method] on a worker thread and returns at once. The inputs are copied, so they may be changed
## afterwards.
func submit(inputs: Dictionary, method: String = "forward") -> ExecuTorchCall:
	return _submit(inputs, method)


## Queues a run of [param method] on the main thread, in slices of at most [param budget_msec] of each frame; see
## [method ExecuTorchResource.submit_sliced].
func submit_sliced(inputs: Dictionary, budget_msec: float, method: String = "forward") -> ExecuTorchCall:
	return _submit(inputs, method, SettingChecks.budget_error(budget_msec), budget_msec)


## Cancels all asynchronous calls that have not ended.
func cancel_all() -> void:
	_queue.cancel_all()


## Returns how many asynchronous calls wait, without the one that runs.
func get_queue_depth() -> int:
	return _queue.get_depth()


## Resets all mutable buffers to their initial values. Returns [constant OK] or [constant FAILED].
func reset_state() -> Error:
	return _checked(_module.reset_state() as int) if has_program() else keep_error(_no_model_error())


## Returns the time of the last call in milliseconds; 0 before the first.
func get_last_inference_time() -> float:
	return _module.get_last_inference_time() if has_program() else 0.0


## Returns the number of calls since the model was loaded or the statistics were reset.
func get_total_inferences() -> int:
	return int(get_statistics().get("count", 0))


## Returns [code]{count, errors, total_us, last_us, mean_us, p50_us, p90_us, p99_us, min_us, max_us, load_us}[/code].
## Times are in microseconds.
func get_statistics() -> Dictionary:
	return _module.get_statistics() if has_program() else {}


## Resets the statistics.
func reset_performance_stats() -> void:
	if has_program():
		_reset_statistics()


## The same as [method reset_performance_stats].
func reset_statistics() -> void:
	reset_performance_stats()


## Sets the level, as [method ExecuTorchResource.set_optimization_level] does, now and for models loaded later. Returns
## [constant OK], [constant FAILED], or [constant ERR_INVALID_PARAMETER].
func set_optimization_level(level: ExecuTorchResource.OptimizationLevel) -> Error:
	if is_refused(SettingChecks.level_error(level)):
		return ERR_INVALID_PARAMETER
	return get_own_resource().set_optimization_level(level) if get_own_resource() != null else _set_level(level)


## Turns tracing of single operators on or off, now and for models loaded later. Tracing costs nothing while it is off.
## Returns [constant OK] or [constant FAILED].
func enable_profiling(enabled: bool = true) -> Error:
	return _set_for_good(&"enable_profiling", [enabled])


## Returns the trace of the last calls while profiling is on; see [method ExecuTorchResource.get_profile].
func get_profile() -> Dictionary:
	return _module.get_profile() if has_program() else {}


## Writes the traced calls as an ETDump, which executorch.devtools.Inspector opens. [param path] may be a
## [code]user://[/code] path. Returns [constant OK] or [constant FAILED].
func save_etdump(path: String) -> Error:
	if not has_program():
		return keep_error(_no_model_error())
	return _checked(_module.save_etdump(ProjectSettings.globalize_path(path)) as int)


## Takes the session's memory from one block of [param bytes]; 0 removes the limit. The limit also holds for models that
## are loaded later. A loaded model is loaded again, so its state is reset. Returns [constant OK], or
## [constant FAILED] when a loaded model does not fit, and [constant ERR_INVALID_PARAMETER] for a negative limit.
func set_memory_limit(bytes: int) -> Error:
	var policy: ExecuTorchResource.MemoryPolicy = ExecuTorchResource.MEMORY_POLICY_AUTO
	if is_refused(SettingChecks.memory_error(policy, bytes)):
		return ERR_INVALID_PARAMETER
	policy = ExecuTorchResource.MEMORY_POLICY_STATIC if bytes > 0 else policy
	var own: ExecuTorchResource = get_own_resource()
	return own.configure_memory(policy, bytes) if own != null else _set_memory(policy, bytes)


## Returns the memory of the model; see [method ExecuTorchResource.get_memory_info].
func get_memory_info() -> Dictionary:
	return Memory.described(_module.get_memory_info() as Dictionary) if has_program() else {}


## Returns [code]{name, path, version, size, loaded, methods: [...], statistics, memory, metadata}[/code]; empty without
## a model.
func get_model_info() -> Dictionary:
	if not has_program():
		return {}
	var methods: Array[Dictionary] = []
	for method: String in _module.get_method_names() as PackedStringArray:
		methods.append(_module.get_method_meta(method))
	var info: Dictionary = _get_description().duplicate()
	info.merge({"loaded": true, "methods": methods, "statistics": get_statistics(), "memory": get_memory_info()}, true)
	return info


## Returns [code]{ok, problems: PackedStringArray, library, model_loaded, versions, backends, threads,
## queue_depth}[/code]. The error of [method get_last_error] is a problem.
func health_check() -> Dictionary:
	var problems: PackedStringArray = []
	if not Native.is_available():
		problems.append(str(Native.missing_error()))
	elif not has_program():
		problems.append("No model is loaded.")
	if get_last_error() != null:
		problems.append("The last error: %s" % get_last_error())
	return {
		"ok": problems.is_empty(),
		"problems": problems,
		"library": Native.is_available(),
		"model_loaded": is_model_loaded(),
		"versions": get_versions(),
		"backends": get_backends(),
		"threads": get_num_threads(),
		"queue_depth": get_queue_depth(),
	}


## Returns another session on the same model, or [code]null[/code] when there is none.
func new_session() -> ExecuTorchRuntime:
	var source: ExecuTorchResource = get_own_resource() if get_own_resource() != null else get_resource()
	if source == null:
		keep_error(_no_model_error())
		return null
	return source.new_session()


## Returns the model's metadata; empty without a model.
func get_metadata() -> Dictionary:
	return _get_description().get("metadata", {})


## Returns the model's name; empty without a model.
func get_model_name() -> String:
	return str(_get_description().get("name", ""))


## Returns the path of the model's file in the project. Returns an empty string if the model has no file.
func get_resource_path() -> String:
	return str(_get_description().get("path", ""))


## Returns the resource that this session was loaded from. It is [code]null[/code] without a model, and for the default
## session of a resource.
func get_resource() -> ExecuTorchResource:
	return _get_resource()


## Returns the error of the last call, or [code]null[/code] when it worked: an error is remembered until a later call of
## this session works, or a model is loaded.
func get_last_error() -> ExecuTorchError:
	return _find_last_error()


## Returns the session's ID, which is unique in this process.
func get_session_id() -> int:
	return _id


## Returns the native class [code]ExecuTorchModule[/code] under this session, or [code]null[/code] while no model is
## loaded. A loop that calls a very small model thousands of times saves a third of each call with its
## [code]forward_packed[/code] ([code]docs/architecture.md[/code] lists its methods). The object stays the same for the
## lifetime of the session. It does not print errors: see its [code]get_last_error[/code].
func get_native_module() -> RefCounted:
	return _module if has_program() else null


## Returns the tools that [method call_mcp_tool] and the MCP server offer: [code]{name, title, description, inputSchema,
## outputSchema, annotations}[/code] each. Empty in a release export without the MCP server.
func list_mcp_tools() -> Array[Dictionary]:
	var tools: Array[Dictionary] = []
	if ResourceLoader.exists(_MCP_TOOLS):
		tools.assign((load(_MCP_TOOLS) as GDScript).call(&"list_tools") as Array)
	return tools


## Runs a tool and returns MCP's [code]{content, structuredContent, isError}[/code]. A tool that needs a
## [code]model[/code] runs the model of this session unless another one is named. Inputs may also be given directly in
## [param arguments]: [code]session.call_mcp_tool("run_inference", {"input_0": [2.5]})[/code].
func call_mcp_tool(tool_name: String, arguments: Dictionary = {}) -> Dictionary:
	if not ResourceLoader.exists(_MCP_TOOLS):
		var why: String = "This export has no MCP tools; turn on executorch/mcp/allow_in_release and export again."
		return {"content": [{"type": "text", "text": why}], "isError": true}
	return (load(_MCP_TOOLS) as GDScript).call(&"call_tool", tool_name, arguments, _id if has_program() else 0)


## Returns all sessions that have a model, including the default sessions of resources.
static func get_sessions() -> Array[ExecuTorchRuntime]:
	var sessions: Array[ExecuTorchRuntime] = []
	sessions.assign(Registry.get_living())
	return sessions


## Returns the names of the native library's backends, such as [code]XnnpackBackend[/code]; empty without it.
static func get_backends() -> PackedStringArray:
	var library: RefCounted = Native.statics()
	return library.get_backends() if library != null else PackedStringArray()


## Returns the names of the native library's kernels, such as [code]aten::add.out[/code]; empty without it.
static func get_operators() -> PackedStringArray:
	var library: RefCounted = Native.statics()
	return library.get_operators() if library != null else PackedStringArray()


## Returns the versions of ExecuTorch and of the native library. Empty without the library.
static func get_versions() -> Dictionary:
	var library: RefCounted = Native.statics()
	return library.get_versions() if library != null else {}


## Sets the number of threads that all models of the process share, up to 256. 0 means one less than the machine has
## fast cores, at least 1, so that one core stays free for the frame. On all cores a large model runs faster, but frames
## take longer. The project setting [code]executorch/runtime/num_threads[/code] is the number at the start.
static func set_num_threads(count: int) -> void:
	var library: RefCounted = Native.statics()
	if library != null:
		library.set_num_threads(count)


## Returns the number of threads that all models of the process share. Returns 0 without the native library.
static func get_num_threads() -> int:
	var library: RefCounted = Native.statics()
	return library.get_num_threads() if library != null else 0


## For the addon: runs the model of [param resource] from now on. The first call loads it.
func follow(resource: ExecuTorchResource) -> void:
	unload_model()
	_follow(resource)


# Where memory comes from is chosen before the first method is loaded: a loaded model is loaded again.
func _set_memory(policy: ExecuTorchResource.MemoryPolicy, bytes: int) -> Error:
	_settings[&"configure_memory"] = [policy, bytes]
	if not has_program():
		return OK
	var method: String = (_module.get_method_names() as PackedStringArray)[0]
	forget_program()
	return load_method(method)
