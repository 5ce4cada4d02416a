class_name GrowthGame
extends SceneTree
## What more sessions and larger programs cost: `-- sessions MODEL COUNT` or `-- load MODEL LIMIT`, with the limit of
## packed weights in bytes. Prints one line `bench: {json}`: milliseconds and kilobytes.

var _model: ExecuTorchResource = ExecuTorchResource.new()


func _initialize() -> void:
	var arguments: PackedStringArray = OS.get_cmdline_user_args()
	var limit: int = arguments[2].to_int() if arguments[0] == "load" else 0
	ProjectSettings.set_setting("executorch/runtime/packed_weights_limit_bytes", limit)
	# The file was made here: it needs no trial.
	ProjectSettings.set_setting("executorch/runtime/trial_seconds", 0)
	var found: Dictionary = {}
	if arguments[0] == "sessions":
		found = _measure_sessions(arguments[1], arguments[2].to_int())
	else:
		found = _measure_load(arguments[1])
	print("bench: ", JSON.stringify(found))
	quit()


func _measure_sessions(path: String, count: int) -> Dictionary:
	if _model.load_from_file(path) != OK or _model.forward(_inputs()).is_empty():
		return {}
	var before: float = _private_kilobytes()
	var begun: int = Time.get_ticks_usec()
	var sessions: Array[ExecuTorchRuntime] = []
	for number: int in count:
		sessions.append(_model.new_session())
		if sessions[-1].forward(_inputs()).is_empty():
			return {}
	var loaded: float = (Time.get_ticks_usec() - begun) / 1000.0
	var grown: float = _private_kilobytes() - before
	begun = Time.get_ticks_usec()
	for session: ExecuTorchRuntime in sessions:
		session.forward(_inputs())
	return {"load_ms": loaded, "kilobytes": grown, "call_ms": (Time.get_ticks_usec() - begun) / 1000.0}


func _measure_load(path: String) -> Dictionary:
	var before: float = _private_kilobytes()
	var begun: int = Time.get_ticks_usec()
	var is_loaded: bool = _model.load_from_file(path) == OK
	var loaded: float = (Time.get_ticks_usec() - begun) / 1000.0
	begun = Time.get_ticks_usec()
	if not is_loaded or _model.forward(_inputs()).is_empty():
		return {}
	var first: float = (Time.get_ticks_usec() - begun) / 1000.0
	begun = Time.get_ticks_usec()
	_model.forward(_inputs())
	var second: float = (Time.get_ticks_usec() - begun) / 1000.0
	return {"load_ms": loaded, "first_ms": first, "call_ms": second, "kilobytes": _private_kilobytes() - before}


func _inputs() -> Dictionary:
	var inputs: Dictionary = {}
	for input: Dictionary in _model.get_method_meta("forward")["inputs"]:
		var count: int = 1
		for length: int in input["shape"]:
			count *= length
		var values: PackedFloat32Array = []
		values.resize(count)
		inputs[input["name"]] = {"data": values, "shape": input["shape"]}
	return inputs


# Memory of this process that is no page of a file.
func _private_kilobytes() -> float:
	var status: FileAccess = FileAccess.open("/proc/self/status", FileAccess.READ)
	while not status.eof_reached():
		var line: String = status.get_line()
		if line.begins_with("RssAnon:"):
			return line.get_slice(":", 1).strip_edges().to_float()
	return 0.0
