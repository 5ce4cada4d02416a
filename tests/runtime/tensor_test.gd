extends "res://tests/case.gd"
## ExecuTorchTensor.


func test_from_packed() -> void:
	var tensor: ExecuTorchTensor = ExecuTorchTensor.from_packed(PackedFloat32Array([1, 2, 3, 4, 5, 6]), [2, 3])
	check_equal(tensor.dtype, "float32")
	check_equal(tensor.get_element_count(), 6)
	check_equal(tensor.to_array(), [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
	check_equal(ExecuTorchTensor.from_packed(PackedInt64Array([1, 2])).dtype, "int64")
	check_equal(ExecuTorchTensor.from_packed(PackedInt32Array([1])).dtype, "int32")
	check_equal(ExecuTorchTensor.from_packed(PackedByteArray([1])).dtype, "uint8")
	check_equal(ExecuTorchTensor.from_packed(PackedFloat64Array([1])).dtype, "float64")
	check_equal(ExecuTorchTensor.from_packed(PackedByteArray([1]), [1], "bool").dtype, "bool")
	check_equal(str(tensor), "float32[2, 3]")


func test_from_array_of_every_dtype() -> void:
	for dtype: String in ExecuTorchTensor.DTYPES:
		var tensor: ExecuTorchTensor = ExecuTorchTensor.from_array([[1, 0], [1, 1]], dtype)
		check_equal(tensor.dtype, dtype)
		check_equal(tensor.shape, PackedInt64Array([2, 2]))
		check_near(tensor.to_floats(), [1, 0, 1, 1])


func test_refusals() -> void:
	expect_error("NOT_A_TENSOR")
	check_equal(ExecuTorchTensor.from_array([[1, 2], [3]]), null)
	check_equal(ExecuTorchTensor.from_array(["text"]), null)
	check_equal(ExecuTorchTensor.from_packed(PackedFloat32Array([1, 2]), [3]), null)
	check_equal(ExecuTorchTensor.from_packed(PackedFloat32Array([1]), [1], "float8"), null)
	check_equal(ExecuTorchTensor.from_packed([1, 2]), null)
	check_equal(ExecuTorchTensor.from_packed(PackedFloat32Array([1, 2]), [-1, -2]), null)
	check_equal(ExecuTorchTensor.from_dictionary({"shape": 3}), null)
	check_equal(ExecuTorchTensor.from_image(null), null)


func test_numbers_that_the_dtype_cannot_hold_are_refused() -> void:
	expect_error("NOT_A_TENSOR")
	for case: Array in [
		["uint8", 256], ["uint8", -1], ["bool", 0.5], ["int32", 1 << 40], ["int64", 1.5], ["int8", NAN]
	]:
		check_equal(ExecuTorchTensor.from_array([case[1]], str(case[0])), null, str(case))
	check_equal(ExecuTorchTensor.from_array([255, 1.0, true], "uint8").data, PackedByteArray([255, 1, 1]))


func test_arithmetic() -> void:
	var tensor: ExecuTorchTensor = ExecuTorchTensor.from_array([[1.0, 3.0, 2.0], [0.0, 0.0, 0.0]])
	check_equal(tensor.argmax(), 1)
	var rows: Array = tensor.softmax().to_array()
	check_near(rows[0], [0.09003057, 0.66524096, 0.24472847])
	check_near(rows[1], [1.0 / 3, 1.0 / 3, 1.0 / 3])
	check_equal(tensor.topk(2).map(func(entry: Dictionary) -> int: return entry["index"]), [1, 2])
	check_equal(tensor.reshaped([3, -1]).shape, PackedInt64Array([3, 2]))


func test_audio() -> void:
	var frames: PackedVector2Array = [Vector2(0.5, 0.5), Vector2(1.0, 0.0)]
	check_near(ExecuTorchTensor.from_audio(frames).to_floats(), [0.5, 0.5])
	var stereo: ExecuTorchTensor = ExecuTorchTensor.from_audio(frames, false)
	check_equal(stereo.shape, PackedInt64Array([2, 2]))
	check_near(stereo.to_floats(), [0.5, 1.0, 0.5, 0.0])


func test_image() -> void:
	var image: Image = Image.create_empty(2, 1, false, Image.FORMAT_RGB8)
	image.set_pixel(0, 0, Color(1.0, 0.0, 0.0))
	image.set_pixel(1, 0, Color(0.0, 0.0, 1.0))
	var planes: ExecuTorchTensor = ExecuTorchTensor.from_image(image)
	check_equal(planes.shape, PackedInt64Array([1, 3, 1, 2]))
	check_near(planes.to_floats(), [1, 0, 0, 0, 0, 1])
	var pixels: ExecuTorchTensor = ExecuTorchTensor.from_image(image, Vector2i.ZERO, "bgr", [0.5], [0.5], "NHWC")
	check_equal(pixels.shape, PackedInt64Array([1, 1, 2, 3]))
	check_near(pixels.to_floats(), [-1, -1, 1, 1, -1, -1])
	var other: ExecuTorchTensor = ExecuTorchTensor.from_image(image, Vector2i.ZERO, "BGR", [0.5], [0.5], "nhwc")
	check_equal(other.shape, pixels.shape)
	check_equal(other.to_image("bgr", [0.5], [0.5], "nhwc").get_data(), image.get_data())
	check_equal(ExecuTorchTensor.from_image(image, Vector2i.ZERO, "GRAY").shape, PackedInt64Array([1, 1, 1, 2]))
	check_equal(ExecuTorchTensor.from_image(image, Vector2i(4, 4), "gray").shape, PackedInt64Array([1, 1, 4, 4]))


func test_bytes_of_a_picture() -> void:
	var image: Image = Image.create_empty(3, 2, false, Image.FORMAT_RGB8)
	for index: int in 6:
		image.set_pixel(index % 3, floori(index / 3.0), Color8(index * 50, 255 - index, index))
	var planes: ExecuTorchTensor = ExecuTorchTensor.from_image(image).to_bytes()
	check_equal(str(planes), "uint8[1, 3, 2, 3]")
	check_equal((planes.data as PackedByteArray).slice(0, 6), PackedByteArray([0, 50, 100, 150, 200, 250]))
	check_equal((planes.data as PackedByteArray).slice(12), PackedByteArray([0, 1, 2, 3, 4, 5]))
	var pixels: ExecuTorchTensor = ExecuTorchTensor.from_image(image, Vector2i.ZERO, "rgb", [], [], "NHWC").to_bytes()
	check_equal(pixels.data, image.get_data())
	check_equal(ExecuTorchTensor.from_array([-1.0, 0.5, 2.0]).to_bytes().data, PackedByteArray([0, 128, 255]))
