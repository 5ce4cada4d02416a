@tool
extends RefCounted
## Runs a model in the editor, on a worker thread, with generated or given inputs: once, or many times to see how long
## it takes.

## `result`: `{inputs, outputs: [{name, dtype, shape, data}], us}` or `{error: {code, cause, remedy}}`.
signal run_finished(result: Dictionary)
## `result`: `{count, mean_us, p50_us, p99_us, min_us, shapes: {input: shape}}` or `{error}`.
signal benchmark_finished(result: Dictionary)

const Task := preload("res://addons/executorch/editor/shared/background_task.gd")
const TrialInputs := preload("trial_inputs.gd")
const Inputs := preload("res://addons/executorch/runtime/calls/generated_inputs.gd")
const LatencyStatistics := preload("res://addons/executorch/editor/shared/latency_statistics.gd")
const WARM_UP_CALLS: int = 5
const MOST_CALLS: int = 5000
const BENCHMARK_MS: int = 1500

var _task: Task
var _result_signal: Signal


func is_running() -> bool:
	return _task != null


## Runs `method` (of the metadata) with generated inputs, and `given` data by input name in their place; `run_finished`
## follows.
func run_once(model: ExecuTorchResource, method: Dictionary, given: Dictionary = {}) -> void:
	_start(_run.bind(model, method, given), run_finished)


## Runs `method` for about a second and a half; `benchmark_finished` follows.
func benchmark(model: ExecuTorchResource, method: Dictionary) -> void:
	_start(_benchmark.bind(model, method), benchmark_finished)


## Waits for what runs, and forgets it.
func abandon() -> void:
	if _task != null:
		_get_tree().process_frame.disconnect(_poll)
		_task.get_result()
		_task = null


func _start(work: Callable, result_signal: Signal) -> void:
	if _task == null:
		_result_signal = result_signal
		_task = Task.new(work)
		_get_tree().process_frame.connect(_poll)


func _poll() -> void:
	if _task.is_done():
		_get_tree().process_frame.disconnect(_poll)
		var result: Dictionary = _task.get_result()
		_task = null
		_result_signal.emit(result)


func _get_tree() -> SceneTree:
	return Engine.get_main_loop() as SceneTree


func _run(model: ExecuTorchResource, method: Dictionary, given: Dictionary) -> Dictionary:
	var made: Dictionary = Inputs.make(method)
	for input: String in made:
		if given.has(input):
			TrialInputs.put(made[input], given[input])
		made[input]["name"] = input
	for input: Dictionary in method.get("inputs", []):
		if made.has(input.get("name", "")):
			made[input["name"]]["most_samples"] = _most_samples(input)
	var shown: Array = made.values().duplicate(true)
	var inputs: Array = made.values()
	var method_name: String = str(method["name"])
	# The first call also loads the program: the second one is what a game sees.
	if model.execute_tensors(method_name, inputs).is_empty():
		return {"error": _error_of(model)}
	var outputs: Array[ExecuTorchTensor] = model.execute_tensors(method_name, inputs)
	var us: float = model.get_last_inference_time() * 1000.0
	var described: Array[Dictionary] = []
	var names: Array = method.get("outputs", [])
	for index: int in outputs.size():
		var known: Dictionary = names[index] if index < names.size() else {}
		var tensor: ExecuTorchTensor = outputs[index]
		var name_of: String = str(known.get("name", "output_%d" % index))
		described.append({"name": name_of, "dtype": tensor.dtype, "shape": tensor.shape, "data": tensor.data})
	return {"inputs": shown, "outputs": described, "us": us}


# The upper bound of an input's first size when it varies, else 0.
static func _most_samples(input: Dictionary) -> int:
	var ranges: Array = input.get("ranges", [])
	var first: Variant = ranges[0] if not ranges.is_empty() else null
	return int((first as Array)[1]) if first is Array and (first as Array).size() == 2 else 0


func _benchmark(model: ExecuTorchResource, method: Dictionary) -> Dictionary:
	var inputs: Dictionary = Inputs.make(method)
	var method_name: String = str(method["name"])
	var times: PackedFloat64Array = []
	var end: int = Time.get_ticks_msec() + BENCHMARK_MS
	while times.size() < MOST_CALLS and (times.is_empty() or Time.get_ticks_msec() < end):
		if model.execute(method_name, inputs).is_empty():
			return {"error": _error_of(model)}
		times.append(model.get_last_inference_time() * 1000.0)
	# The first calls pay for what later ones find ready.
	times = times.slice(mini(WARM_UP_CALLS, times.size() - 1))
	times.sort()
	var numbers: Dictionary = LatencyStatistics.summary_of(times)
	var shapes: Dictionary = {}
	for input: String in inputs:
		shapes[input] = (inputs[input] as Dictionary)["shape"]
	return {
		"count": times.size(),
		"mean_us": numbers["mean_us"],
		"p50_us": numbers["p50_us"],
		"p99_us": numbers["p99_us"],
		"min_us": numbers["min_us"],
		"shapes": shapes,
	}


func _error_of(model: ExecuTorchResource) -> Dictionary:
	var error: ExecuTorchError = model.get_last_error()
	return {"code": error.code_name, "cause": error.cause, "remedy": error.remedy} if error != null else {}
