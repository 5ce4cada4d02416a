@tool
extends RefCounted
## The functions of the tools. Each gets a tool's arguments and, if it may take long, the call; it returns structured
## content, or a result with `isError`.

const DEFAULT_VALUES: int = 1000
const MAX_VALUES: int = 100000
const MAX_EVENTS: int = 200
const InputErrors = preload("../../calls/input_errors.gd")
const McpContent = preload("../calls/mcp_content.gd")
const McpModels = preload("mcp_models.gd")
const McpTensors = preload("mcp_tensors.gd")

# Path -> the last profile that a tool made.
static var _profiles: Dictionary[String, Dictionary] = {}
static var _mutex: Mutex = Mutex.new()


static func list_models(_arguments: Dictionary) -> Dictionary:
	var models: Array = []
	for path: String in McpModels.list_paths():
		var resource: ExecuTorchResource = McpModels.load_resource(path)
		if resource == null:
			continue
		(
			models
			. append(
				{
					"path": path,
					"name": str(resource.metadata.get("name", path.get_file().get_basename())),
					"state": str(ExecuTorchResource.State.keys()[resource.state]).to_lower(),
					"loaded": resource.is_loaded(),
					"recipe": str(resource.metadata.get("recipe", "")),
					"bytes": resource.get_model_size(),
					"methods": Array(resource.get_method_names()),
				}
			)
		)
	return {"models": models, "sessions": _sessions("")}


static func get_model_info(arguments: Dictionary) -> Dictionary:
	var path: String = McpModels.find(arguments["model"])
	var resource: ExecuTorchResource = McpModels.load_resource(path) if not path.is_empty() else null
	if resource == null:
		return _unknown_model(arguments["model"])
	var methods: Array = []
	for method: String in resource.get_method_names():
		methods.append(McpContent.plain(resource.get_method_meta(method)))
	return {
		"path": McpModels.shown(path),
		"state": str(ExecuTorchResource.State.keys()[resource.state]).to_lower(),
		"error": McpContent.plain(resource.error),
		"methods": methods,
		"metadata": McpContent.plain(resource.metadata),
		"sessions": _sessions(path),
	}


static func run_inference(arguments: Dictionary) -> Dictionary:
	var opened: Dictionary = _open(arguments, arguments["inputs"], "run")
	if opened.has("isError"):
		return opened
	var module: RefCounted = opened["module"]
	var lock: Mutex = opened["lock"]
	lock.lock()
	if arguments.get("reset_state", true):
		module.call(&"reset_state")
	var began: int = Time.get_ticks_usec()
	var outputs: Array = module.call(&"execute_tensors", opened["method"], opened["inputs"])
	var took: int = Time.get_ticks_usec() - began
	var failure: Dictionary = _failed(module) if outputs.is_empty() else {}
	lock.unlock()
	if outputs.is_empty():
		return failure
	var limit: int = clampi(arguments.get("max_values", DEFAULT_VALUES), 1, MAX_VALUES)
	var described: Dictionary = {}
	var names: Array = opened["meta"].get("outputs", [])
	for index: int in outputs.size():
		var fallback: String = "output_%d" % index
		var name: String = str(names[index].get("name", fallback)) if index < names.size() else fallback
		described[name] = McpTensors.describe(outputs[index], limit)
	return {"model": opened["path"], "method": opened["method"], "outputs": described, "time_us": took}


static func benchmark_model(arguments: Dictionary, running: ExecuTorchMCPCall) -> Dictionary:
	return _measure(arguments, running, _benchmark)


static func profile_model(arguments: Dictionary, running: ExecuTorchMCPCall) -> Dictionary:
	return _measure(arguments, running, _profile)


## One at a time: a profile has the calls of others in it, and ends with theirs.
static func _measure(arguments: Dictionary, running: ExecuTorchMCPCall, measure: Callable) -> Dictionary:
	var opened: Dictionary = _open(arguments, arguments.get("inputs"), "measure")
	if opened.has("isError"):
		return opened
	var lock: Mutex = opened["lock"]
	lock.lock()
	var result: Dictionary = measure.call(opened, arguments, running)
	lock.unlock()
	return result


static func _benchmark(opened: Dictionary, arguments: Dictionary, running: ExecuTorchMCPCall) -> Dictionary:
	var module: RefCounted = opened["module"]
	var runs: int = arguments.get("runs", 100)
	var deadline: int = Time.get_ticks_msec() + int(float(arguments.get("seconds", 5.0)) * 1000.0)
	for _index: int in int(arguments.get("warm_up", 5)):
		if (module.call(&"execute_tensors", opened["method"], opened["inputs"]) as Array).is_empty():
			return _failed(module)
	# This session is the tools' own, so that its statistics are those of these runs.
	module.call(&"reset_statistics")
	var done: int = 0
	while done < runs and Time.get_ticks_msec() < deadline and not running.is_cancelled():
		if (module.call(&"execute_tensors", opened["method"], opened["inputs"]) as Array).is_empty():
			return _failed(module)
		done += 1
		if done % maxi(runs >> 3, 1) == 0:
			running.report_progress(done, runs)
	var statistics: Dictionary = module.call(&"get_statistics")
	statistics["per_second"] = 1000000.0 / maxf(float(statistics.get("mean_us", 0.0)), 0.001)
	return {"model": opened["path"], "method": opened["method"], "statistics": statistics}


static func _profile(opened: Dictionary, arguments: Dictionary, running: ExecuTorchMCPCall) -> Dictionary:
	var session: ExecuTorchRuntime = opened["session"]
	var module: RefCounted = opened["module"]
	if session.enable_profiling(true) != OK:
		return _failed(module)
	var profile: Dictionary = {}
	for _index: int in int(arguments.get("runs", 3)):
		if (
			running.is_cancelled()
			or (module.call(&"execute_tensors", opened["method"], opened["inputs"]) as Array).is_empty()
		):
			break
		profile = session.get_profile()
	session.enable_profiling(false)
	if profile.is_empty():
		return _failed(module)
	var report: Dictionary = McpContent.plain(profile)
	_shorten(report)
	for traced: Dictionary in report.get("calls", []):
		_shorten(traced)
	_mutex.lock()
	_profiles[opened["path"]] = report
	_mutex.unlock()
	return {"model": opened["path"], "method": opened["method"], "profile": report}


static func get_memory_info(arguments: Dictionary) -> Dictionary:
	var error: Dictionary = _unknown_model_of(arguments)
	if not error.is_empty():
		return error
	var sessions: Array = []
	for session: ExecuTorchRuntime in _sessions_of(arguments):
		var entry: Dictionary = _session(session)
		entry["memory"] = McpContent.plain(session.get_memory_info())
		sessions.append(entry)
	return {"sessions": sessions, "process_bytes": OS.get_static_memory_usage()}


static func list_backends(_arguments: Dictionary) -> Dictionary:
	return {
		"backends": Array(ExecuTorchRuntime.get_backends()),
		"operators": Array(ExecuTorchRuntime.get_operators()),
		"versions": McpContent.plain(ExecuTorchRuntime.get_versions()),
		"threads": ExecuTorchRuntime.get_num_threads(),
	}


static func health_check(_arguments: Dictionary) -> Dictionary:
	var problems: Array = []
	var has_library: bool = ClassDB.class_exists(&"ExecuTorchModule")
	if not has_library:
		problems.append("The native library is not loaded; models cannot run.")
	for path: String in McpModels.list_paths():
		var resource: ExecuTorchResource = McpModels.load_resource(path)
		if resource == null:
			problems.append("%s cannot be loaded." % path)
		elif resource.state == ExecuTorchResource.State.FAILED:
			problems.append("%s was not imported: %s" % [path, resource.error.get("cause", "")])
	return {
		"ok": problems.is_empty(),
		"problems": problems,
		"library": has_library,
		"backends": Array(ExecuTorchRuntime.get_backends()),
		"versions": McpContent.plain(ExecuTorchRuntime.get_versions()),
		"godot": str(Engine.get_version_info()["string"]),
		"kind": "editor" if Engine.is_editor_hint() else "game",
		"sessions": ExecuTorchRuntime.get_sessions().size(),
	}


static func reset_stats(arguments: Dictionary) -> Dictionary:
	var error: Dictionary = _unknown_model_of(arguments)
	if not error.is_empty():
		return error
	var sessions: Array[ExecuTorchRuntime] = _sessions_of(arguments)
	for session: ExecuTorchRuntime in sessions:
		session.reset_statistics()
	return {"reset": sessions.size()}


## The last profile that `profile_model` made; empty when there was none.
static func get_last_profile(path: String) -> Dictionary:
	_mutex.lock()
	var profile: Dictionary = _profiles.get(path, {})
	_mutex.unlock()
	return profile


## `{path, method, meta, session, lock, module, inputs}`, or a result with `isError`. Null `given` = generated inputs.
static func _open(arguments: Dictionary, given: Variant, purpose: String) -> Dictionary:
	var path: String = McpModels.find(arguments["model"])
	if path.is_empty():
		return _unknown_model(arguments["model"])
	var opened: Dictionary = McpModels.open(path, purpose)
	if opened.has("error"):
		var why: ExecuTorchError = opened["error"]
		return _error("%s cannot be run. %s" % [path, str(why) if why != null else ""])
	var session: ExecuTorchRuntime = opened["session"]
	# Loaded again when the model was imported again.
	var ready: Variant = session.get_ready_module()
	if ready == null or ready is ExecuTorchError:
		return _error("%s cannot be run. %s" % [path, ready])
	var module: RefCounted = ready
	var method: String = arguments.get("method", "forward")
	if not method in (module.call(&"get_method_names") as PackedStringArray):
		var names: String = ", ".join(module.call(&"get_method_names") as PackedStringArray)
		return _error("%s has no method '%s'; it has %s." % [path, method, names])
	var meta: Dictionary = module.call(&"get_method_meta", method)
	var made: Dictionary = McpTensors.generate(meta) if given == null else McpTensors.order_inputs(meta, given)
	if made.has("error"):
		return _error(made["error"])
	return {
		"path": McpModels.shown(path),
		"method": method,
		"meta": meta,
		"session": session,
		"lock": opened["lock"],
		"module": module,
		"inputs": made["inputs"],
	}


static func _shorten(traced: Dictionary) -> void:
	if traced.get("events") is Array and traced["events"].size() > MAX_EVENTS:
		traced["left_out"] = traced["events"].size() - MAX_EVENTS
		traced["events"] = traced["events"].slice(0, MAX_EVENTS)


static func _sessions(path: String) -> Array:
	var sessions: Array = []
	for session: ExecuTorchRuntime in ExecuTorchRuntime.get_sessions():
		if path.is_empty() or McpModels.is_of(session, path):
			var entry: Dictionary = _session(session)
			entry["statistics"] = McpContent.plain(session.get_statistics())
			sessions.append(entry)
	return sessions


static func _session(session: ExecuTorchRuntime) -> Dictionary:
	return {
		"id": str(session.get_session_id()),
		"model": session.get_resource_path(),
		"name": session.get_model_name(),
		"owner": "mcp" if McpModels.is_own(session) else "game",
	}


## The error of arguments that name a model which does not exist; else empty.
static func _unknown_model_of(arguments: Dictionary) -> Dictionary:
	if arguments.has("model") and McpModels.find(arguments["model"]).is_empty():
		return _unknown_model(arguments["model"])
	return {}


## The sessions of the model that the arguments name; all sessions without one.
static func _sessions_of(arguments: Dictionary) -> Array[ExecuTorchRuntime]:
	var sessions: Array[ExecuTorchRuntime] = ExecuTorchRuntime.get_sessions()
	if not arguments.has("model"):
		return sessions
	var path: String = McpModels.find(arguments["model"])
	return sessions.filter(func(session: ExecuTorchRuntime) -> bool: return McpModels.is_of(session, path))


static func _unknown_model(model: String) -> Dictionary:
	return _error("There is no model '%s' in this project; list_models lists the models." % model.left(200))


static func _failed(module: RefCounted) -> Dictionary:
	var told: Dictionary = module.call(&"get_last_error")
	# An assistant has the tool, not the method.
	var remedy: String = str(told.get("remedy", ""))
	if InputErrors.OF_INPUTS.has(str(told.get("name", ""))):
		remedy += " get_model_info lists its inputs."
	var cause: String = str(told.get("cause", "The call failed")).trim_suffix(".")
	return _error("%s: %s. %s" % [told.get("name", "Error"), cause, remedy])


static func _error(message: String) -> Dictionary:
	return {"content": [McpContent.text(message)], "isError": true}
