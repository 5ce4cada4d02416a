extends SceneTree
## Traces a few calls of the program named on the command line: the ETDump, what get_profile() says of the same calls,
## the Chrome trace that the profiler exports of them, a recording of what they were given, and facts.json with what
## the same model takes untraced, its memory, and the default number of threads.
## godot --headless -s dump.gd -- PROGRAM FOLDER

const RUNS: int = 5
const UNTRACED: int = 50


func _init() -> void:
	var arguments: PackedStringArray = OS.get_cmdline_user_args()
	# What the project setting 0 does at a game's start.
	ClassDB.class_call_static(&"ExecuTorchModule", &"set_num_threads", 0)
	var module: RefCounted = ClassDB.instantiate(&"ExecuTorchModule")
	var status: int = module.call(&"load_from_file", arguments[0], {})
	module.call(&"enable_profiling", true)
	var meta: Dictionary = module.call(&"get_method_meta", "forward")
	var inputs: Array = (load("res://addons/executorch/runtime/calls/generated_inputs.gd") as GDScript).call(
		&"make_by_position", meta["inputs"]
	)
	module.call(&"record_inputs", RUNS)
	for run: int in RUNS:
		if (module.call(&"execute_tensors", "forward", inputs) as Array).is_empty():
			status = -1
	if status == 0:
		status = module.call(&"save_etdump", arguments[1].path_join("calls.etdp"))
	var profile: Dictionary = module.call(&"get_profile")
	var file: FileAccess = FileAccess.open(arguments[1].path_join("calls.json"), FileAccess.WRITE)
	file.store_string(JSON.stringify(profile["calls"], "", true, true))
	file.close()
	_write_facts(module, inputs, arguments[1].path_join("facts.json"))
	_write_chrome_trace(profile["calls"] as Array, arguments[1].path_join("trace.json"))
	_write_recording(module.call(&"take_recorded_inputs") as Array, arguments[1])
	if status != 0:
		printerr(module.call(&"get_last_error"))
	quit(status)


func _write_facts(module: RefCounted, inputs: Array, path: String) -> void:
	var untraced: RefCounted = module.call(&"new_session")
	untraced.call(&"execute_tensors", "forward", inputs)
	untraced.call(&"set_call_log", UNTRACED)
	for run: int in UNTRACED:
		untraced.call(&"execute_tensors", "forward", inputs)
	var numbers: PackedFloat64Array = untraced.call(&"take_call_log")
	var durations: PackedFloat64Array = []
	@warning_ignore("integer_division")
	for call_index: int in numbers.size() / 5:
		durations.append(numbers[call_index * 5 + 2])
	var memory: Dictionary = module.call(&"get_memory_info")
	memory["planned"] = Array(memory["planned"] as PackedInt64Array)
	var facts: Dictionary = {
		"threads": ClassDB.class_call_static(&"ExecuTorchModule", &"get_num_threads"),
		"memory": memory,
		"untraced_us": Array(durations)
	}
	var file: FileAccess = FileAccess.open(path, FileAccess.WRITE)
	file.store_string(JSON.stringify(facts, "", true, true))
	file.close()


func _write_chrome_trace(calls: Array, path: String) -> void:
	var data: String = "res://addons/executorch/editor/profiler/"
	var call_trace: GDScript = load(data + "data/call_trace.gd")
	var chrome_trace: GDScript = load(data + "export/chrome_trace.gd")
	# The exporter takes an Array of CallTrace, whatever this script is called.
	var traces: Array = Array([], TYPE_OBJECT, &"RefCounted", call_trace)
	for entry: Dictionary in calls:
		traces.append(call_trace.call(&"from_call", entry))
	var file: FileAccess = FileAccess.open(path, FileAccess.WRITE)
	file.store_string(str(chrome_trace.call(&"to_json", "net", traces)))
	file.close()


func _write_recording(calls: Array, folder: String) -> void:
	var recording: RefCounted = (
		(load("res://addons/executorch/editor/profiler/data/recorded_inputs.gd") as GDScript).new()
	)
	recording.set(&"name", "net")
	for entry: Dictionary in calls:
		recording.call(&"add", entry)
	var place: String = recording.call(&"save", PackedStringArray(["the author's name"]), folder)
	DirAccess.rename_absolute(place, folder.path_join("inputs"))
