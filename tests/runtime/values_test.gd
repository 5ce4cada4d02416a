extends "res://tests/case.gd"
## What a call takes as the value of an input, on every way to make it.

const InputErrors := preload("res://addons/executorch/runtime/calls/input_errors.gd")
const EIGHT: PackedFloat32Array = [1, 2, 3, 4, 5, 6, 7, 8]


func test_forward_takes_vectors_and_colours() -> void:
	var model: ExecuTorchResource = _model("policy.pt2")
	var expected: PackedFloat32Array = model.forward_array([1, 2, 3, 4, 5, 6, 7, 8])
	var values: Array = [
		[[1, 2, 3, 4, 5, 6, 7, 8]],
		PackedVector2Array([Vector2(1, 2), Vector2(3, 4), Vector2(5, 6), Vector2(7, 8)]),
		PackedVector4Array([Vector4(1, 2, 3, 4), Vector4(5, 6, 7, 8)]),
		PackedColorArray([Color(1, 2, 3, 4), Color(5, 6, 7, 8)]),
	]
	for value: Variant in values:
		var kind: String = type_string(typeof(value))
		check_near(model.forward({"input_0": value}).get("output_0", []), expected, 1e-4, kind)
		check_near((await model.forward_async({"input_0": value})).get("output_0", []), expected, 1e-4, kind)
	var number: ExecuTorchResource = _model("number.pte")
	for vector: Variant in [Vector4(1, 2, 3, 4), Vector4i(1, 2, 3, 4), Color(1, 2, 3, 4), Quaternion(1, 2, 3, 4)]:
		check_near(number.forward({"input_0": vector}).values()[0], [2.5], 1e-5, type_string(typeof(vector)))
	var six: PackedVector3Array = [Vector3(1, 2, 3), Vector3(4, 5, 6)]
	var sum: Dictionary = _model("two_inputs.pt2").forward(
		{"left": six, "right": [Vector3(1, 1, 1), Vector3i(1, 1, 1)]}
	)
	check_near(sum.get("sum", []), [2, 3, 4, 5, 6, 7])


func test_every_way_to_call_takes_vectors_and_tensors() -> void:
	var model: ExecuTorchResource = _model("policy.pt2")
	var expected: PackedFloat32Array = model.forward_array(EIGHT)
	var values: Array = [
		PackedVector2Array([Vector2(1, 2), Vector2(3, 4), Vector2(5, 6), Vector2(7, 8)]),
		PackedVector4Array([Vector4(1, 2, 3, 4), Vector4(5, 6, 7, 8)]),
		ExecuTorchTensor.from_packed(EIGHT, [1, 8]),
		{"data": PackedColorArray([Color(1, 2, 3, 4), Color(5, 6, 7, 8)]), "shape": [1, 8]},
	]
	for value: Variant in values:
		var kind: String = type_string(typeof(value))
		check_near(model.forward({"input_0": value}).get("output_0", []), expected, 1e-4, kind)
		check_near(model.execute("forward", {"input_0": value}).get("output_0", []), expected, 1e-4, kind)
		check_near((await model.forward_async({"input_0": value})).get("output_0", []), expected, 1e-4, kind)
		var tensors: Array[ExecuTorchTensor] = model.execute_tensors("forward", [value])
		check_near(tensors[0].data if tensors else [], expected, 1e-4, kind)
		var rows: Array = model.forward_batch([value, value])
		check_equal(rows.size(), 2, kind)
		for row: Variant in rows:
			check_near(row, expected, 1e-4, kind)


func test_every_way_to_call_says_what_to_do_with_a_picture() -> void:
	expect_error("NOT_A_TENSOR")
	var model: ExecuTorchResource = _model("convnet.pt2")
	var image: Image = Image.create_empty(2, 2, false, Image.FORMAT_RGB8)
	var values: Dictionary = {"from_image(image, Vector2i(32, 32))": image, "is null": null}
	for part: String in values:
		check_equal(model.execute_tensors("forward", [values[part]]).size(), 0)
		_check_told(model, part)
		check_equal(model.forward_batch([values[part]]), [])
		_check_told(model, part)


func test_the_remedy_for_a_picture_fits_the_input() -> void:
	var image: Image = Image.create_empty(2, 2, false, Image.FORMAT_RGB8)
	var wanted: Dictionary = {
		"from_image(image, Vector2i(9, 5))": ["float32", [1, 3, 5, 9]],
		'from_image(image, Vector2i(28, 28), "gray")': ["float32", [1, 1, 28, 28]],
		'from_image(image, Vector2i(9, 5), "rgb", [], [], "NHWC")': ["float32", [1, 5, 9, 3]],
		"from_image(image, Vector2i(9, 5)).to_bytes()": ["uint8", [1, 3, 5, 9]],
		'from_image(image, Vector2i(9, 5), "rgba").reshaped([4, 5, 9])': ["float32", [4, 5, 9]],
	}
	for way: String in wanted:
		var input: Dictionary = {"name": "x", "dtype": wanted[way][0], "shape": wanted[way][1]}
		var error: ExecuTorchError = InputErrors.explained(null, {"x": image}, {"inputs": [input]})
		check_equal(error.remedy, "Convert it: ExecuTorchTensor.%s." % way)
		var code: Expression = Expression.new()
		check_equal(code.parse("Tensor." + way, ["Tensor", "image"]), OK, way)
		var made: ExecuTorchTensor = code.execute([ExecuTorchTensor, image]) as ExecuTorchTensor
		check(
			made != null and Array(made.shape) == wanted[way][1] and made.dtype == wanted[way][0],
			"%s: %s" % [way, made]
		)


func _check_told(model: ExecuTorchResource, part: String) -> void:
	check_equal(model.get_last_error().code_name, "NOT_A_TENSOR")
	check(str(model.get_last_error()).contains(part), str(model.get_last_error()))


func _model(file: String) -> ExecuTorchResource:
	return load("res://models/" + file)
