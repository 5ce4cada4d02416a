class_name FramesGame
extends SceneTree
## The frame loop with and without a model that runs all the time on a worker thread:
## `-- MODEL SMALL SLICED SECONDS THREADS`.
## Phases take turns: nothing, the model in forward_async without pause. Then what an asynchronous call of the SMALL
## model costs beyond a plain one, and how much of each frame the slices of SLICED take. Prints one line
## `bench: {json}`.

const FRAMES_PER_SECOND: int = 60
## What the scene itself does in each frame: passes of a loop, a few milliseconds.
const WORK: int = 40000
const TURNS: int = 2
const CALLS: int = 400
const SLICED_CALLS: int = 60
const BUDGETS_MSEC: PackedFloat64Array = [1.0, 2.0, 4.0]

var _phase: String = ""
var _last: int = 0
var _intervals: Dictionary[String, PackedFloat64Array] = {}
var _work: Dictionary[String, PackedFloat64Array] = {}


func _initialize() -> void:
	_measure.call_deferred()


func _process(_delta: float) -> bool:
	var now: int = Time.get_ticks_usec()
	if not _phase.is_empty():
		if _last != 0:
			_intervals[_phase].append((now - _last) / 1000.0)
		_work_a_while()
		_work[_phase].append((Time.get_ticks_usec() - now) / 1000.0)
	_last = now if not _phase.is_empty() else 0
	return false


func _measure() -> void:
	var arguments: PackedStringArray = OS.get_cmdline_user_args()
	ExecuTorchRuntime.set_num_threads(arguments[4].to_int())
	var model: ExecuTorchResource = ExecuTorchResource.new()
	if model.load_from_file(arguments[0]) != OK:
		quit(1)
		return
	var inputs: Dictionary = _inputs_of(model)
	var warm: Dictionary = await model.forward_async(inputs)
	Engine.max_fps = FRAMES_PER_SECOND
	for phase: String in ["idle", "model"]:
		_intervals[phase] = []
		_work[phase] = []
	for turn: int in TURNS:
		await _run("idle", arguments[3].to_float())
		var running: Array[bool] = [true]
		_run_without_pause(model, inputs, running)
		await _run("model", arguments[3].to_float())
		running[0] = false
		# The call that still runs belongs to no phase.
		await create_timer(0.3).timeout
	var result: Dictionary = {"threads": ExecuTorchRuntime.get_num_threads()}
	result["model_ms"] = model.get_statistics()["p50_us"] / 1000.0 if not warm.is_empty() else INF
	for phase: String in _intervals:
		result[phase] = {"interval": _summary(_intervals[phase]), "work": _summary(_work[phase])}
	Engine.max_fps = 0
	result["slices"] = await _measure_slices(arguments[2])
	result["async"] = await _measure_async(arguments[1])
	print("bench: ", JSON.stringify(result))
	quit()


func _run(phase: String, seconds: float) -> void:
	_phase = phase
	await create_timer(seconds).timeout
	_phase = ""


func _run_without_pause(model: ExecuTorchResource, inputs: Dictionary, running: Array[bool]) -> void:
	# Two calls at a time, so that the worker never waits for a frame.
	for lane: int in 2:
		_run_lane(model, inputs, running)


func _run_lane(model: ExecuTorchResource, inputs: Dictionary, running: Array[bool]) -> void:
	while running[0]:
		await model.forward_async(inputs)


## For each budget: milliseconds of the frames that slices took, and frames a call.
func _measure_slices(path: String) -> Array[Dictionary]:
	var model: ExecuTorchResource = ExecuTorchResource.new()
	model.load_from_file(path)
	var inputs: Dictionary = _inputs_of(model)
	var whole: Dictionary = model.forward(inputs)
	var results: Array[Dictionary] = []
	# Before the first slice and after it, by the order of their connection.
	var begun: Array[int] = [0]
	var times: Array[float] = []
	process_frame.connect(func() -> void: begun[0] = Time.get_ticks_usec())
	var is_equal: bool = await model.submit_sliced(inputs, BUDGETS_MSEC[0]).finished == whole
	process_frame.connect(func() -> void: times.append((Time.get_ticks_usec() - begun[0]) / 1000.0))
	for budget: float in BUDGETS_MSEC:
		var frames: PackedFloat64Array = []
		for call: int in SLICED_CALLS:
			times.clear()
			is_equal = await model.submit_sliced(inputs, budget).finished == whole and is_equal
			frames.append_array(PackedFloat64Array(times))
		var row: Dictionary = _summary(frames)
		row.merge({"budget": budget, "calls": SLICED_CALLS, "equal": is_equal})
		row["whole_ms"] = model.get_last_inference_time()
		results.append(row)
	return results


## Microseconds a call: plain, queued (many wait for the worker), and alone, with its way through the frame.
func _measure_async(path: String) -> Dictionary:
	var model: ExecuTorchResource = ExecuTorchResource.new()
	model.load_from_file(path)
	var session: ExecuTorchRuntime = model.new_session()
	session.queue_limit = 0
	var inputs: Dictionary = _inputs_of(model)
	var best: Dictionary = {"plain": INF, "queued": INF, "alone": INF}
	for turn: int in 20:
		var begun: int = Time.get_ticks_usec()
		for i: int in CALLS:
			session.run_inference(inputs)
		best["plain"] = minf(best["plain"], float(Time.get_ticks_usec() - begun) / CALLS)
		begun = Time.get_ticks_usec()
		var last: ExecuTorchCall
		for i: int in CALLS:
			last = session.submit(inputs)
		await last.finished
		best["queued"] = minf(best["queued"], float(Time.get_ticks_usec() - begun) / CALLS)
		for i: int in 20:
			begun = Time.get_ticks_usec()
			await session.run_inference_async(inputs)
			best["alone"] = minf(best["alone"], float(Time.get_ticks_usec() - begun))
	return best


func _inputs_of(model: ExecuTorchResource) -> Dictionary:
	var inputs: Dictionary = {}
	for input: Dictionary in model.get_method_meta()["inputs"] as Array:
		var count: int = 1
		for size: int in input["shape"] as Array:
			count *= size
		var values: Array = []
		values.resize(count)
		values.fill(1)
		inputs[input["name"]] = PackedInt64Array(values) if input["dtype"] == "int64" else PackedFloat32Array(values)
	return inputs


func _work_a_while() -> void:
	var sum: float = 0.0
	for i: int in WORK:
		sum += i * 0.5


func _summary(times: PackedFloat64Array) -> Dictionary:
	times.sort()
	return {
		"frames": times.size(),
		"p50": times[int(times.size() * 0.5)],
		"p99": times[int(times.size() * 0.99)],
		"max": times[times.size() - 1],
	}
