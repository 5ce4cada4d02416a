extends "res://tests/case.gd"
## Every dtype through a program, in and out, with what it can hold and what it cannot.

## Four values that come back as they went in.
const GOOD: Dictionary[String, Array] = {
	"float32": [0.0, 1.5, -2.25, 3.0e38],
	"float64": [0.1, -1.0e300, 1.0e-300, 2.0],
	"float16": [0.5, -65504.0, 0.25, 2.0],
	"bfloat16": [1.0, -3.140625, 256.0, 0.5],
	"int8": [-128, 127, 0, 1],
	"int16": [-32768, 32767, 0, 1],
	"int32": [-2147483648, 2147483647, 0, 1],
	"int64": [-9223372036854775808, 9223372036854775807, 0, 1],
	"uint8": [255, 0, 1, 2],
	"uint16": [65535, 0, 1, 2],
	"uint32": [4294967295, 0, 1, 2],
	"bool": [0, 1, 1, 0],
}
## Numbers that are refused: out of range or no integers.
const BAD: Dictionary[String, Array] = {
	"int8": [128, -129, 1.5, INF],
	"int16": [32768, -32769, 1.5, NAN],
	"int32": [2147483648, -2147483649, 0.5, 1.0e300],
	"int64": [1.5, 9.3e18, -INF, NAN],
	"uint8": [256, -1, 0.5, INF],
	"uint16": [65536, -1, 0.5, NAN],
	"uint32": [4294967296, -1, 0.5, 1.0e300],
}
## What the values come as.
const PACKED: Dictionary[String, int] = {
	"float32": TYPE_PACKED_FLOAT32_ARRAY,
	"float64": TYPE_PACKED_FLOAT64_ARRAY,
	"float16": TYPE_PACKED_FLOAT32_ARRAY,
	"bfloat16": TYPE_PACKED_FLOAT32_ARRAY,
	"int8": TYPE_PACKED_INT32_ARRAY,
	"int16": TYPE_PACKED_INT32_ARRAY,
	"int32": TYPE_PACKED_INT32_ARRAY,
	"int64": TYPE_PACKED_INT64_ARRAY,
	"uint8": TYPE_PACKED_BYTE_ARRAY,
	"uint16": TYPE_PACKED_INT32_ARRAY,
	"uint32": TYPE_PACKED_INT64_ARRAY,
	"bool": TYPE_PACKED_BYTE_ARRAY,
}

var _dtypes: ExecuTorchResource


func test_every_dtype_but_uint64_is_here() -> void:
	var known: Array = Array(ExecuTorchTensor.DTYPES)
	known.erase("uint64")
	known.sort()
	var tested: Array = GOOD.keys()
	tested.sort()
	check_equal(tested.map(str), known.map(str))


func test_arrays_of_numbers_come_back() -> void:
	for dtype: String in GOOD:
		var output: Variant = _run(dtype, GOOD[dtype])
		check_equal(typeof(output), PACKED[dtype], dtype)
		_check_same(output, GOOD[dtype], dtype)


func test_packed_arrays_come_back() -> void:
	for dtype: String in GOOD:
		var values: Variant = type_convert(GOOD[dtype], PACKED[dtype])
		check_equal(_run(dtype, values), values, dtype)


func test_tensors_come_back_with_dtype_and_shape() -> void:
	for dtype: String in GOOD:
		var tensor: ExecuTorchTensor = ExecuTorchTensor.from_array(GOOD[dtype], dtype)
		check_equal(tensor.dtype, dtype)
		var outputs: Array[ExecuTorchTensor] = _model().execute_tensors("same_" + dtype, [tensor])
		check_equal(outputs.size(), 1, dtype)
		check_equal(outputs[0].dtype, dtype)
		check_equal(outputs[0].shape, PackedInt64Array([4]), dtype)
		check_equal(outputs[0].data, tensor.data, dtype)
		check_equal(_run(dtype, tensor), tensor.data, dtype)


func test_bytes_come_back_for_dtypes_of_more_than_one_byte() -> void:
	var bytes: Dictionary[String, PackedByteArray] = {
		"float32": PackedFloat32Array([1.5, -2.0, 0.0, 4.0]).to_byte_array(),
		"float64": PackedFloat64Array([1.5, -2.0, 0.0, 4.0]).to_byte_array(),
		# 1, -2, 0, 0.5
		"float16": PackedByteArray([0x00, 0x3C, 0x00, 0xC0, 0, 0, 0x00, 0x38]),
		"bfloat16": PackedByteArray([0x80, 0x3F, 0x00, 0xC0, 0, 0, 0x00, 0x3F]),
		"int16": PackedByteArray([1, 0, 0xFE, 0xFF, 0, 0, 3, 0]),
		"int32": PackedInt32Array([1, -2, 0, 3]).to_byte_array(),
		"int64": PackedInt64Array([1, -2, 0, 3]).to_byte_array(),
		"uint16": PackedByteArray([1, 0, 0xFE, 0xFF, 0, 0, 3, 0]),
		"uint32": PackedByteArray([1, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 3, 0, 0, 0]),
	}
	var expected: Dictionary[String, Array] = {
		"float32": [1.5, -2.0, 0.0, 4.0],
		"float64": [1.5, -2.0, 0.0, 4.0],
		"float16": [1.0, -2.0, 0.0, 0.5],
		"bfloat16": [1.0, -2.0, 0.0, 0.5],
		"int16": [1, -2, 0, 3],
		"int32": [1, -2, 0, 3],
		"int64": [1, -2, 0, 3],
		"uint16": [1, 65534, 0, 3],
		"uint32": [1, 4294967294, 0, 3],
	}
	for dtype: String in bytes:
		_check_same(_run(dtype, {"data": bytes[dtype], "shape": [4], "dtype": dtype}), expected[dtype], dtype)


func test_numbers_that_the_dtype_cannot_hold_are_refused() -> void:
	expect_error("VALUE_OUT_OF_RANGE")
	for dtype: String in BAD:
		for bad: Variant in BAD[dtype]:
			check_equal(_run(dtype, [0, bad, 0, 0]), null, "%s of %s" % [bad, dtype])
			check_equal(_model().get_last_error().code_name, "VALUE_OUT_OF_RANGE", "%s of %s" % [bad, dtype])
			check(_model().get_last_error().cause.contains("index 1"), _model().get_last_error().cause)
		# A good call after a bad one.
		_check_same(_run(dtype, GOOD[dtype]), GOOD[dtype], dtype)


## JSON makes floats of all numbers.
func test_whole_floats_in_a_dictionary_are_integers_as_those_in_an_array_are() -> void:
	for dtype: String in ["int32", "int64", "uint8"]:
		var output: Variant = _run(dtype, {"data": [1.0, 2.0, 3.0, 4.0], "shape": [4.0]})
		_check_same(output if output != null else [], [1, 2, 3, 4], dtype)


func test_packed_floats_are_no_integers() -> void:
	expect_error("WRONG_DTYPE")
	for dtype: String in BAD:
		check_equal(_run(dtype, PackedFloat32Array([1, 2, 3, 4])), null, dtype)
		check_equal(_model().get_last_error().code_name, "WRONG_DTYPE", dtype)


func test_a_tensor_of_another_dtype_is_refused() -> void:
	expect_error("WRONG_DTYPE")
	for dtype: String in GOOD:
		var other: String = "int16" if dtype == "float32" else "float32"
		check_equal(_run(dtype, ExecuTorchTensor.from_array([1, 0, 1, 0], other)), null, dtype)
		check(_model().get_last_error().cause.contains("got " + other), _model().get_last_error().cause)


## As in PyTorch: floats that are too large for a smaller float become infinite, and every number but 0 is true.
func test_conversions_between_floats_and_to_bool() -> void:
	check_equal(_run("float16", [1.0e6, -1.0e6, 1.0e-9, 1.0]), PackedFloat32Array([INF, -INF, 0.0, 1.0]))
	check_equal(_run("float32", [1.0e300, -1.0e300, 0.0, 1.0]), PackedFloat32Array([INF, -INF, 0.0, 1.0]))
	check_equal(_run("bool", [2, -1, 0, 1]), PackedByteArray([1, 1, 0, 1]))
	check_near(_run("bfloat16", [3.14159, 0.0, 0.0, 0.0]), [3.140625, 0.0, 0.0, 0.0], 1e-6)
	var not_numbers: PackedFloat32Array = _run("float16", [NAN, 0.0, 0.0, 0.0])
	check(is_nan(not_numbers[0]), "NaN stays NaN")


func test_the_metadata_names_every_dtype() -> void:
	for dtype: String in GOOD:
		var meta: Dictionary = _model().get_method_meta("same_" + dtype)
		check_equal((meta["inputs"] as Array)[0]["dtype"], dtype)
		check_equal((meta["outputs"] as Array)[0]["dtype"], dtype)


## The output, or null when the call failed.
func _run(dtype: String, value: Variant) -> Variant:
	var outputs: Dictionary = _model().execute("same_" + dtype, {"input_0": value})
	return outputs.get("output_0")


func _check_same(output: Variant, values: Array, message: String) -> void:
	check_equal(output, type_convert(values, typeof(output)), message)


## Kept, because the error of a call is the instance's.
func _model() -> ExecuTorchResource:
	if _dtypes == null:
		_dtypes = load("res://models/dtypes.pte")
	return _dtypes
