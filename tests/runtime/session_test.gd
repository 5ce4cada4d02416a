extends "res://tests/case.gd"
## ExecuTorchRuntime, asynchronous calls, monitors.

const CallQueue := preload("res://addons/executorch/runtime/calls/call_queue.gd")
const WorkerPool := preload("res://addons/executorch/runtime/calls/worker_pool.gd")


func test_session_from_everything() -> void:
	for path: String in ["res://models/linear.pt", "res://models/linear_portable.pte"]:
		var session: ExecuTorchRuntime = ExecuTorchRuntime.new()
		check(session.load_model_from_file(path), "the model is loaded")
		check(session.is_model_loaded(), "loaded")
		check_near(session.run_inference({"input_0": [1.0]}).get("output_0", []), [5.0])
		check_near(session.run_inference_array([1.0]), [5.0])
		check_near(session.forward({"input_0": [1.0]}).get("output_0", []), [5.0])
		check_near(session.execute("forward", {"input_0": [1.0]}).get("output_0", []), [5.0])
		check_near((session.execute_tensors("forward", [[1.0]])[0] as Dictionary)["data"], [5.0])
		check_equal(session.get_total_inferences(), 5)
		session.reset_performance_stats()
		check_equal(session.get_total_inferences(), 0)
		session.unload_model()
		check(not session.is_model_loaded(), "unloaded")


func test_information() -> void:
	var session: ExecuTorchRuntime = _model("linear.pt").new_session()
	var info: Dictionary = session.get_model_info()
	check_equal(info["name"], "linear")
	check_equal(info["path"], "res://models/linear.pt")
	check_equal(session.get_resource_path(), "res://models/linear.pt")
	check_equal(session.get_resource(), _model("linear.pt"))
	check_equal(ExecuTorchRuntime.new().get_resource(), null)
	check_equal((info["methods"] as Array).size(), 1)
	check(session.health_check()["ok"], str(session.health_check()))
	check(ExecuTorchRuntime.get_backends().has("XnnpackBackend"), "XNNPACK is linked")
	check(ExecuTorchRuntime.get_operators().has("aten::add.out"), "kernels are linked")
	check(not ExecuTorchRuntime.get_versions().is_empty(), "versions are known")
	var threads: int = ExecuTorchRuntime.get_num_threads()
	check(threads >= 1 and threads <= maxi(1, OS.get_processor_count() - 1), "%d threads by default" % threads)
	check_equal(session.get_metadata()["recipe"], _model("linear.pt").metadata["recipe"])


func test_living_sessions_are_listed() -> void:
	var session: ExecuTorchRuntime = _model("linear.pt").new_session()
	var id: int = session.get_session_id()
	check(_has_session(id), "listed while it lives")
	session = null
	check(not _has_session(id), "not listed afterwards")


func test_settings_of_a_session() -> void:
	var session: ExecuTorchRuntime = _model("convnet.pt2").new_session()
	check_equal(session.set_memory_limit(64 << 20), OK)
	check_equal(session.get_memory_info()["policy"], 1)
	check_equal(session.set_optimization_level(ExecuTorchResource.OPTIMIZATION_NONE), OK)
	check_equal(session.enable_profiling(true), OK)
	var input: PackedFloat32Array = []
	input.resize(3 * 32 * 32)
	check_equal(session.run_inference_array(input).size(), 10)
	check_equal(session.set_optimization_level(ExecuTorchResource.OPTIMIZATION_BASIC), OK)
	check_equal(session.save_etdump("user://trace.etdp"), OK)
	check(FileAccess.get_file_as_bytes("user://trace.etdp").size() > 100, "the dump is written")


func test_async_result() -> void:
	var model: ExecuTorchResource = _model("linear.pt")
	var result: Dictionary = await model.forward_async({"input_0": [2.0]})
	check_near(result.get("output_0", []), [7.0])
	var session: ExecuTorchRuntime = model.new_session()
	check_near((await session.run_inference_async({"input_0": [3.0]})).get("output_0", []), [9.0])


## What a thread calls meanwhile fails with an error or gives the right numbers.
func test_a_session_is_loaded_anew_while_a_thread_calls_it() -> void:
	expect_error("")
	var model: ExecuTorchResource = _model("linear.pt").duplicate()
	var session: ExecuTorchRuntime = model.new_session()
	var thread: Thread = Thread.new()
	var is_over: Array[bool] = [false]
	thread.start(_call_until.bind(session, model, is_over))
	for turn: int in 2500:
		check(session.load_model(model), "the model is loaded")
		session.unload_model()
		model.unload_model()
	check(session.load_model(model), "the model is loaded")
	is_over[0] = true
	check_equal(thread.wait_to_finish(), [] as Array[float])
	check_near(session.run_inference_array([2.0]), [7.0])


func test_settings_outlive_the_next_version_of_the_model() -> void:
	expect_error("MEMORY_LIMIT_EXCEEDED")
	var model: ExecuTorchResource = _model("linear.pt").duplicate()
	var session: ExecuTorchRuntime = model.new_session()
	var unloaded: ExecuTorchRuntime = ExecuTorchRuntime.new()
	for one: ExecuTorchRuntime in [session, unloaded, model.get_default_session()]:
		check_equal(one.set_memory_limit(1 << 20), OK)
		check_equal(one.enable_profiling(true), OK)
	check(unloaded.load_model(model), "the model is loaded")
	check_equal(model.memory_limit_bytes, 1 << 20, "a resource's own session is the resource")
	for version: int in 2:
		for one: ExecuTorchRuntime in [session, unloaded, model.get_default_session()]:
			check_near(one.run_inference_array([2.0]), [7.0])
			check_equal(one.get_memory_info()["limit"], 1 << 20)
			check(not (one.get_profile().get("events", []) as Array).is_empty(), "traced")
		var metadata: Dictionary = model.metadata.duplicate(true)
		(metadata["payload"] as Dictionary).erase("sha256")
		model.metadata = metadata
	check_equal(session.set_memory_limit(64), FAILED)
	check_equal(session.run_inference_array([2.0]).size(), 0)
	check_equal(session.set_memory_limit(0), OK)
	check_near(session.run_inference_array([2.0]), [7.0])
	check_equal(session.get_memory_info()["policy"], ExecuTorchResource.MEMORY_POLICY_AUTO)


func test_a_method_is_prepared_before_its_first_call() -> void:
	expect_error("UNKNOWN_METHOD")
	var model: ExecuTorchResource = _model("convnet.pt2").duplicate()
	var session: ExecuTorchRuntime = model.new_session()
	check((session.get_memory_info()["planned"] as PackedInt64Array).is_empty(), "nothing is planned yet")
	check_equal(session.load_method(), OK)
	check(not (session.get_memory_info()["planned"] as PackedInt64Array).is_empty(), "its memory is there")
	check_equal(session.get_total_inferences(), 0)
	check_equal(session.load_method("nothing"), FAILED)
	check_equal(model.load_method(), OK)
	check_equal(model.load_method("nothing"), FAILED)


func test_async_results_do_not_cross() -> void:
	var model: ExecuTorchResource = _model("linear.pt")
	var session: ExecuTorchRuntime = model.new_session()
	session.queue_limit = 0
	var requests: Array[ExecuTorchCall] = []
	for index: int in 200:
		requests.append(session.submit({"input_0": [float(index)]}))
	var last: ExecuTorchCall = requests[-1]
	await wait_until(last.is_finished, 60.0)
	for index: int in 200:
		check_near(requests[index].result.get("output_0", []), [2.0 * index + 3.0])


func test_async_before_the_model_is_ready() -> void:
	var model: ExecuTorchResource = _model("linear.pt").duplicate()
	model.metadata = model.metadata
	var payload: String = model.payload_path
	var metadata: Dictionary = model.metadata
	model.state = ExecuTorchResource.State.PENDING
	var request: ExecuTorchCall = model.submit({"input_0": [2.0]})
	for frame: int in 5:
		await get_tree().process_frame
	check(not request.is_finished(), "it waits")
	model.state = ExecuTorchResource.State.READY
	model.metadata = metadata
	model.payload_path = payload
	await wait_until(request.is_finished, 60.0)
	check_near(request.result.get("output_0", []), [7.0])


func test_async_cancel_and_limit() -> void:
	expect_error("QUEUE_FULL")
	var model: ExecuTorchResource = ExecuTorchResource.new()
	model.state = ExecuTorchResource.State.PENDING
	model.get_default_session().queue_limit = 2
	var waiting: Array[ExecuTorchCall] = [model.submit({}), model.submit({})]
	var refused: ExecuTorchCall = model.submit({})
	check(refused.is_finished(), "refused at once")
	check_equal(refused.get_error().code_name, "QUEUE_FULL")
	waiting[0].cancel()
	check_equal(model.get_default_session().get_queue_depth(), 1, "a cancelled call leaves the queue")
	var third: ExecuTorchCall = model.submit({})
	check(not third.is_finished(), "another call fits into the queue")
	model.get_default_session().cancel_all()
	check_equal(model.get_default_session().get_queue_depth(), 0)
	for request: ExecuTorchCall in waiting + [third]:
		await wait_until(request.is_finished, 60.0)
		check(request.is_cancelled(), "cancelled")
		check_equal(request.get_error().code_name, "CALL_CANCELLED")


func test_async_of_a_script_that_does_not_run() -> void:
	expect_error("SCRIPT_BROKEN")
	# What a call to a script that does not compile returns.
	var broken: Callable = func() -> Variant: return null
	var queue: CallQueue = CallQueue.new(broken, Callable(), WorkerPool.schedule)
	var request: ExecuTorchCall = ExecuTorchCall.new()
	var job: CallQueue.Job = CallQueue.Job.new()
	job.request = request
	check(queue.submit(job), "taken")
	await wait_until(request.is_finished, 60.0)
	check_equal(request.get_error().code_name if request.get_error() != null else "", "SCRIPT_BROKEN")
	request.cancel()


func test_async_error() -> void:
	expect_error("UNKNOWN_INPUT")
	var model: ExecuTorchResource = _model("linear.pt")
	check_equal(await model.forward_async({"nothing": 1.0}), {})
	check_equal(model.get_last_error().code_name, "UNKNOWN_INPUT")
	var session: ExecuTorchRuntime = model.new_session()
	check_equal(await session.run_inference_async({"nothing": 1.0}), {})
	check_equal(session.get_last_error().code_name, "UNKNOWN_INPUT")
	check_near((await session.run_inference_async({"input_0": [2.0]})).get("output_0", []), [7.0])


func test_threads_share_a_model() -> void:
	var model: ExecuTorchResource = _model("linear.pt").duplicate()
	var threads: Array[Thread] = []
	for index: int in 4:
		var thread: Thread = Thread.new()
		thread.start(_run_many.bind(model, float(index)))
		threads.append(thread)
	for thread: Thread in threads:
		check(thread.wait_to_finish(), "right numbers on every thread")


func test_monitors() -> void:
	var session: ExecuTorchRuntime = _model("policy.pt2").new_session()
	var input: PackedFloat32Array = [1, 2, 3, 4, 5, 6, 7, 8]
	session.run_inference_array(input)
	var shown: Array = Array(Performance.get_custom_monitor_names()).filter(
		func(title: StringName) -> bool:
			return str(title).begins_with("executorch/policy") and str(title).ends_with("inferences")
	)
	check(not shown.is_empty(), "the model is among the monitors")
	var is_ours: Callable = func(title: StringName) -> bool: return Performance.get_custom_monitor(title) == 1.0
	check(shown.any(is_ours), "its one call is counted")
	var before: int = shown.size()
	session.unload_model()
	var after: Array = Array(Performance.get_custom_monitor_names()).filter(
		func(title: StringName) -> bool:
			return str(title).begins_with("executorch/policy") and str(title).ends_with("inferences")
	)
	check(after.size() < before, "a session without a model is not shown")


## Godot's Performance has no lock: it crashed when a model was loaded on a thread while the debugger read it.
func test_monitors_of_sessions_that_other_threads_load() -> void:
	var model: ExecuTorchResource = _model("linear.pt").duplicate()
	check_equal(model.load_model(), OK)
	var before: int = Performance.get_custom_monitor_names().size()
	check(before >= 4, "the model is among the monitors")
	var thread: Thread = Thread.new()
	thread.start(_load_sessions.bind(model))
	while thread.is_alive():
		for title: StringName in Performance.get_custom_monitor_names():
			Performance.get_custom_monitor(title)
	var kept: ExecuTorchRuntime = thread.wait_to_finish()
	await get_tree().process_frame
	check_equal(Performance.get_custom_monitor_names().size(), before, "the sessions of a model are one")
	check(kept.is_model_loaded(), "it is loaded")


func test_mcp_tools() -> void:
	var names: Array = ExecuTorchRuntime.new().list_mcp_tools().map(
		func(tool: Dictionary) -> String: return tool["name"]
	)
	for wanted: String in ["run_inference", "get_model_info", "health_check", "reset_stats"]:
		check(wanted in names, "%s in %s" % [wanted, names])
	var answer: Dictionary = ExecuTorchRuntime.new().call_mcp_tool("health_check", {})
	check(not answer.get("isError", false), str(answer))


## What was wrong.
func _call_until(session: ExecuTorchRuntime, model: ExecuTorchResource, is_over: Array[bool]) -> Array[float]:
	var wrong: Array[float] = []
	while not is_over[0]:
		for output: PackedFloat32Array in [session.run_inference_array([2.0]), model.forward_array([2.0])]:
			if not output.is_empty() and not is_equal_approx(output[0], 7.0):
				wrong.append(output[0])
	return wrong


func _load_sessions(model: ExecuTorchResource) -> ExecuTorchRuntime:
	for turn: int in 1000:
		model.new_session().unload_model()
	return model.new_session()


func _has_session(id: int) -> bool:
	return ExecuTorchRuntime.get_sessions().any(
		func(other: ExecuTorchRuntime) -> bool: return other.get_session_id() == id
	)


func _run_many(model: ExecuTorchResource, x: float) -> bool:
	for index: int in 300:
		var output: PackedFloat32Array = model.forward_array([x])
		if output.size() != 1 or absf(output[0] - (2.0 * x + 3.0)) > 1e-4:
			return false
	return true


func _model(file: String) -> ExecuTorchResource:
	return load("res://models/" + file)


func test_session_follows_its_resource() -> void:
	var model: ExecuTorchResource = _model("linear.pt").duplicate()
	var session: ExecuTorchRuntime = model.new_session()
	check_near(session.run_inference_array([1.0]), [5.0])
	var other: ExecuTorchResource = _model("counter.pte")
	model.state = ExecuTorchResource.State.READY
	model.metadata = other.metadata
	model.payload_path = other.payload_path
	check(session.is_model_loaded(), "it has a model still")
	check_near(session.run_inference_array([1.0]), [6.0])
	check_near(session.run_inference_array([1.0]), [7.0])


func test_model_from_a_resource_pack() -> void:
	var source: ExecuTorchResource = _model("convnet.pt2")
	var copy: ExecuTorchResource = ExecuTorchResource.new()
	copy.state = ExecuTorchResource.State.READY
	copy.metadata = source.metadata
	copy.payload_path = "convnet.pte"
	check_equal(ResourceSaver.save(copy, "user://packed.tres"), OK)
	var packer: PCKPacker = PCKPacker.new()
	check_equal(packer.pck_start("user://packed.pck"), OK)
	packer.add_file("res://packed/convnet.tres", "user://packed.tres")
	packer.add_file("res://packed/convnet.pte", source.payload_path)
	check_equal(packer.flush(), OK)
	var session: ExecuTorchRuntime = ExecuTorchRuntime.new()
	check(session.load_model_from_pck("user://packed.pck", "res://packed/convnet.tres"), "the model is loaded")
	var input: PackedFloat32Array = []
	for index: int in 3 * 32 * 32:
		input.append(sin(index))
	check_near(session.run_inference_array(input), source.forward_array(input), 1e-4)
	expect_error("PAYLOAD_MISSING")
	check(not session.load_model_from_pck("user://nothing.pck", "res://x.tres"), "the model is not loaded")
