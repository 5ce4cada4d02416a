@tool
extends RefCounted
## Runs a benchmark on a thread of its own. All times are the native module's own, read from its call log.

## Ended; `result` is null when it failed or was cancelled, and `error` says why.
signal finished(result: BenchmarkResult, error: String)

const BenchmarkResult := preload("res://addons/executorch/editor/profiler/data/benchmark_result.gd")
const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const InputMaker := preload("res://addons/executorch/editor/profiler/data/input_maker.gd")
const Protocol := preload("res://addons/executorch/runtime/telemetry/telemetry_protocol.gd")
const MODULE: StringName = &"ExecuTorchModule"
const TRACED_CALLS: int = 16
const WARM_UP: int = 10
## A measurement that has taken this long ends with the runs it has.
const LONGEST_US: int = 20_000_000

## 0 to 1.
var progress: float = 0.0
## Number of threads being measured; 0 while loading, -1 while tracing. Only plain numbers are shared between the
## threads.
var step: int = 0

var _thread: Thread
var _cancelled: bool = false
var _error: String = ""


## Measures `runs` calls with each number of threads. `open` gives a freshly loaded module or null; it is called on
## the benchmark's thread. `about` has name, path, recipe, sha256 and method for the result.
func start(open: Callable, about: Dictionary, runs: int, threads: PackedInt32Array) -> void:
	_thread = Thread.new()
	_thread.start(_run.bind(open, about, runs, threads))


## What is being done, in words.
func stage() -> String:
	if step == 0:
		return "Loading…"
	if step < 0:
		return "Tracing…"
	return "%d threads…" % step if step > 1 else "1 thread…"


func is_running() -> bool:
	return _thread != null


## Ends after the call that is under way.
func cancel() -> void:
	_cancelled = true


## Waits for the end; for the editor's shutdown.
func wait() -> void:
	if _thread != null:
		_cancelled = true
		_thread.wait_to_finish()
		_thread = null


func _run(open: Callable, about: Dictionary, runs: int, threads: PackedInt32Array) -> void:
	var before: int = ClassDB.class_call_static(MODULE, &"get_num_threads")
	var result: BenchmarkResult = _measure(open, about, runs, threads)
	ClassDB.class_call_static(MODULE, &"set_num_threads", before)
	_end.call_deferred(result)


func _end(result: BenchmarkResult) -> void:
	if _thread != null:
		_thread.wait_to_finish()
		_thread = null
	finished.emit(null if _cancelled else result, "cancelled" if _cancelled else _error)


func _measure(open: Callable, about: Dictionary, runs: int, threads: PackedInt32Array) -> BenchmarkResult:
	var begin: int = Time.get_ticks_usec()
	var module: RefCounted = open.call()
	if module == null:
		_error = "The model could not be loaded. The Output panel says why."
		return null
	var result: BenchmarkResult = _describe(about)
	var failed: int = module.call(&"load_method", result.method)
	result.load_us = Time.get_ticks_usec() - begin
	var meta: Dictionary = module.call(&"get_method_meta", result.method)
	var inputs: Array = InputMaker.make(meta.get("inputs", []) as Array)
	if failed != 0 or inputs.size() != (meta.get("inputs", []) as Array).size():
		_fail(module)
		return null
	module.call(&"set_call_log", Protocol.LOG_CAPACITY)
	for index: int in threads.size():
		step = threads[index]
		ClassDB.class_call_static(MODULE, &"set_num_threads", threads[index])
		if not _measure_threads(module, inputs, result, runs, threads, index):
			return null
	step = -1
	result.memory = module.call(&"get_memory_info")
	_trace(module, inputs, result, threads)
	progress = 1.0
	return result


func _measure_threads(
	module: RefCounted, inputs: Array, result: BenchmarkResult, runs: int, threads: PackedInt32Array, index: int
) -> bool:
	for run: int in WARM_UP:
		module.call(&"execute_tensors", result.method, inputs)
		if _cancelled:
			return false
	module.call(&"take_call_log")
	var durations: PackedFloat64Array = []
	var begin: int = Time.get_ticks_usec()
	var around: int = 0
	for run: int in runs:
		module.call(&"execute_tensors", result.method, inputs)
		@warning_ignore("integer_division")
		if run % (Protocol.LOG_CAPACITY / 2) == 0 or run == runs - 1:
			var paused: int = Time.get_ticks_usec()
			if not _take(module, durations):
				return false
			around += Time.get_ticks_usec() - paused
		progress = (index + float(run) / runs) / (threads.size() + 0.2)
		if _cancelled or Time.get_ticks_usec() - begin > LONGEST_US:
			break
	result.wall_us.append(float(Time.get_ticks_usec() - begin - around))
	if not _take(module, durations) or durations.is_empty():
		return false
	result.threads.append(threads[index])
	result.durations_us.append(durations)
	return not _cancelled


## Moves the module's log to the end of `durations`; false when a call failed.
func _take(module: RefCounted, durations: PackedFloat64Array) -> bool:
	var calls: PackedFloat64Array = module.call(&"take_call_log")
	for place: int in range(0, calls.size(), Protocol.LOG_STRIDE):
		if calls[place + 4] != 0.0:
			_fail(module)
			return false
		durations.append(calls[place + 2])
	return true


## Traces a few calls with the fastest number of threads, in a session of its own. Untraced calls alternate with
## them, because only calls of the same moment compare on a machine that does other things too.
func _trace(module: RefCounted, inputs: Array, result: BenchmarkResult, threads: PackedInt32Array) -> void:
	result.traced_threads = threads[result.fastest()]
	ClassDB.class_call_static(MODULE, &"set_num_threads", result.traced_threads)
	var traced: RefCounted = module.call(&"new_session")
	traced.call(&"enable_profiling", true)
	# The first calls load the method and make the tracer's own buffers.
	for run: int in WARM_UP:
		traced.call(&"execute_tensors", result.method, inputs)
	var first: int = _last_sequence(traced)
	traced.call(&"set_call_log", TRACED_CALLS)
	for run: int in TRACED_CALLS:
		traced.call(&"execute_tensors", result.method, inputs)
		module.call(&"execute_tensors", result.method, inputs)
	_take(traced, result.traced_us)
	_take(module, result.untraced_us)
	var profile: Dictionary = traced.call(&"get_profile")
	for call_data: Dictionary in profile.get("calls", []):
		var trace: CallTrace = CallTrace.from_call(call_data)
		if trace != null and trace.sequence > first:
			result.traces.append(trace)
	var dump: String = OS.get_user_data_dir().path_join("executorch_benchmark.etdp")
	if int(traced.call(&"save_etdump", dump)) == 0:
		result.etdump_path = dump


func _last_sequence(module: RefCounted) -> int:
	var profile: Dictionary = module.call(&"get_profile")
	var calls: Array = profile.get("calls", [])
	return int((calls[-1] as Dictionary).get("sequence", 0)) if not calls.is_empty() else 0


func _describe(about: Dictionary) -> BenchmarkResult:
	var result: BenchmarkResult = BenchmarkResult.new()
	result.name = about.get("name", "")
	result.path = about.get("path", "")
	result.recipe = about.get("recipe", "")
	result.sha256 = about.get("sha256", "")
	result.method = about.get("method", "forward")
	result.date = Time.get_unix_time_from_system()
	result.warm_up = WARM_UP
	result.machine = {
		"processor": OS.get_processor_name(),
		"cores": OS.get_processor_count(),
		"system": OS.get_name(),
		"godot": Engine.get_version_info()["string"],
	}
	return result


func _fail(module: RefCounted) -> void:
	var error: Dictionary = module.call(&"get_last_error")
	_error = "%s %s" % [error.get("cause", "A call failed."), error.get("remedy", "")]
