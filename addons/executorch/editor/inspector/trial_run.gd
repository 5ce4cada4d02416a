@tool
extends RefCounted
## Runs a model in the editor, on a worker thread, with generated inputs: once, or many times to see how long it
## takes.

## `result`: `{outputs: [{name, dtype, shape, data}], us}` or `{error: {code, cause, remedy}}`.
signal run_finished(result: Dictionary)
## `result`: `{count, mean_us, p50_us, p99_us, min_us, max_us, shapes: {input: shape}}` or `{error}`.
signal benchmark_finished(result: Dictionary)

const Inputs := preload("generated_inputs.gd")
const WARM_UP_CALLS: int = 5
const MOST_CALLS: int = 5000
const BENCHMARK_MS: int = 1500
const MOST_SHOWN: int = 64

var _task: int = -1


func is_running() -> bool:
	return _task >= 0 and not WorkerThreadPool.is_task_completed(_task)


## Runs `method` (of the metadata) once; `run_finished` follows.
func run_once(model: ExecuTorchResource, method: Dictionary) -> void:
	_start(_run.bind(model, method), "ExecuTorch: run once")


## Runs `method` for about a second and a half; `benchmark_finished` follows.
func benchmark(model: ExecuTorchResource, method: Dictionary) -> void:
	_start(_benchmark.bind(model, method), "ExecuTorch: benchmark")


func _start(work: Callable, title: String) -> void:
	if is_running():
		return
	if _task >= 0:
		WorkerThreadPool.wait_for_task_completion(_task)
	_task = WorkerThreadPool.add_task(work, false, title)


func _run(model: ExecuTorchResource, method: Dictionary) -> void:
	var inputs: Dictionary = Inputs.make(method)
	var outputs: Dictionary = model.execute(str(method["name"]), inputs)
	if outputs.is_empty():
		run_finished.emit({"error": _error_of(model)})
		return
	var described: Array[Dictionary] = []
	for output: Dictionary in method.get("outputs", []):
		var data: Variant = outputs.get(output["name"], [])
		described.append(
			{"name": output["name"], "dtype": output.get("dtype", ""), "shape": output.get("shape", []), "data": data}
		)
	run_finished.emit({"outputs": described, "us": model.get_last_inference_time() * 1000.0})


func _benchmark(model: ExecuTorchResource, method: Dictionary) -> void:
	var inputs: Dictionary = Inputs.make(method)
	var method_name: String = str(method["name"])
	var times: PackedFloat64Array = []
	var end: int = Time.get_ticks_msec() + BENCHMARK_MS
	var total: float = 0.0
	while times.size() < MOST_CALLS and (times.is_empty() or Time.get_ticks_msec() < end):
		if model.execute(method_name, inputs).is_empty():
			benchmark_finished.emit({"error": _error_of(model)})
			return
		times.append(model.get_last_inference_time() * 1000.0)
	# The first calls pay for what later ones find ready.
	times = times.slice(mini(WARM_UP_CALLS, times.size() - 1))
	for time: float in times:
		total += time
	times.sort()
	var shapes: Dictionary = {}
	for input: String in inputs:
		shapes[input] = (inputs[input] as Dictionary)["shape"]
	(
		benchmark_finished
		. emit(
			{
				"count": times.size(),
				"mean_us": total / times.size(),
				"p50_us": times[floori(times.size() * 0.5)],
				"p99_us": times[floori(times.size() * 0.99)],
				"min_us": times[0],
				"shapes": shapes,
			}
		)
	)


func _error_of(model: ExecuTorchResource) -> Dictionary:
	var error: ExecuTorchError = model.get_last_error()
	return {"code": error.code_name, "cause": error.cause, "remedy": error.remedy} if error != null else {}
