extends "res://tests/case.gd"
## Every way to be wrong has a name, says expected and got, and returns an empty value.


func test_wrong_names() -> void:
	expect_error("UNKNOWN_INPUT")
	_check_error(_model("linear.pt").forward({"nothing": [1.0]}), _model("linear.pt"), "UNKNOWN_INPUT")


func test_missing_input() -> void:
	expect_error("MISSING_INPUT")
	var model: ExecuTorchResource = _model("two_inputs.pt2")
	_check_error(model.forward({"left": PackedFloat32Array([1, 2, 3, 4, 5, 6])}), model, "MISSING_INPUT")


func test_wrong_shape() -> void:
	expect_error("WRONG_SHAPE")
	var model: ExecuTorchResource = _model("linear.pt")
	_check_error(model.forward({"input_0": [1.0, 2.0]}), model, "WRONG_SHAPE")
	var policy: ExecuTorchResource = _model("policy.pt2")
	_check_error(policy.forward({"input_0": PackedFloat32Array([1, 2, 3])}), policy, "WRONG_SHAPE")


func test_an_error_is_the_last_one_until_a_call_works() -> void:
	expect_error("linear.pt: ")
	var model: ExecuTorchResource = _model("linear.pt")
	var session: ExecuTorchRuntime = model.get_default_session()
	check_near(model.forward({"input_0": [2.0]}).get("output_0", []), [7.0])
	_check_error(model.forward({"input_0": [1.0, 2.0]}), model, "WRONG_SHAPE")
	check(not session.health_check()["ok"], "not healthy")
	session.reset_statistics()
	check(model.get_last_error() != null, "the statistics have nothing to do with it")
	check_near(model.forward({"input_0": [2.0]}).get("output_0", []), [7.0])
	check_equal(model.get_last_error(), null)
	check(session.health_check()["ok"], str(session.health_check()))


func test_the_remedy_says_what_the_model_takes() -> void:
	expect_error("policy.pt2: ")
	var model: ExecuTorchResource = _model("policy.pt2")
	var input: String = model.get_input_names()[0]
	var calls: Dictionary = {
		"UNKNOWN_INPUT": func() -> Variant: return model.forward({"nothing": [1.0]}),
		"MISSING_INPUT": func() -> Variant: return model.forward({}),
		"WRONG_SHAPE": func() -> Variant: return model.forward({input: [1.0, 2.0, 3.0]}),
		"WRONG_DTYPE": func() -> Variant: return model.execute("forward", {input: "text"}),
	}
	for code: String in calls:
		var output: Variant = (calls[code] as Callable).call()
		check(not output, "an output for %s" % code)
		check_equal(model.get_last_error().code_name, code)
		var remedy: String = model.get_last_error().remedy
		check(remedy.ends_with("The model takes %s: float32[1..1024,8]." % input), "%s: %s" % [code, remedy])
	check_equal(model.forward_array(PackedFloat32Array([1.0, 2.0, 3.0])), PackedFloat32Array())
	check(model.get_last_error().remedy.contains("float32[1..1024,8]"), str(model.get_last_error()))


func test_sizes_that_must_be_equal_are_named() -> void:
	expect_error("must be equal")
	var model: ExecuTorchResource = _model("rows.pt2")
	var one: PackedFloat32Array = [1, 2, 3]
	var two: PackedFloat32Array = [1, 2, 3, 4, 5, 6]
	check_near(model.forward({"left": two, "right": two}).get("sum", []), [2, 4, 6, 8, 10, 12])
	_check_error(model.forward({"left": two, "right": one}), model, "WRONG_SHAPE")
	var text: String = str(model.get_last_error())
	check(text.contains("2 in dimension 0 of left and 1 in dimension 0 of right"), text)
	check_equal(model.execute_tensors("forward", [one, two]).size(), 0)
	check_near(model.forward({"left": one, "right": one}).get("product", []), [1, 4, 9])


func test_dimension_out_of_range() -> void:
	expect_error("WRONG_SHAPE")
	var policy: ExecuTorchResource = _model("policy.pt2")
	var values: PackedFloat32Array = []
	values.resize(8 * 2000)
	_check_error(
		policy.forward({"input_0": {"data": values, "shape": [2000, 8], "dtype": "float32"}}), policy, "WRONG_SHAPE"
	)


func test_wrong_value() -> void:
	expect_error("[")
	var model: ExecuTorchResource = _model("linear.pt")
	check_equal(model.forward({"input_0": "text"}), {})
	check_equal(model.forward({"input_0": null}), {})
	check_equal(model.forward({"input_0": [["ragged"], 2]}), {})


func test_values_that_are_not_numbers_say_what_to_do() -> void:
	expect_error("NOT_A_TENSOR")
	var model: ExecuTorchResource = _model("convnet.pt2")
	var image: Image = Image.create_empty(2, 2, false, Image.FORMAT_RGB8)
	var input: String = model.get_input_names()[0]
	var wanted: Dictionary = {
		"is null": null,
		"from_image(image, Vector2i(32, 32))": image,
		"from_image(texture.get_image(), Vector2i(32, 32))": ImageTexture.create_from_image(image),
	}
	for part: String in wanted:
		_check_error(model.forward({input: wanted[part]}), model, "NOT_A_TENSOR")
		check(str(model.get_last_error()).contains(part), str(model.get_last_error()))
		_check_error(await model.forward_async({input: wanted[part]}), model, "NOT_A_TENSOR")
		_check_error(model.execute("forward", {input: wanted[part]}), model, "NOT_A_TENSOR")


func test_arrays_that_hold_themselves_are_refused() -> void:
	expect_error("WRONG_SHAPE")
	var model: ExecuTorchResource = _model("linear.pt")
	for first: Variant in [null, Vector2(1, 2)]:
		var values: Array = [] if first == null else [first]
		values.append(values)
		check_equal(model.forward({"input_0": values}), {})
		check(model.get_last_error() != null, "an error")
		values.clear()
	var deep: Array = [1.0]
	for level: int in 90:
		deep = [deep]
	_check_error(model.forward({"input_0": deep}), model, "WRONG_SHAPE")
	_check_error(await model.forward_async({"input_0": deep}), model, "WRONG_SHAPE")


func test_objects_that_were_freed_are_told() -> void:
	expect_error("NOT_A_TENSOR")
	expect_error("WRONG_DTYPE")
	var model: ExecuTorchResource = _model("linear.pt")
	var freed: Node = Node.new()
	var inputs: Dictionary = {"input_0": freed}
	var inside: Dictionary = {"input_0": [freed]}
	freed.free()
	_check_error(model.forward(inputs), model, "NOT_A_TENSOR")
	check(str(model.get_last_error()).contains("was freed"), str(model.get_last_error()))
	_check_error(await model.forward_async(inputs), model, "NOT_A_TENSOR")
	_check_error(model.forward(inside), model, "WRONG_DTYPE")


func test_metadata_of_any_form() -> void:
	for wrong: Dictionary in (
		[
			{"methods": "text"},
			{"methods": [1, null], "payload": 3},
			{"payload": {"external": [1]}, "source": [], "constants": 1},
			{"methods": [{"name": "forward", "inputs": [1], "outputs": "text"}]},
			{"methods": [{"name": "forward", "inputs": [{"shape": 5}]}]},
		]
		as Array[Dictionary]
	):
		var model: ExecuTorchResource = _model("linear.pt").duplicate()
		model.metadata = wrong
		check_near(model.forward_array([1.0]), [5.0], 1e-5, str(wrong))
		check_equal(model.get_input_names("nothing"), PackedStringArray())
		check_equal(model.get_constants(), {})


func test_one_array_for_two_inputs() -> void:
	expect_error("WRONG_INPUT_COUNT")
	var model: ExecuTorchResource = _model("two_inputs.pt2")
	check_equal(model.forward_array([1.0, 2.0]).size(), 0)
	check(str(model.get_last_error()).contains('forward({"left": ..., "right": ...})'), str(model.get_last_error()))


func test_the_queue_of_a_resource_says_where_its_limit_is() -> void:
	expect_error("get_default_session().queue_limit")
	var model: ExecuTorchResource = ExecuTorchResource.new()
	model.state = ExecuTorchResource.State.PENDING
	model.get_default_session().queue_limit = 1
	var waiting: ExecuTorchCall = model.submit({})
	check_equal(model.submit({}).get_error().code_name, "QUEUE_FULL")
	waiting.cancel()


func test_unknown_method() -> void:
	expect_error("UNKNOWN_METHOD")
	_check_error(_model("linear.pt").execute("nothing", {}), _model("linear.pt"), "UNKNOWN_METHOD")


func test_file_that_is_not_there() -> void:
	expect_error("PAYLOAD_MISSING")
	var model: ExecuTorchResource = ExecuTorchResource.new()
	check_equal(model.load_from_file("user://nothing.pte"), FAILED)
	check_equal(model.get_last_error().code_name, "PAYLOAD_MISSING")


func test_paths_that_lead_nowhere_are_told() -> void:
	expect_error("PAYLOAD_MISSING")
	for path: String in ["", "res://", "linear.pt", "uid://nothing", "user://nothing.pte"] as Array[String]:
		var model: ExecuTorchResource = ExecuTorchResource.new()
		check_equal(model.load_from_file(path), FAILED)
		check_equal(model.get_last_error().code_name, "PAYLOAD_MISSING")
		check(model.get_last_error().remedy.begins_with("Check the path"), str(model.get_last_error()))


func test_files_that_are_no_programs() -> void:
	expect_error("user://bad.pte")
	var good: PackedByteArray = _model("linear.pt").get_model_data()
	var noise: PackedByteArray = []
	for index: int in 4096:
		noise.append(index * 7919 % 251)
	for bytes: PackedByteArray in [
		PackedByteArray(), good.slice(0, 40), good.slice(0, 1000), noise, "hello".to_utf8_buffer()
	]:
		var file: FileAccess = FileAccess.open("user://bad.pte", FileAccess.WRITE)
		file.store_buffer(bytes)
		file.close()
		var model: ExecuTorchResource = ExecuTorchResource.new()
		check_equal(model.load_from_file("user://bad.pte"), FAILED, "%d bytes" % bytes.size())
		check(model.get_last_error() != null, "an error is kept")


func test_payload_that_is_not_the_imported_one() -> void:
	expect_error("HASH_MISMATCH")
	var model: ExecuTorchResource = _model("linear.pt").duplicate(true)
	var data: PackedByteArray = _model("linear.pt").get_model_data()
	data[data.size() - 1] = data[data.size() - 1] ^ 1
	model.model_data = data
	check_equal(model.load_model(), FAILED)
	check_equal(model.get_last_error().code_name, "HASH_MISMATCH")


func test_a_file_that_cannot_be_written() -> void:
	expect_error("FILE_NOT_WRITTEN")
	expect_error("Cannot save file")
	for path: String in ["user://no/such/folder/model.pte", "user://no/such/folder/model.tres"]:
		var model: ExecuTorchResource = _model("linear.pt")
		check_equal(model.save_to_file(path), FAILED)
		check_equal(model.get_last_error().code_name, "FILE_NOT_WRITTEN", path)


## A file without a known hash runs in a child process first, and its errors keep their names.
func test_unknown_file_with_a_missing_operator() -> void:
	expect_error("OPERATOR_MISSING")
	var text: String = FileAccess.get_file_as_bytes("res://models/linear_portable.pte").hex_encode()
	var from: String = "aten::addmm".to_utf8_buffer().hex_encode()
	var file: FileAccess = FileAccess.open("user://unknown.pte", FileAccess.WRITE)
	file.store_buffer(text.replace(from, "aten::addmx".to_utf8_buffer().hex_encode()).hex_decode())
	file.close()
	var model: ExecuTorchResource = ExecuTorchResource.new()
	check_equal(model.load_from_file("user://unknown.pte"), FAILED)
	check_equal(model.get_last_error().code_name, "OPERATOR_MISSING")
	check(model.get_last_error().cause.contains("aten::addmx"), model.get_last_error().cause)


func test_unknown_files_that_ran_are_remembered() -> void:
	_model("linear.pt").save_to_file("user://mine.pte")
	var model: ExecuTorchResource = ExecuTorchResource.new()
	check_equal(model.load_from_file("user://mine.pte"), OK)
	var lines: int = _remembered()
	check(lines > 1, "the list has the file")
	check_equal(model.load_from_file("user://mine.pte"), OK)
	check_equal(_remembered(), lines, "an unchanged file is not tried again")
	_model("linear.pt").save_to_file("user://mine.pte")
	check_equal(model.load_from_file("user://mine.pte"), OK)
	check_equal(_remembered(), lines, "another file with the same bytes is not")
	var file: FileAccess = FileAccess.open("user://mine.pte", FileAccess.READ_WRITE)
	file.seek_end()
	file.store_buffer(Crypto.new().generate_random_bytes(8))
	file.close()
	check_equal(model.load_from_file("user://mine.pte"), OK)
	check_equal(_remembered(), lines + 1, "another file of the same name is")


func test_the_library_of_another_platform() -> void:
	var missing: ExecuTorchError = preload("res://addons/executorch/runtime/library/native_library.gd").missing_error()
	check_equal(missing.code_name, "NATIVE_LIBRARY_MISSING")
	check(missing.cause.contains(OS.get_name()), missing.cause)


func test_payload_path_that_leads_out() -> void:
	expect_error("PATH_NOT_ALLOWED")
	for path: String in ["/etc/passwd", "res://../x.pte", "../../x.pte"]:
		var model: ExecuTorchResource = ExecuTorchResource.new()
		model.state = ExecuTorchResource.State.READY
		model.payload_path = path
		check_equal(model.load_model(), FAILED)
		check_equal(model.get_last_error().code_name, "PATH_NOT_ALLOWED", path)


func test_pending_and_failed() -> void:
	expect_error("MODEL_PENDING")
	expect_error("MODEL_FAILED")
	var model: ExecuTorchResource = ExecuTorchResource.new()
	model.state = ExecuTorchResource.State.PENDING
	_check_error(model.forward({}), model, "MODEL_PENDING")
	model.state = ExecuTorchResource.State.FAILED
	model.error = {"code": "X", "cause": "a bad file", "remedy": "correct it"}
	_check_error(model.forward({}), model, "MODEL_FAILED")
	check(model.get_last_error().cause.contains("a bad file"), "the importer's cause is kept")


func test_session_without_a_model() -> void:
	expect_error("MODEL_EMPTY")
	var session: ExecuTorchRuntime = ExecuTorchRuntime.new()
	check_equal(session.run_inference({}), {})
	check_equal(session.run_inference_array([1.0]).size(), 0)
	check_equal(session.reset_state(), FAILED)
	check_equal(session.get_last_error().code, ExecuTorchError.Code.MODEL_EMPTY)
	check(not session.health_check()["ok"], "not healthy")


func test_errors_as_values() -> void:
	var error: ExecuTorchError = ExecuTorchError.create(ExecuTorchError.Code.QUEUE_FULL, "full", "wait")
	check_equal(str(error), "full [QUEUE_FULL] wait")
	check_equal(ExecuTorchError.from_dictionary(error.to_dictionary()).code_name, "QUEUE_FULL")
	check_equal(ExecuTorchError.from_dictionary({"code": "BAD", "cause": "c"}).code, ExecuTorchError.Code.IMPORT_ERROR)


func _remembered() -> int:
	return FileAccess.get_file_as_string("user://executorch_tried_files.txt").split("\n", false).size()


func _check_error(result: Dictionary, model: ExecuTorchResource, code_name: String) -> void:
	check_equal(result, {})
	if model.get_last_error() == null:
		check(false, "no error was kept")
	else:
		check_equal(model.get_last_error().code_name, code_name)


func _model(file: String) -> ExecuTorchResource:
	return load("res://models/" + file)
