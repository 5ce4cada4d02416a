extends "res://tests/case.gd"
## ExecuTorchResource: every public member, against numbers that were worked out by hand.


func test_forward_by_name_and_by_alias() -> void:
	var model: ExecuTorchResource = _model("linear.pt")
	for x: float in [0.0, 1.0, 2.0, -1.0, 2.5]:
		check_near(model.forward({"input_0": [x]})["output_0"], [2.0 * x + 3.0])
		check_near(model.forward({model.get_input_names()[0]: [[x]]})["output_0"], [2.0 * x + 3.0])


func test_forward_takes_every_kind_of_value() -> void:
	var model: ExecuTorchResource = _model("linear.pt")
	var tensor: ExecuTorchTensor = ExecuTorchTensor.from_array([[2.0]])
	var values: Array = [
		2.0,
		2,
		[2.0],
		[[2]],
		PackedFloat32Array([2.0]),
		PackedFloat64Array([2.0]),
		{"data": PackedFloat32Array([2.0]), "shape": [1, 1], "dtype": "float32"},
		tensor,
	]
	for value: Variant in values:
		check_near(model.forward({"input_0": value}).get("output_0", []), [7.0], 1e-5, type_string(typeof(value)))


func test_forward_array() -> void:
	var model: ExecuTorchResource = _model("linear.pt")
	check_near(model.forward_array([4.0]), [11.0])


func test_two_inputs_and_named_outputs() -> void:
	var model: ExecuTorchResource = _model("two_inputs.pt2")
	check_equal(model.get_input_names(), PackedStringArray(["left", "right"]))
	check_equal(model.get_output_names(), PackedStringArray(["sum", "product"]))
	var left: PackedFloat32Array = [1, 2, 3, 4, 5, 6]
	var right: PackedFloat32Array = [6, 5, 4, 3, 2, 1]
	var result: Dictionary = model.forward({"left": left, "right": right})
	check_equal(result.keys(), ["sum", "product"])
	check_near(result["sum"], [7, 7, 7, 7, 7, 7])
	check_near(result["product"], [6, 10, 12, 12, 10, 6])


func test_execute_tensors_has_shapes() -> void:
	var model: ExecuTorchResource = _model("two_inputs.pt2")
	var one: ExecuTorchTensor = ExecuTorchTensor.from_array([[1, 2, 3], [4, 5, 6]])
	var outputs: Array[ExecuTorchTensor] = model.execute_tensors("forward", [one, one])
	check_equal(outputs.size(), 2)
	check_equal(outputs[0].shape, PackedInt64Array([2, 3]))
	check_equal(outputs[0].dtype, "float32")
	check_near(outputs[1].to_floats(), [1, 4, 9, 16, 25, 36])


func test_integers() -> void:
	var model: ExecuTorchResource = _model("integers.pt2")
	var meta: Dictionary = model.get_method_meta()
	check_equal(
		(meta["inputs"] as Array).map(func(entry: Dictionary) -> String: return entry["dtype"]), ["int64", "float32"]
	)
	var tokens: PackedInt64Array = [1, 1, 2, 2, 3, 3]
	var result: Dictionary = model.forward({"tokens": tokens, "mask": PackedFloat32Array([1, 0, 1, 0, 1, 0])})
	var values: PackedFloat32Array = result.get("output_0", PackedFloat32Array())
	check_equal(values.size(), 6)
	check_near(values[1], 0.0)
	check(absf(values[0]) > 1e-6, "the embedding is not zero")


func test_dynamic_batch_follows_the_number_of_values() -> void:
	var model: ExecuTorchResource = _model("policy.pt2")
	var one: PackedFloat32Array = [1, 2, 3, 4, 5, 6, 7, 8]
	var single: PackedFloat32Array = model.forward_array(one)
	check_equal(single.size(), 4)
	var many: PackedFloat32Array = []
	for index: int in 10:
		many.append_array(one)
	var all: PackedFloat32Array = model.forward_array(many)
	check_equal(all.size(), 40)
	check_near(all.slice(36), single, 1e-4)
	var rows: Array = model.forward_batch([one, one, one])
	check_equal(rows.size(), 3)
	check_near(rows[2], single, 1e-4)


func test_rows_of_a_batch_stay_apart() -> void:
	var model: ExecuTorchResource = _model("policy.pt2")
	var session: ExecuTorchRuntime = model.new_session()
	var given: Array = []
	var expected: Array[PackedFloat32Array] = []
	for index: int in 50:
		var row: PackedFloat32Array = []
		for position: int in 8:
			row.append(index * 0.1 - position)
		expected.append(model.forward_array(row))
		# Other kinds of rows come to the same.
		if index % 3 == 0:
			given.append(row)
		elif index % 3 == 1:
			given.append(Array(row))
		else:
			given.append(PackedFloat64Array(Array(row)))
	for rows: Array in [model.forward_batch(given), session.forward_batch(given)]:
		check_equal(rows.size(), 50)
		for index: int in 50:
			check_near(rows[index], expected[index], 1e-4)
		# Each is an array of its own.
		rows[0][0] = 1000.0
		check_near(rows[1], expected[1], 1e-4)
	check_near(model.forward_batch([given[7]])[0], expected[7], 1e-4)
	check_equal(model.forward_batch([]), [])


func test_rows_that_are_held_stay_as_they_are() -> void:
	var model: ExecuTorchResource = _model("policy.pt2")
	var given: Array[PackedFloat32Array] = []
	var expected: Array[PackedFloat32Array] = []
	for index: int in 10:
		given.append(PackedFloat32Array([index, 2, 3, 4, 5, 6, 7, -index]))
		expected.append(model.forward_array(given[index]))
	var held: Array[Array] = []
	var begins: PackedInt32Array = [0, 3, 5, 1, 0, 7]
	for begin: int in begins:
		held.append(model.forward_batch(given.slice(begin)))
	for turn: int in held.size():
		check_equal(held[turn].size(), 10 - begins[turn])
		for row: int in held[turn].size():
			check_near(held[turn][row], expected[begins[turn] + row], 1e-4)


## As when Godot gives a running game what the editor has imported.
func test_a_loaded_model_runs_on_until_the_next_version_is_there() -> void:
	expect_error("MODEL_PENDING")
	var model: ExecuTorchResource = _model("linear.pt").duplicate()
	var filled: Dictionary = {
		"payload_path": model.payload_path, "metadata": model.metadata, "model_data": model.model_data
	}
	check_near(model.forward_array([1.0]), [5.0])
	var session: ExecuTorchRuntime = model.new_session()
	model.state = ExecuTorchResource.State.PENDING
	check_near(model.forward_array([2.0]), [7.0])
	model.unload_model()
	check_equal(model.forward_array([2.0]).size(), 0)
	check_near(session.run_inference_array([2.0]), [7.0])
	model.emit_changed()
	check_near(session.run_inference_array([2.0]), [7.0])
	model.state = ExecuTorchResource.State.READY
	for field: String in filled:
		model.set(field, filled[field])
	check_near(model.forward_array([3.0]), [9.0])
	check_near(session.run_inference_array([3.0]), [9.0])


func test_a_wrong_row_is_named() -> void:
	expect_error("row 1")
	var model: ExecuTorchResource = _model("policy.pt2")
	var one: PackedFloat32Array = [1, 2, 3, 4, 5, 6, 7, 8]
	check_equal(model.forward_batch([one, one.slice(1)]), [])
	check_equal(model.get_last_error().code_name, "WRONG_SHAPE")


func test_what_is_known_of_a_model() -> void:
	var model: ExecuTorchResource = _model("convnet.pt2")
	check_equal(model.state, ExecuTorchResource.State.READY)
	check_equal(model.get_model_name(), "convnet")
	check_equal(model.get_source_file_path(), "res://models/convnet.pt2")
	check_equal(model.get_method_names(), PackedStringArray(["forward"]))
	check_equal(model.get_input_shapes(), [PackedInt64Array([1, 3, 32, 32])] as Array[PackedInt64Array])
	check_equal(model.get_output_shapes(), [PackedInt64Array([1, 10])] as Array[PackedInt64Array])
	check_equal(model.get_model_version().length(), 12)
	check_equal(model.get_model_size(), model.get_model_data().size())
	check_equal(model.get_method_meta("nothing"), {})
	check_equal(model.get_constants(), {})
	check_equal(model.external_paths, PackedStringArray())
	check_equal(ExecuTorchResource.MEMORY_POLICY_CUSTOM, ExecuTorchResource.MemoryPolicy.MEMORY_POLICY_CUSTOM)
	check_equal(ExecuTorchResource.OPTIMIZATION_NONE, ExecuTorchResource.OptimizationLevel.OPTIMIZATION_NONE)


func test_statistics_and_memory() -> void:
	var model: ExecuTorchResource = _model("linear.pt").duplicate()
	check(not model.is_loaded(), "a duplicate is not loaded")
	check_equal(model.get_last_inference_time(), 0.0)
	check_equal(model.get_memory_info(), {})
	check_equal(model.load_model(), OK)
	check(model.is_loaded(), "loaded")
	for index: int in 3:
		model.forward_array([1.0])
	check_equal(model.get_total_inferences(), 3)
	check(model.get_last_inference_time() > 0.0, "a call takes time")
	check(float(model.get_statistics()["load_us"]) > 0.0, "loading takes time")
	check(int(model.get_memory_info()["total"]) > 0, "a model takes memory")
	model.reset_statistics()
	check_equal(model.get_total_inferences(), 0)
	model.unload_model()
	check(not model.is_loaded(), "unloaded")
	check_near(model.forward_array([1.0]), [5.0])


func test_memory_policies() -> void:
	var model: ExecuTorchResource = _model("convnet.pt2").duplicate()
	check_equal(model.configure_memory(ExecuTorchResource.MEMORY_POLICY_STATIC, 64 << 20), OK)
	var input: PackedFloat32Array = []
	input.resize(3 * 32 * 32)
	check_equal(model.forward_array(input).size(), 10)
	check_equal(model.get_memory_info()["policy"], 1)
	check_equal(model.configure_memory(ExecuTorchResource.MEMORY_POLICY_AUTO), OK)
	check_equal(model.get_memory_info()["policy"], 0)
	check_equal(model.configure_memory(ExecuTorchResource.MEMORY_POLICY_CUSTOM), OK)
	check_equal(model.forward_array(input).size(), 10)
	expect_error("MEMORY_LIMIT_EXCEEDED")
	check_equal(model.configure_memory(ExecuTorchResource.MEMORY_POLICY_STATIC, 1024), FAILED)
	check_equal(model.forward_array(input).size(), 0)
	check_equal(model.get_last_error().code_name, "MEMORY_LIMIT_EXCEEDED")


func test_properties_stand_in_groups_where_they_are_edited() -> void:
	var groups: Callable = func(model: ExecuTorchResource) -> Array:
		var is_ours: Callable = func(entry: Dictionary) -> bool: return entry["name"] in ["Memory", "Optimization"]
		var shown: Array = model.get_property_list().filter(is_ours)
		return shown.filter(func(entry: Dictionary) -> bool: return entry["usage"] == PROPERTY_USAGE_GROUP)
	check_equal((groups.call(ExecuTorchResource.new()) as Array).size(), 2)
	check_equal((groups.call(_model("linear.pt")) as Array).size(), 0, "import options stand in their place")


func test_optimization_levels_give_the_same_numbers() -> void:
	var model: ExecuTorchResource = _model("linear.pt").duplicate()
	for level: ExecuTorchResource.OptimizationLevel in [
		ExecuTorchResource.OPTIMIZATION_NONE,
		ExecuTorchResource.OPTIMIZATION_BASIC,
		ExecuTorchResource.OPTIMIZATION_AGGRESSIVE,
	]:
		check_equal(model.set_optimization_level(level), OK)
		check_near(model.forward_array([3.0]), [9.0])


func test_values_that_no_model_can_have_are_refused_loaded_or_not() -> void:
	for model: ExecuTorchResource in (
		[ExecuTorchResource.new(), _model("linear.pt").duplicate()] as Array[ExecuTorchResource]
	):
		if model.state != ExecuTorchResource.State.EMPTY:
			check_equal(model.load_model(), OK)
		var session: ExecuTorchRuntime = model.new_session() if model.is_loaded() else ExecuTorchRuntime.new()
		expect_error("INVALID_OPTION")
		check_equal(model.call(&"set_optimization_level", 17), ERR_INVALID_PARAMETER)
		check_equal(model.optimization_level, ExecuTorchResource.OPTIMIZATION_BASIC, "nothing changed")
		expect_error("INVALID_OPTION")
		check_equal(model.call(&"configure_memory", 5), ERR_INVALID_PARAMETER)
		expect_error("below 0")
		check_equal(model.configure_memory(ExecuTorchResource.MEMORY_POLICY_AUTO, -1), ERR_INVALID_PARAMETER)
		expect_error("needs a limit")
		check_equal(model.configure_memory(ExecuTorchResource.MEMORY_POLICY_STATIC), ERR_INVALID_PARAMETER)
		check_equal([model.memory_policy, model.memory_limit_bytes], [ExecuTorchResource.MEMORY_POLICY_AUTO, 0])
		expect_error("INVALID_OPTION")
		check_equal(session.call(&"set_optimization_level", -1), ERR_INVALID_PARAMETER)
		expect_error("below 0")
		check_equal(session.set_memory_limit(-4096), ERR_INVALID_PARAMETER)


func test_state_of_a_session_is_its_own() -> void:
	var model: ExecuTorchResource = _model("counter.pte")
	var other: ExecuTorchRuntime = model.new_session()
	check_near(model.forward_array([1.0]), [6.0])
	check_near(model.forward_array([1.0]), [7.0])
	check_near(other.run_inference_array([2.0]), [7.0])
	model.reset_state()
	check(model.is_loaded(), "resetting the state keeps the model")
	check_near(model.forward_array([1.0]), [6.0])
	check_near(other.run_inference_array([2.0]), [9.0])


func test_several_methods() -> void:
	var model: ExecuTorchResource = _model("two_methods.pte")
	check(model.get_method_names().has("double"), "both methods are there")
	check_near(model.forward_array([1.0]), [5.0])
	var six: PackedFloat32Array = [1, 1, 1, 1, 1, 1]
	var names: PackedStringArray = model.get_input_names("double")
	var result: Dictionary = model.execute("double", {names[0]: six, names[1]: six})
	check_near(result.values()[0], [2, 2, 2, 2, 2, 2])


func test_files_and_bytes() -> void:
	var model: ExecuTorchResource = _model("linear.pt")
	check_equal(model.save_to_file("user://saved.pte"), OK)
	check_equal(model.save_to_file("user://saved.res"), OK)
	for path: String in ["user://saved.pte", "user://saved.res", ProjectSettings.globalize_path("user://saved.pte")]:
		var read: ExecuTorchResource = ExecuTorchResource.new()
		check_equal(read.load_from_file(path), OK, path)
		check_near(read.forward({"input_0": [2.0]}).get("output_0", []), [7.0], 1e-5, path)
		check_equal(read.get_method_names(), PackedStringArray(["forward"]), path)
	var bytes: ExecuTorchResource = ExecuTorchResource.new()
	check_equal(bytes.set_model_data(model.get_model_data()), OK)
	check_near(bytes.forward_array([2.0]), [7.0])
	bytes.clear()
	check(not bytes.is_loaded(), "cleared")
	check_equal(bytes.state, ExecuTorchResource.State.EMPTY)
	expect_error("MODEL_EMPTY")
	check_equal(bytes.forward_array([2.0]).size(), 0)


## Godot's file fields keep a path as `uid://`.
func test_a_model_is_found_by_its_uid() -> void:
	var uid: String = ResourceUID.id_to_text(ResourceLoader.get_resource_uid("res://models/linear.pt"))
	check(uid.begins_with("uid://"), uid)
	var model: ExecuTorchResource = ExecuTorchResource.new()
	check_equal(model.load_from_file(uid), OK)
	check_near(model.forward_array([1.0]), [5.0])
	var session: ExecuTorchRuntime = ExecuTorchRuntime.new()
	check(session.load_model_from_file(uid), "a session")
	var node: ExecuTorchNode = ExecuTorchNode.new()
	node.model_path = uid
	add_child(node)
	check_near(node.predict([1.0]), [5.0])
	node.free()


func test_threads_save_to_one_file() -> void:
	var model: ExecuTorchResource = _model("policy.pt2")
	var threads: Array[Thread] = []
	for index: int in 4:
		threads.append(Thread.new())
		threads[index].start(model.save_to_file.bind("user://shared.pte"))
	for thread: Thread in threads:
		check_equal(thread.wait_to_finish(), OK)
	check_equal(ExecuTorchResource.new().load_from_file("user://shared.pte"), OK)


func test_threaded_loading() -> void:
	check_equal(ResourceLoader.load_threaded_request("res://models/policy.pt2", "", true), OK)
	var is_there: Callable = func() -> bool:
		return ResourceLoader.load_threaded_get_status("res://models/policy.pt2") == ResourceLoader.THREAD_LOAD_LOADED
	await wait_until(is_there, 60.0)
	var model: ExecuTorchResource = ResourceLoader.load_threaded_get("res://models/policy.pt2")
	check(model != null, "loaded on a thread")


func test_profiling() -> void:
	var model: ExecuTorchResource = _model("convnet.pt2").duplicate()
	check_equal(model.enable_profiling(true), OK)
	var input: PackedFloat32Array = []
	input.resize(3 * 32 * 32)
	model.forward_array(input)
	check(not (model.get_profile().get("events", []) as Array).is_empty(), "a traced call has events")
	check_equal(model.enable_profiling(false), OK)


func _model(file: String) -> ExecuTorchResource:
	return load("res://models/" + file)


func test_variants_in_files_and_in_the_resource() -> void:
	var model: ExecuTorchResource = ExecuTorchResource.new()
	model.state = ExecuTorchResource.State.READY
	model.payload_path = "res://models/linear_xnnpack.pte"
	model.metadata = {"recipe": "xnnpack_fp32", "variants": [{"recipe": "portable", "payload": {}}]}
	model.variant_paths = {"portable": "res://models/linear_portable.pte"}
	check_near(model.forward({"input_0": [2.0]}).values()[0], [7.0])
	check_equal(model.get_default_session().get_metadata()["recipe"], "xnnpack_fp32")
	check_equal(model.set_optimization_level(ExecuTorchResource.OPTIMIZATION_NONE), OK)
	check_near(model.forward({"input_0": [2.0]}).values()[0], [7.0])
	check_equal(model.get_default_session().get_metadata()["recipe"], "portable")
	check_equal(model.get_model_data(), FileAccess.get_file_as_bytes("res://models/linear_portable.pte"))
	var program: PackedByteArray = model.get_model_data()
	expect_error("is outside of the project")
	model.variant_paths = {"portable": "res://../linear.pte"}
	check_equal(model.forward({"input_0": [2.0]}), {})
	model.variant_data = {"portable": program}
	model.variant_paths = {}
	check_near(model.forward({"input_0": [2.0]}).values()[0], [7.0])
	check_equal(model.get_default_session().get_metadata()["recipe"], "portable")
	expect_error("has a variant portable without a program")
	model.variant_data = {"portable": "no bytes"}
	check_equal(model.forward({"input_0": [2.0]}), {})
	check_equal(model.set_optimization_level(ExecuTorchResource.OPTIMIZATION_BASIC), OK)
	check_near(model.forward({"input_0": [2.0]}).values()[0], [7.0])
