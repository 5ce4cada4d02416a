extends SceneTree
## `-- SECONDS`: loads, runs on threads, runs asynchronously and frees mixed models, round after round.
## Prints one line `soak: {json}`: resident bytes and Godot's objects of each round, calls, and calls that were wrong.

const WorkerPool := preload("res://addons/executorch/runtime/calls/worker_pool.gd")
const MODELS: Dictionary[String, PackedFloat32Array] = {
	"linear.pt": [2.0],
	"linear_xnnpack.pte": [2.0],
	"linear_portable.pte": [2.0],
	"policy.pt2": [1, 2, 3, 4, 5, 6, 7, 8],
	"two_methods.pte": [2.0],
}
const CALLS: int = 50

var _calls: int = 0
var _wrong: int = 0


func _initialize() -> void:
	var seconds: float = OS.get_cmdline_user_args()[0].to_float()
	var begun: int = Time.get_ticks_msec()
	var resident: Array[int] = []
	var objects: Array[int] = []
	await _start_workers()
	while Time.get_ticks_msec() - begun < seconds * 1000.0:
		for file: String in MODELS:
			await _round(file, MODELS[file])
		_counter_round()
		await process_frame
		resident.append(_resident_bytes())
		objects.append(int(Performance.get_monitor(Performance.OBJECT_COUNT)))
	print("soak: ", JSON.stringify({"resident": resident, "objects": objects, "calls": _calls, "wrong": _wrong}))
	quit()


## The pool starts a worker when more calls wait than workers are idle. All of them are objects that stay.
func _start_workers() -> void:
	var model: ExecuTorchResource = ExecuTorchResource.new()
	model.load_from_file("res://models/policy.pt2")
	var sessions: Array[ExecuTorchRuntime] = []
	for index: int in 4 * WorkerPool.get_limit():
		sessions.append(model.new_session())
	while WorkerPool.get_thread_count() < WorkerPool.get_limit():
		for session: ExecuTorchRuntime in sessions:
			session.submit({"input_0": MODELS["policy.pt2"]})
		await process_frame


## One resource, two sessions on threads of their own, asynchronous calls meanwhile.
func _round(file: String, input: PackedFloat32Array) -> void:
	var model: ExecuTorchResource = ExecuTorchResource.new()
	model.load_from_file("res://models/" + file)
	var expected: PackedFloat32Array = model.forward_array(input)
	if expected.is_empty():
		_wrong += 1
		return
	var threads: Array[Thread] = []
	for i: int in 2:
		threads.append(Thread.new())
		threads[i].start(_run_session.bind(model.new_session(), input, expected))
	for i: int in 5:
		var outputs: Dictionary = await model.forward_async({"input_0": input})
		_calls += 1
		_wrong += 0 if outputs.size() == 1 and _same(outputs.values()[0], expected) else 1
	for thread: Thread in threads:
		_wrong += thread.wait_to_finish() as int
		_calls += CALLS
	model.clear()


## How many calls gave something else than expected.
func _run_session(session: ExecuTorchRuntime, input: PackedFloat32Array, expected: PackedFloat32Array) -> int:
	var wrong: int = 0
	for i: int in CALLS:
		wrong += 0 if _same(session.run_inference_array(input), expected) else 1
	session.unload_model()
	return wrong


## State of a session of its own: it starts at 5 and counts.
func _counter_round() -> void:
	var model: ExecuTorchResource = ExecuTorchResource.new()
	model.load_from_file("res://models/counter.pte")
	var session: ExecuTorchRuntime = model.new_session()
	for i: int in CALLS:
		_wrong += 0 if session.run_inference_array([1.0]) == PackedFloat32Array([6.0 + i]) else 1
	_calls += CALLS
	session.unload_model()
	model.clear()


func _same(actual: PackedFloat32Array, expected: PackedFloat32Array) -> bool:
	for i: int in mini(actual.size(), expected.size()):
		if absf(actual[i] - expected[i]) > 1e-5:
			return false
	return actual.size() == expected.size()


func _resident_bytes() -> int:
	var pages: PackedStringArray = FileAccess.open("/proc/self/statm", FileAccess.READ).get_line().split(" ")
	return pages[1].to_int() * 4096
