extends "res://tests/case.gd"
## Sliced calls: the results of whole calls, some instructions a frame, in order with the other calls of their session.

# Less than any instruction takes, so one runs in each frame.
const ONE_INSTRUCTION: float = 0.001


func test_a_sliced_call_gives_what_a_whole_one_gives() -> void:
	var model: ExecuTorchResource = _model("convnet.pt2")
	var inputs: Dictionary = _picture()
	var whole: Dictionary = model.forward(inputs)
	check(not whole.is_empty(), "a whole call works")
	for budget: float in [ONE_INSTRUCTION, 2.0, 1000.0, 1e300]:
		var request: ExecuTorchCall = model.submit_sliced(inputs, budget)
		check(not request.is_finished(), "it begins in the next frame")
		check_equal(await request.finished, whole)
		check_equal(request.result, whole)
		check_equal(request.get_error(), null)
	var session: ExecuTorchRuntime = model.new_session()
	check_equal(await session.submit_sliced(inputs, ONE_INSTRUCTION, "forward").finished, whole)
	check_equal(session.get_total_inferences(), 1)


func test_it_goes_on_in_the_next_frame() -> void:
	var session: ExecuTorchRuntime = _model("counter.pte").new_session()
	session.load_method()
	var request: ExecuTorchCall = session.submit_sliced({"input_0": [1.0]}, ONE_INSTRUCTION)
	var frames: int = 0
	while not request.is_finished():
		await get_tree().process_frame
		frames += 1
	check(frames >= 2, "%d frames" % frames)
	check_near(request.result["output_0"], [6.0])


func test_inputs_belong_to_the_call() -> void:
	var session: ExecuTorchRuntime = _model("linear.pt").new_session()
	var values: PackedFloat32Array = [2.0]
	var request: ExecuTorchCall = session.submit_sliced({"input_0": values}, ONE_INSTRUCTION)
	values.fill(7.0)
	check_near((await request.finished)["output_0"], [7.0])


func test_calls_keep_their_order() -> void:
	var session: ExecuTorchRuntime = _model("counter.pte").new_session()
	var inputs: Dictionary = {"input_0": [1.0]}
	var requests: Array[ExecuTorchCall] = []
	for turn: int in 4:
		requests.append(session.submit_sliced(inputs, ONE_INSTRUCTION))
		requests.append(session.submit(inputs))
		requests.append(session.submit_sliced(inputs, 1000.0))
	for request: ExecuTorchCall in requests:
		await wait_until(request.is_finished, 60.0)
	for index: int in requests.size():
		check_near(requests[index].result.get("output_0", []), [6.0 + index])


## The session is not locked between slices: a call at once runs the rest first.
func test_a_call_at_once_comes_after_the_sliced_one() -> void:
	var session: ExecuTorchRuntime = _model("counter.pte").new_session()
	session.load_method()
	var request: ExecuTorchCall = session.submit_sliced({"input_0": [1.0]}, ONE_INSTRUCTION)
	await get_tree().process_frame
	await get_tree().process_frame
	check(not request.is_finished(), "it has begun and not ended")
	check_near(session.run_inference_array([1.0]), [7.0])
	await wait_until(request.is_finished, 60.0)
	check_near(request.result["output_0"], [6.0])


func test_cancelled_calls_end() -> void:
	var session: ExecuTorchRuntime = _model("counter.pte").new_session()
	session.load_method()
	var inputs: Dictionary = {"input_0": [1.0]}
	var begun: ExecuTorchCall = session.submit_sliced(inputs, ONE_INSTRUCTION)
	var waits: ExecuTorchCall = session.submit_sliced(inputs, ONE_INSTRUCTION)
	await get_tree().process_frame
	await get_tree().process_frame
	begun.cancel()
	waits.cancel()
	await wait_until(waits.is_finished, 60.0)
	check(begun.is_finished() and begun.is_cancelled(), "both ended at once")
	check_equal(begun.result, {})
	check_equal(waits.get_error().code_name, "CALL_CANCELLED")
	# As a call on a worker: one that runs is completed, one that waits never runs.
	check_near((await session.submit_sliced(inputs, ONE_INSTRUCTION).finished)["output_0"], [7.0])


func test_an_unloaded_session_drops_its_calls() -> void:
	var session: ExecuTorchRuntime = _model("counter.pte").new_session()
	session.load_method()
	var request: ExecuTorchCall = session.submit_sliced({"input_0": [1.0]}, ONE_INSTRUCTION)
	await get_tree().process_frame
	await get_tree().process_frame
	session.unload_model()
	await wait_until(request.is_finished, 60.0)
	check_equal(request.result, {})
	check(session.load_model(_model("linear.pt")), "another model")
	check_near((await session.submit_sliced({"input_0": [1.0]}, ONE_INSTRUCTION).finished)["output_0"], [5.0])


func test_a_reload_does_not_reach_a_call_that_has_begun() -> void:
	var model: ExecuTorchResource = _model("counter.pte").duplicate()
	model.load_method()
	var request: ExecuTorchCall = model.submit_sliced({"input_0": [1.0]}, ONE_INSTRUCTION)
	await get_tree().process_frame
	await get_tree().process_frame
	check(not request.is_finished(), "it has begun and not ended")
	var next: ExecuTorchResource = _model("linear.pt")
	model.metadata = next.metadata
	model.payload_path = next.payload_path
	check_near(model.forward_array([1.0]), [5.0])
	await wait_until(request.is_finished, 60.0)
	check_near(request.result["output_0"], [6.0])


func test_errors_are_those_of_the_call() -> void:
	expect_error("UNKNOWN_INPUT")
	expect_error("UNKNOWN_METHOD")
	expect_error("INVALID_OPTION")
	expect_error("QUEUE_FULL")
	expect_error("MODEL_EMPTY")
	var session: ExecuTorchRuntime = _model("linear.pt").new_session()
	var inputs: Dictionary = {"input_0": [1.0]}
	for wrong: Array in [
		[{"nothing": [1.0]}, 1.0, "forward", "UNKNOWN_INPUT"],
		[inputs, 1.0, "backward", "UNKNOWN_METHOD"],
		[inputs, 0.0, "forward", "INVALID_OPTION"],
		[inputs, -1.0, "forward", "INVALID_OPTION"],
		[inputs, NAN, "forward", "INVALID_OPTION"],
		[inputs, INF, "forward", "INVALID_OPTION"],
	]:
		var request: ExecuTorchCall = session.submit_sliced(
			wrong[0] as Dictionary, wrong[1] as float, wrong[2] as String
		)
		await wait_until(request.is_finished, 60.0)
		check_equal(request.result, {})
		check_equal(request.get_error().code_name, wrong[3])
	session.queue_limit = 1
	var first: ExecuTorchCall = session.submit_sliced(inputs, 1.0)
	var second: ExecuTorchCall = session.submit_sliced(inputs, 1.0)
	check_equal(second.get_error().code_name, "QUEUE_FULL")
	check_near((await first.finished)["output_0"], [5.0])
	var empty: ExecuTorchCall = ExecuTorchRuntime.new().submit_sliced(inputs, 1.0)
	await wait_until(empty.is_finished, 60.0)
	check_equal(empty.get_error().code_name, "MODEL_EMPTY")


func test_a_pool_is_refused() -> void:
	expect_error("INVALID_OPTION")
	var model: ExecuTorchResource = _model("convnet.pt2").duplicate()
	model.memory_policy = ExecuTorchResource.MEMORY_POLICY_CUSTOM
	var request: ExecuTorchCall = model.submit_sliced(_picture(), 1000.0)
	await wait_until(request.is_finished, 60.0)
	check_equal(request.get_error().code_name, "INVALID_OPTION")
	check(not model.forward(_picture()).is_empty(), "a whole call works")


func test_a_node_tells_its_result() -> void:
	var node: ExecuTorchNode = ExecuTorchNode.new()
	node.model = _model("linear.pt")
	add_child(node)
	var told: Array[Dictionary] = []
	node.inference_completed.connect(told.append)
	var result: Dictionary = await node.predict_named_sliced({"input_0": [1.0]}, ONE_INSTRUCTION)
	check_near(result["output_0"], [5.0])
	check_equal(told, [result] as Array[Dictionary])
	node.free()


func test_a_call_of_a_node_that_is_freed_ends() -> void:
	var results: Array[Dictionary] = []
	for in_tree: bool in [true, false]:
		var node: ExecuTorchNode = ExecuTorchNode.new()
		node.model = _model("convnet.pt2")
		if in_tree:
			add_child(node)
		for turn: int in 5:
			_await_sliced(node, results)
		await get_tree().process_frame
		node.free()
	await wait_until(func() -> bool: return results.size() == 10, 60.0, "every call ended")


## What is worth a frame: the calls of several sessions share its time.
func test_the_calls_of_a_frame_share_its_time() -> void:
	var requests: Array[ExecuTorchCall] = []
	var sessions: Array[ExecuTorchRuntime] = []
	for index: int in 5:
		sessions.append(_model("convnet.pt2").new_session())
		sessions[-1].load_method()
		requests.append(sessions[-1].submit_sliced(_picture(), ONE_INSTRUCTION))
	await requests[0].finished
	for request: ExecuTorchCall in requests.slice(1):
		check(not request.is_finished(), "the first one was served first")
	for request: ExecuTorchCall in requests:
		await wait_until(request.is_finished, 60.0)
		check_equal(request.result, requests[0].result)


func _await_sliced(node: ExecuTorchNode, results: Array[Dictionary]) -> void:
	results.append(await node.predict_named_sliced(_picture(), ONE_INSTRUCTION))


func _picture() -> Dictionary:
	var values: PackedFloat32Array = []
	for index: int in 3 * 32 * 32:
		values.append((index % 17) / 17.0)
	return {"input_0": values}


func _model(file: String) -> ExecuTorchResource:
	return load("res://models/" + file)
