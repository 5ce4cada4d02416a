@tool
extends RefCounted
## Runs a benchmark on a thread of its own. All times are the native module's own, read from its call log.

## Ended: a result for each subject, none when it failed or was cancelled, and `error` says why.
signal finished(results: Array[BenchmarkResult], error: String)

const BenchmarkResult := preload("res://addons/executorch/editor/profiler/benchmark/benchmark_result.gd")
const Quantity := preload("res://addons/executorch/editor/shared/quantity.gd")
const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const GeneratedInputs := preload("res://addons/executorch/runtime/calls/generated_inputs.gd")
const RecordedInputs := preload("res://addons/executorch/editor/profiler/data/recorded_inputs.gd")
const Protocol := preload("res://addons/executorch/runtime/telemetry/telemetry_protocol.gd")
const TRACED_CALLS: int = 16
const WARM_UP: int = 10
## In how many turns subjects that are measured together share the machine.
const BLOCKS: int = 10
@warning_ignore("integer_division") const LARGEST_BLOCK: int = Protocol.LOG_CAPACITY / 2

## A measurement that has taken this long ends with the runs it has.
var longest_us: int = 20_000_000
## 0 to 1.
var progress: float = 0.0
## Number of threads being measured; 0 while loading, -1 while tracing. Only plain numbers are shared between the
## threads.
var step: int = 0

var _thread: Thread
var _cancelled: bool = false
var _error: String = ""


## Measures `runs` calls of each subject with each number of threads. A subject describes a model (name, path, recipe,
## sha256, method; for its result), with `open`: a Callable that gives a freshly loaded module or null, called on the
## benchmark's thread, and `inputs`: RecordedInputs whose calls are replayed in turn, null = generated.
func start(subjects: Array[Dictionary], runs: int, threads: PackedInt32Array) -> void:
	_thread = Thread.new()
	_thread.start(_run.bind(subjects, runs, threads))


## The current step, in words.
func stage() -> String:
	if step == 0:
		return "Loading…"
	if step < 0:
		return "Tracing…"
	return Quantity.number_of(step, "thread") + "…"


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


func _run(subjects: Array[Dictionary], runs: int, threads: PackedInt32Array) -> void:
	var before: int = ExecuTorchRuntime.get_num_threads()
	var results: Array[BenchmarkResult] = _measure(subjects, runs, threads)
	ExecuTorchRuntime.set_num_threads(before)
	_end.call_deferred(results)


func _end(results: Array[BenchmarkResult]) -> void:
	if _thread != null:
		_thread.wait_to_finish()
		_thread = null
	if _cancelled or not _error.is_empty():
		results.clear()
	finished.emit(results, "Cancelled." if _cancelled else _error)


func _measure(subjects: Array[Dictionary], runs: int, threads: PackedInt32Array) -> Array[BenchmarkResult]:
	var sides: Array[Contender] = []
	var results: Array[BenchmarkResult] = []
	for subject: Dictionary in subjects:
		var side: Contender = _open(subject)
		if side == null:
			return results
		sides.append(side)
		results.append(side.result)
	for index: int in threads.size():
		step = threads[index]
		ExecuTorchRuntime.set_num_threads(threads[index])
		if not _measure_threads(sides, runs, threads, index):
			return results
	step = -1
	for side: Contender in sides:
		side.result.memory = side.module.call(&"get_memory_info")
		_trace(side, threads)
	progress = 1.0
	return results


func _open(subject: Dictionary) -> Contender:
	var begin: int = Time.get_ticks_usec()
	var side: Contender = Contender.new()
	side.module = (subject["open"] as Callable).call()
	if side.module == null:
		_error = "%s could not be loaded. The Output panel says why." % subject.get("name", "The model")
		return null
	side.result = _describe(subject)
	var failed: int = side.module.call(&"load_method", side.result.method)
	side.result.load_us = Time.get_ticks_usec() - begin
	var meta: Dictionary = side.module.call(&"get_method_meta", side.result.method)
	var recorded: RecordedInputs = subject.get("inputs")
	if recorded != null:
		side.calls = recorded.calls
		side.result.inputs = "%d recorded calls" % recorded.calls.size()
	else:
		side.calls = [GeneratedInputs.make_by_position(meta.get("inputs", []) as Array)]
	if failed != 0 or side.calls[0].size() != (meta.get("inputs", []) as Array).size():
		_fail(side.module)
		return null
	side.module.call(&"set_call_log", Protocol.LOG_CAPACITY)
	return side


## Several subjects alternate in blocks, so that other work of the machine affects all of them.
func _measure_threads(sides: Array[Contender], runs: int, threads: PackedInt32Array, index: int) -> bool:
	for side: Contender in sides:
		for run: int in WARM_UP:
			side.call_once()
			if _cancelled:
				return false
		side.module.call(&"take_call_log")
		side.durations = PackedFloat64Array()
		side.around_us = 0.0
	var block: int = ceili(float(runs) / BLOCKS) if sides.size() > 1 else mini(runs, LARGEST_BLOCK)
	block = mini(block, LARGEST_BLOCK)
	var begin: int = Time.get_ticks_usec()
	# Else a slow model that comes first leaves no time for the other one.
	@warning_ignore("integer_division")
	var turn_us: int = longest_us / (ceili(float(runs) / block) * sides.size())
	for first: int in range(0, runs, block):
		for side: Contender in sides:
			if not _run_block(side, mini(block, runs - first), Time.get_ticks_usec() + turn_us):
				return false
			progress = (index + float(first) / runs) / (threads.size() + 0.2)
		if Time.get_ticks_usec() - begin > longest_us:
			break
	for side: Contender in sides:
		side.result.wall_us.append(side.around_us)
		side.result.threads.append(threads[index])
		side.result.durations_us.append(side.durations)
	return true


func _run_block(side: Contender, runs: int, deadline_us: int) -> bool:
	var begin: int = Time.get_ticks_usec()
	for run: int in runs:
		side.call_once()
		if _cancelled or Time.get_ticks_usec() > deadline_us:
			break
	side.around_us += Time.get_ticks_usec() - begin
	return _take(side.module, side.durations) and not _cancelled


## Moves the module's log to the end of `durations`; false when a call failed.
func _take(module: RefCounted, durations: PackedFloat64Array) -> bool:
	var calls: PackedFloat64Array = module.call(&"take_call_log")
	for place: int in range(0, calls.size(), Protocol.LOG_STRIDE):
		if calls[place + 4] != 0.0:
			_fail(module)
			return false
		durations.append(calls[place + 2])
	return true


## Traces a few calls with the fastest number of threads, in a session of its own. Untraced calls alternate with them,
## because only calls of the same moment compare on a machine that does other things too.
func _trace(side: Contender, threads: PackedInt32Array) -> void:
	var result: BenchmarkResult = side.result
	result.traced_threads = threads[result.fastest()]
	ExecuTorchRuntime.set_num_threads(result.traced_threads)
	var traced: Contender = Contender.new()
	traced.module = side.module.call(&"new_session")
	traced.result = result
	traced.calls = side.calls
	traced.module.call(&"enable_profiling", true)
	# The first calls load the method and make the tracer's own buffers.
	for run: int in WARM_UP:
		traced.call_once()
	var first: int = _last_sequence(traced.module)
	traced.module.call(&"set_call_log", TRACED_CALLS)
	for run: int in TRACED_CALLS:
		side.turn = traced.turn
		traced.call_once()
		side.call_once()
	_take(traced.module, result.traced_us)
	_take(side.module, result.untraced_us)
	var profile: Dictionary = traced.module.call(&"get_profile")
	for call_data: Dictionary in profile.get("calls", []):
		var trace: CallTrace = CallTrace.from_call(call_data)
		if trace != null and trace.sequence > first:
			result.traces.append(trace)
	var dump: String = OS.get_user_data_dir().path_join("executorch_benchmark_%s.etdp" % result.sha256.left(12))
	if int(traced.module.call(&"save_etdump", dump)) == 0:
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


## One of the models that are measured together.
class Contender:
	extends RefCounted
	var module: RefCounted
	var result: BenchmarkResult
	## Inputs of the calls that are made in turn.
	var calls: Array[Array] = []
	var turn: int = 0
	var durations: PackedFloat64Array = []
	var around_us: float = 0.0

	func call_once() -> void:
		module.call(&"execute_tensors", result.method, calls[turn])
		turn = (turn + 1) % calls.size()
