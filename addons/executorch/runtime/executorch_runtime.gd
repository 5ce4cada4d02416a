@tool
@icon("res://addons/executorch/icons/runtime.svg")
class_name ExecuTorchRuntime
extends ExecuTorchSession
## A session: one model with its own state and memory. The sessions of one [ExecuTorchResource] share its weights.
##
## [codeblock]
## var session: ExecuTorchRuntime = ExecuTorchRuntime.new()
## if session.load_model_from_file("res://models/policy.pt") == OK:
##     var result: Dictionary = session.run_inference({"observation": [0.1, 0.2]})
## [/codeblock]
## Values and errors are those of [ExecuTorchResource]. A session may be used from any thread; two calls at once wait
## for each other. [method run_inference_async] runs on a worker thread of the session's own.


## Loads a model from an imported file, a saved resource or a [code].pte[/code] program. Returns [constant OK] or
## [constant FAILED]; see [method get_last_error].
func load_model_from_file(path: String) -> Error:
	unload_model()
	if path.begins_with("res://") and ResourceLoader.exists(path):
		var imported: ExecuTorchResource = ResourceLoader.load(path) as ExecuTorchResource
		if imported != null:
			return load_model(imported)
	var resource: ExecuTorchResource = ExecuTorchResource.new()
	if resource.load_from_file(path) != OK:
		_set_last_error(resource.get_last_error())
		return FAILED
	return load_model(resource)


## Adds a PCK or ZIP file to the project's files and loads a model out of it. [param path] is the model's path in it.
func load_model_from_pck(pck_path: String, path: String) -> Error:
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
		return FAILED
	return load_model_from_file(path)


## Makes this a session of [param resource]. Returns [constant OK] or [constant FAILED].
func load_model(resource: ExecuTorchResource) -> Error:
	unload_model()
	if resource == null or resource.load_model() != OK:
		_set_last_error(resource.get_last_error() if resource != null else null)
		return FAILED
	var made: Variant = _adopt_session_of(resource.get_ready_module() as RefCounted, resource)
	return keep_error(made as ExecuTorchError) if made is ExecuTorchError else OK


## Gives the session's memory back; asynchronous calls are cancelled.
func unload_model() -> void:
	_queue.cancel_all()
	_lock.lock()
	forget_module()
	if _resource != null and _resource.changed.is_connected(_on_resource_changed):
		_resource.changed.disconnect(_on_resource_changed)
	_resource = null
	_lock.unlock()


## Prepares [param method] now rather than in its first call: backends pack their weights then, which takes longer than
## a call. Returns [constant OK], or [constant FAILED], also when the method does not fit into the memory limit.
func load_method(method: String = "forward") -> Error:
	return _checked(_module.load_method(method) as int) if prepare() else FAILED


## Whether there is a model.
func is_model_loaded() -> bool:
	return _loaded or get_resource() != null


## Runs the method [code]forward[/code]; see [method ExecuTorchResource.forward]. Empty on failure.
func run_inference(inputs: Dictionary) -> Dictionary:
	if not _loaded and not prepare():
		return {}
	var outputs: Dictionary = _module.forward(inputs)
	return outputs if outputs else forward_again(inputs)


## Runs a model with one input; see [method ExecuTorchResource.forward_array]. Empty on failure.
func run_inference_array(input: PackedFloat32Array) -> PackedFloat32Array:
	if not _loaded and not prepare():
		return PackedFloat32Array()
	var output: PackedFloat32Array = _module.forward_packed(input)
	if not output:
		keep_module_error()
	return output


## The same as [method run_inference].
func forward(inputs: Dictionary) -> Dictionary:
	return run_inference(inputs)


## Runs any method by its name. Empty on failure.
func execute(method: String, inputs: Dictionary) -> Dictionary:
	if not prepare():
		return {}
	var outputs: Dictionary = Inputs.execute(_module, method, inputs)
	if outputs.is_empty():
		keep_module_error()
	return outputs


## Runs a method with its inputs by position; returns [code]{data, shape, dtype}[/code] for each output.
func execute_tensors(method: String, inputs: Array) -> Array[Dictionary]:
	var outputs: Array[Dictionary] = []
	if not prepare():
		return outputs
	outputs.assign(_module.execute_tensors(method, inputs.map(Inputs.plain_value)) as Array)
	if outputs.is_empty():
		keep_module_error()
	return outputs


## Runs many agents at once; see [method ExecuTorchResource.forward_batch].
func forward_batch(rows: Array) -> Array:
	if not prepare():
		return []
	var results: Array = _module.forward_batch(rows)
	if results.is_empty() and not rows.is_empty():
		keep_module_error()
	return results


## Runs on the session's worker thread: [code]await session.run_inference_async(inputs)[/code]. Empty on failure.
func run_inference_async(inputs: Dictionary) -> Dictionary:
	var request: ExecuTorchCall = submit(inputs)
	if not request.is_finished():
		await request.finished
	if request.get_error() != null:
		_set_last_error(request.get_error())
	return request.result


## Sets mutable buffers back to their initial values. Returns [constant OK] or [constant FAILED].
func reset_state() -> Error:
	return _checked(_module.reset_state()) if _loaded else _not_loaded_error()


## Milliseconds of the last call; 0 before the first.
func get_last_inference_time() -> float:
	return _module.get_last_inference_time() if _loaded else 0.0


## Calls since the model was loaded or the statistics were reset.
func get_total_inferences() -> int:
	return int(get_statistics().get("count", 0))


## [code]{count, last_us, mean_us, p50_us, p90_us, p99_us, min_us, max_us, load_us}[/code], microseconds.
func get_statistics() -> Dictionary:
	return _module.get_statistics() if _loaded else {}


## Sets the statistics back to nothing.
func reset_performance_stats() -> void:
	if _loaded:
		_module.reset_statistics()


## The same as [method reset_performance_stats].
func reset_statistics() -> void:
	reset_performance_stats()


## Sets how the model is run, now and for models loaded later. Returns [constant OK] or [constant FAILED].
func set_optimization_level(level: ExecuTorchResource.OptimizationLevel) -> Error:
	var home: ExecuTorchResource = get_home()
	return home.set_optimization_level(level) if home != null else _set_for_good(&"set_optimization_level", [level])


## Turns tracing of single operators on or off, now and for models loaded later. Off costs nothing. Returns
## [constant OK] or [constant FAILED].
func enable_profiling(enabled: bool = true) -> Error:
	return _set_for_good(&"enable_profiling", [enabled])


## The trace of the last calls while profiling is on; see [method ExecuTorchResource.get_profile].
func get_profile() -> Dictionary:
	return _module.get_profile() if _loaded else {}


## Writes the traced calls as an ETDump, which executorch.devtools.Inspector opens. [param path] is any path of Godot's.
func save_etdump(path: String) -> Error:
	var place: String = ProjectSettings.globalize_path(path)
	return _checked(_module.save_etdump(place)) if _loaded else _not_loaded_error()


## Takes the session's memory from one block of [param bytes]; 0 takes the limit away. Holds for models loaded later
## too. The state of a loaded model begins anew. Returns [constant OK], or [constant FAILED] when a loaded model does
## not fit.
func set_memory_limit(bytes: int) -> Error:
	var policy: ExecuTorchResource.MemoryPolicy = (
		ExecuTorchResource.MEMORY_POLICY_STATIC if bytes > 0 else ExecuTorchResource.MEMORY_POLICY_AUTO
	)
	var home: ExecuTorchResource = get_home()
	return home.configure_memory(policy, bytes) if home != null else _set_memory(policy, bytes)


## See [method ExecuTorchResource.get_memory_info].
func get_memory_info() -> Dictionary:
	return _module.get_memory_info() if _loaded else {}


## [code]{name, path, version, size, loaded, methods: [...], statistics, memory, metadata}[/code]; empty without a
## model.
func get_model_info() -> Dictionary:
	if not _loaded:
		return {}
	var methods: Array[Dictionary] = []
	for method: String in _module.get_method_names() as PackedStringArray:
		methods.append(_module.get_method_meta(method))
	var info: Dictionary = _get_description().duplicate()
	info.merge({"loaded": true, "methods": methods, "statistics": get_statistics(), "memory": get_memory_info()}, true)
	return info


## [code]{ok, problems: PackedStringArray, library, model_loaded, versions, backends, threads, queue_depth}[/code].
func health_check() -> Dictionary:
	var problems: PackedStringArray = []
	if not Native.is_available():
		problems.append(str(Native.missing_error()))
	elif not _loaded:
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


## A further session on the same model; null without one.
func new_session() -> ExecuTorchRuntime:
	if not prepare():
		return null
	var session: ExecuTorchRuntime = ExecuTorchRuntime.new()
	session.adopt(_module.new_session() as RefCounted, get_resource(), true, _get_description())
	return session


## Where memory comes from is chosen before the first method is loaded: a loaded model is loaded again.
func _set_memory(policy: ExecuTorchResource.MemoryPolicy, bytes: int) -> Error:
	_settings[&"configure_memory"] = [policy, bytes]
	if not _loaded:
		return OK
	var method: String = (_module.get_method_names() as PackedStringArray)[0]
	forget_module()
	return load_method(method)
