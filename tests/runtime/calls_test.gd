extends "res://tests/case.gd"
## Calls, threads and resources: inputs belong to the call, a session runs one complete version, an error belongs to its
## call.

const WorkerPool := preload("res://addons/executorch/runtime/calls/worker_pool.gd")
const FILE: String = "res://models/linear.pt"


func test_inputs_belong_to_the_call() -> void:
	var session: ExecuTorchRuntime = _model("linear.pt").new_session()
	var policy: ExecuTorchRuntime = _model("policy.pt2").new_session()
	var requests: Array[ExecuTorchCall] = []
	for turn: int in 100:
		session.queue_limit = 0
		var values: PackedFloat32Array = [2.0]
		var inputs: Dictionary = {"input_0": values}
		var nested: Array = [[2.0]]
		var tensor: ExecuTorchTensor = ExecuTorchTensor.from_packed(PackedFloat32Array([2.0]), [1, 1])
		requests.append(session.submit(inputs))
		requests.append(session.submit({"input_0": nested}))
		requests.append(session.submit({"input_0": {"data": values, "shape": [1, 1], "dtype": "float32"}}))
		requests.append(session.submit({"input_0": tensor}))
		values.fill(7.0)
		values.resize(16)
		inputs.clear()
		(nested[0] as Array).clear()
		tensor.data.fill(7.0)
	for request: ExecuTorchCall in requests:
		await wait_until(request.is_finished, 60.0)
		check_near(request.result.get("output_0", []), [7.0])
	check(policy != null, "another session lives beside it")


func test_live_reload_beside_calls_of_threads() -> void:
	var model: ExecuTorchResource = load(FILE)
	var session: ExecuTorchRuntime = model.new_session()
	var is_over: Array[bool] = [false]
	var threads: Array[Thread] = []
	for call_once: Callable in [model.forward_array, session.run_inference_array, _forward_by_name.bind(model)]:
		var thread: Thread = Thread.new()
		thread.start(_count_failures.bind(call_once, is_over))
		threads.append(thread)
	for turn: int in 300:
		check_equal(ResourceLoader.load(FILE, "", ResourceLoader.CACHE_MODE_REPLACE), model)
		check_near(model.forward_array([1.0]), [5.0])
		if turn % 50 == 0:
			await get_tree().process_frame
	is_over[0] = true
	for thread: Thread in threads:
		check_equal(thread.wait_to_finish(), 0, "calls that failed")


func test_other_threads_never_see_half_an_edit() -> void:
	var versions: Array[ExecuTorchResource] = [_model("linear.pt"), _model("linear_portable.pte")]
	var model: ExecuTorchResource = versions[0].duplicate()
	var session: ExecuTorchRuntime = model.new_session()
	var is_over: Array[bool] = [false]
	var threads: Array[Thread] = []
	for call_once: Callable in [model.forward_array, session.run_inference_array]:
		var thread: Thread = Thread.new()
		thread.start(_count_failures.bind(call_once, is_over))
		threads.append(thread)
	for turn: int in 200:
		var next: ExecuTorchResource = versions[turn % 2]
		model.metadata = next.metadata
		if turn % 3 == 0:
			OS.delay_usec(300)
		model.payload_path = next.payload_path
		if turn % 5 == 0:
			check_near(model.forward_array([1.0]), [5.0])
			check_near(session.run_inference_array([1.0]), [5.0])
	is_over[0] = true
	for thread: Thread in threads:
		check_equal(thread.wait_to_finish(), 0, "calls that failed")


func test_a_reload_forgets_what_the_next_file_does_not_name() -> void:
	var model: ExecuTorchResource = ExecuTorchResource.new()
	model.state = ExecuTorchResource.State.FAILED
	model.error = {"code": "X", "cause": "a bad file", "remedy": ""}
	model.external_paths = ["res://models/nothing.ptd"]
	check_equal(ResourceSaver.save(model, "user://reloaded.tres"), OK)
	var kept: ExecuTorchResource = load("user://reloaded.tres")
	var source: ExecuTorchResource = _model("linear.pt")
	var next: ExecuTorchResource = ExecuTorchResource.new()
	next.state = ExecuTorchResource.State.READY
	next.metadata = source.metadata
	next.payload_path = source.payload_path
	check_equal(ResourceSaver.save(next, "user://reloaded.tres"), OK)
	check_equal(ResourceLoader.load("user://reloaded.tres", "", ResourceLoader.CACHE_MODE_REPLACE), kept)
	check_equal(kept.error, {})
	check_equal(kept.external_paths, PackedStringArray())
	check_near(kept.forward_array([2.0]), [7.0])


## As Godot itself does in a running game with what the editor has imported: first the promise, then the next version.
func test_a_running_game_is_given_the_next_version() -> void:
	var model: ExecuTorchResource = _model("linear.pt").duplicate()
	var session: ExecuTorchRuntime = model.new_session()
	var is_over: Array[bool] = [false]
	var thread: Thread = Thread.new()
	thread.start(_count_failures.bind(model.forward_array, is_over))
	for turn: int in 50:
		var promise: ExecuTorchResource = model.duplicate()
		promise.state = ExecuTorchResource.State.PENDING
		_fill_like_godot(model, promise)
		check_near(model.forward_array([1.0]), [5.0])
		check_near(session.run_inference_array([1.0]), [5.0])
		var next: ExecuTorchResource = _model(["linear_portable.pte", "linear.pt"][turn % 2])
		_fill_like_godot(model, next)
		check_near(model.forward_array([1.0]), [5.0])
		check_near(session.run_inference_array([1.0]), [5.0])
		check_equal(model.state, next.state)
	is_over[0] = true
	check_equal(thread.wait_to_finish(), 0, "calls that failed")


func test_setting_the_state_changes_nothing_else() -> void:
	var model: ExecuTorchResource = _model("linear.pt").duplicate()
	var payload: String = model.payload_path
	model.memory_limit_bytes = 4096
	# With which Godot also begins to load a file into the object.
	model.reset_state()
	model.state = ExecuTorchResource.State.READY
	check_equal(model.payload_path, payload)
	check_equal(model.memory_limit_bytes, 4096)
	check(not model.metadata.is_empty(), "the metadata is still there")


func test_loading_beside_unloading() -> void:
	for turn: int in 40:
		var model: ExecuTorchResource = _model("linear.pt").duplicate()
		var thread: Thread = Thread.new()
		thread.start(_load_often.bind(model))
		for unload: int in 20:
			model.unload_model()
		thread.wait_to_finish()
		check_equal(model.load_model(), OK)
		check(model.is_loaded(), "loaded")
		check_near(model.forward_array([1.0]), [5.0])


func test_properties_are_set_while_workers_load() -> void:
	var model: ExecuTorchResource = _model("linear.pt").duplicate()
	var session: ExecuTorchRuntime = model.get_default_session()
	session.queue_limit = 0
	var requests: Array[ExecuTorchCall] = []
	for turn: int in 200:
		requests.append(session.submit({"input_0": [2.0]}))
		model.metadata = model.metadata.duplicate(true)
		model.error = {"turn": turn}
		model.memory_limit_bytes = 0
		if turn % 10 == 0:
			await get_tree().process_frame
	for request: ExecuTorchCall in requests:
		await wait_until(request.is_finished, 60.0)
		check_near(request.result.get("output_0", []), [7.0])


## The main thread asks for no result: it does not wait for a worker that loads.
func test_nothing_waits_for_a_load() -> void:
	var model: ExecuTorchResource = _model("linear.pt").duplicate()
	var session: ExecuTorchRuntime = model.get_default_session()
	var load_lock: Mutex = session.get("_load_lock")
	var begun: Semaphore = Semaphore.new()
	var release: Semaphore = Semaphore.new()
	var loader: Thread = Thread.new()
	loader.start(_hold.bind(load_lock, begun, release))
	begun.wait()
	var requests: Array[ExecuTorchCall] = [model.submit({"input_0": [2.0]}), model.submit({"input_0": [3.0]})]
	check(not model.is_loaded(), "the load is under way")
	check_equal(session.get_last_error(), null)
	check_equal(session.get_statistics(), {})
	model.memory_limit_bytes = 0
	model.unload_model()
	check(session.get_queue_depth() > 0, "they wait")
	check(model.get_version() != null, "the description can be read")
	release.post()
	loader.wait_to_finish()
	for request: ExecuTorchCall in requests:
		await wait_until(request.is_finished, 60.0)
	check_near(requests[0].result.get("output_0", []), [7.0])
	check_near(requests[1].result.get("output_0", []), [9.0])


func test_ready_without_a_payload_ends() -> void:
	expect_error("MODEL_EMPTY")
	var model: ExecuTorchResource = ExecuTorchResource.new()
	model.state = ExecuTorchResource.State.READY
	check_equal(await model.forward_async({"input_0": [1.0]}), {})
	check_equal(model.get_last_error().code_name, "MODEL_EMPTY")


func test_a_call_of_a_node_that_is_freed_ends() -> void:
	var results: Array[Dictionary] = []
	var arrays: Array[PackedFloat32Array] = []
	for in_tree: bool in [true, false]:
		var node: ExecuTorchNode = ExecuTorchNode.new()
		node.model = _model("convnet.pt2")
		if in_tree:
			add_child(node)
		node.get_session().queue_limit = 0
		var input: PackedFloat32Array = []
		input.resize(3 * 32 * 32)
		for turn: int in 50:
			_await_named(node, {"input_0": input}, results)
			_await_array(node, input, arrays)
		node.free()
	await wait_until(func() -> bool: return results.size() == 100 and arrays.size() == 100, 60.0, "every call ended")


func test_many_sessions_share_a_few_threads() -> void:
	var model: ExecuTorchResource = _model("policy.pt2")
	var sessions: Array[ExecuTorchRuntime] = []
	var requests: Array[ExecuTorchCall] = []
	var input: PackedFloat32Array = [1, 2, 3, 4, 5, 6, 7, 8]
	for index: int in 300:
		sessions.append(model.new_session())
		requests.append(sessions[-1].submit({"input_0": input}))
		requests.append(sessions[-1].submit({"input_0": input}))
	for request: ExecuTorchCall in requests:
		await wait_until(request.is_finished, 60.0)
		check_equal((request.result.get("output_0", []) as PackedFloat32Array).size(), 4)
	check(WorkerPool.get_thread_count() <= WorkerPool.get_limit(), "%d threads" % WorkerPool.get_thread_count())


func test_sessions_of_one_model_are_one_monitor() -> void:
	var model: ExecuTorchResource = _model("policy.pt2")
	var sessions: Array[ExecuTorchRuntime] = []
	for index: int in 200:
		sessions.append(model.new_session())
		sessions[-1].run_inference_array([1, 2, 3, 4, 5, 6, 7, 8])
	var monitors: Array = Array(Performance.get_custom_monitor_names()).filter(
		func(title: StringName) -> bool: return str(title).begins_with("executorch/policy")
	)
	check_equal(monitors.size(), 4)
	check(Performance.get_custom_monitor(&"executorch/policy/inferences") >= 200.0, "all calls are counted")


func test_every_failing_call_has_its_error() -> void:
	expect_error("UNKNOWN_INPUT")
	var model: ExecuTorchResource = _model("linear.pt").duplicate()
	var session: ExecuTorchRuntime = model.new_session()
	session.queue_limit = 0
	var is_over: Array[bool] = [false]
	var thread: Thread = Thread.new()
	thread.start(_count_failures.bind(session.run_inference_array, is_over))
	var requests: Array[ExecuTorchCall] = []
	for turn: int in 500:
		requests.append(session.submit({"nothing": [2.0]}))
	for request: ExecuTorchCall in requests:
		await wait_until(request.is_finished, 60.0)
		check(request.get_error() != null, "an error")
	is_over[0] = true
	check_equal(thread.wait_to_finish(), 0)


func test_copies_find_the_program() -> void:
	var source: ExecuTorchResource = _model("linear.pt")
	DirAccess.make_dir_recursive_absolute("user://copies/other")
	DirAccess.copy_absolute(source.payload_path, "user://copies/linear.pte")
	var saved: ExecuTorchResource = ExecuTorchResource.new()
	saved.state = ExecuTorchResource.State.READY
	saved.metadata = source.metadata
	saved.payload_path = "linear.pte"
	check_equal(ResourceSaver.save(saved, "user://copies/linear.tres"), OK)
	var model: ExecuTorchResource = load("user://copies/linear.tres")
	check_near(model.forward_array([1.0]), [5.0])
	check_near((model.duplicate() as ExecuTorchResource).forward_array([1.0]), [5.0])
	check_near((model.duplicate(true) as ExecuTorchResource).forward_array([1.0]), [5.0])
	check_equal(ResourceSaver.save(model, "user://copies/other/moved.tres"), OK)
	check_near((load("user://copies/other/moved.tres") as ExecuTorchResource).forward_array([1.0]), [5.0])
	model.resource_local_to_scene = true
	var node: ExecuTorchNode = ExecuTorchNode.new()
	node.model = model.duplicate()
	var scene: PackedScene = PackedScene.new()
	check_equal(scene.pack(node), OK)
	node.free()
	check_equal(ResourceSaver.save(scene, "user://copies/other/scene.tscn"), OK)
	var made: ExecuTorchNode = (load("user://copies/other/scene.tscn") as PackedScene).instantiate()
	add_child(made)
	check_near(made.predict([1.0]), [5.0])
	made.free()


func test_names_with_dots_inside() -> void:
	expect_error("PATH_NOT_ALLOWED")
	DirAccess.copy_absolute(_model("linear.pt").payload_path, "user://a..b.pte")
	var model: ExecuTorchResource = ExecuTorchResource.new()
	model.state = ExecuTorchResource.State.READY
	model.payload_path = "user://a..b.pte"
	check_near(model.forward_array([1.0]), [5.0])
	model.payload_path = "user://x/../../b.pte"
	check_equal(model.load_model(), FAILED)


## What Resource.reload_from_file() does.
func _fill_like_godot(model: ExecuTorchResource, from: ExecuTorchResource) -> void:
	model.reset_state()
	for property: Dictionary in from.get_property_list():
		if int(property["usage"]) & PROPERTY_USAGE_STORAGE and property["name"] != "resource_path":
			model.set(str(property["name"]), from.get(str(property["name"])))


func _hold(lock: Mutex, begun: Semaphore, release: Semaphore) -> void:
	lock.lock()
	begun.post()
	release.wait()
	lock.unlock()


func _load_often(model: ExecuTorchResource) -> void:
	for turn: int in 20:
		model.load_model()


func _forward_by_name(input: PackedFloat32Array, model: ExecuTorchResource) -> PackedFloat32Array:
	return model.forward({"input_0": input}).get("output_0", PackedFloat32Array())


func _count_failures(call_once: Callable, is_over: Array[bool]) -> int:
	var failures_found: int = 0
	while not is_over[0]:
		var output: PackedFloat32Array = call_once.call(PackedFloat32Array([1.0]))
		if output.size() != 1 or absf(output[0] - 5.0) > 1e-4:
			failures_found += 1
	return failures_found


func _await_named(node: ExecuTorchNode, inputs: Dictionary, results: Array[Dictionary]) -> void:
	results.append(await node.predict_named_async(inputs))


func _await_array(node: ExecuTorchNode, input: PackedFloat32Array, results: Array[PackedFloat32Array]) -> void:
	results.append(await node.predict_async(input))


func _model(file: String) -> ExecuTorchResource:
	return load("res://models/" + file)
