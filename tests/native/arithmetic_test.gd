extends "res://tests/native/programs.gd"
## Images and tensor arithmetic of ExecuTorchModule.

## Image.FORMAT_R16 and FORMAT_R16I of Godot 4.6, with two to four channels after each.
const R16: int = 39
const R16I: int = 43


func test_an_image_becomes_planes() -> void:
	var image: Image = Image.create_empty(2, 1, false, Image.FORMAT_RGB8)
	image.set_pixel(0, 0, Color8(255, 0, 51))
	image.set_pixel(1, 0, Color8(0, 102, 255))
	check_near(new_module().image_to_tensor(image, 0, 0), PackedFloat32Array([1, 0, 0, 0.4, 0.2, 1]), 1e-6)
	check_near(
		new_module().image_to_tensor(image, 2, 1, "bgr", PackedFloat32Array(), PackedFloat32Array(), "NHWC"),
		PackedFloat32Array([0.2, 0, 1, 1, 0.4, 0]),
		1e-6
	)
	var half: PackedFloat32Array = [0.5]
	check_near(new_module().image_to_tensor(image, 0, 0, "rgb", half, half)[0], 1.0, 1e-6)
	check_near(new_module().image_to_tensor(image, 0, 0, "gray")[1], (0.587 * 102 + 0.114 * 255) / 255, 1e-5)


func test_sizes_and_formats() -> void:
	var image: Image = Image.create_empty(8, 8, false, Image.FORMAT_RGBAF)
	image.fill(Color(0.5, 0.25, 1.0))
	var values: PackedFloat32Array = new_module().image_to_tensor(image, 3, 5)
	check_equal(values.size(), 3 * 5 * 3)
	check_near(values[0], 0.5, 0.01)
	check_near(values[15], 0.25, 0.01)
	check_near(values[44], 1.0, 0.01)
	check_equal(image.get_format(), Image.FORMAT_RGBAF)


func test_every_format_keeps_its_values() -> void:
	for format: int in _uncompressed_formats():
		var image: Image = Image.create_empty(2, 2, false, format)
		image.set_pixel(0, 0, Color(0.5, 0.25, 0.75, 0.5))
		image.set_pixel(1, 0, Color(1.0, 0.0, 0.125, 1.0))
		image.set_pixel(0, 1, Color(2.5, -1.0, 1000.0, 0.0))
		var values: PackedFloat32Array = new_module().image_to_tensor(
			image, 0, 0, "rgba", PackedFloat32Array(), PackedFloat32Array(), "NHWC"
		)
		for index: int in 4:
			var pixel: Color = image.get_pixel(index % 2, floori(index / 2.0))
			var expected: PackedFloat32Array = [pixel.r, pixel.g, pixel.b, pixel.a]
			check_near(values.slice(4 * index, 4 * index + 4), expected, 1e-6)


## Those of 16 bits are in Godot 4.6 and newer.
func _uncompressed_formats() -> Array:
	var formats: Array = range(Image.FORMAT_L8, Image.FORMAT_DXT1)
	return formats + range(R16, R16I + 4) if Image.FORMAT_MAX > R16I else formats


func test_one_channel_is_that_channel() -> void:
	var formats: Array[int] = [Image.FORMAT_L8, Image.FORMAT_R8, Image.FORMAT_RF, Image.FORMAT_RH]
	if Image.FORMAT_MAX > R16I:
		formats.append_array([R16, R16I])
	for format: int in formats:
		var image: Image = Image.create_empty(3, 2, false, format)
		image.fill(Color(0.5, 0.5, 0.5))
		check_near(new_module().image_to_tensor(image, 0, 0, "gray")[4], image.get_pixel(1, 1).r, 1e-6)
	var heights: Image = Image.create_empty(1, 1, false, Image.FORMAT_RF)
	heights.fill(Color(2.5, 0, 0))
	check_equal(new_module().image_to_tensor(heights, 0, 0, "gray"), PackedFloat32Array([2.5]))


func test_shrinking_averages() -> void:
	var image: Image = Image.create_empty(4, 4, false, Image.FORMAT_L8)
	for y: int in 4:
		for x: int in 4:
			image.set_pixel(x, y, Color.WHITE if (x + y) % 2 == 0 else Color.BLACK)
	check_near(new_module().image_to_tensor(image, 1, 1, "gray"), PackedFloat32Array([0.5]), 1e-5)


func test_wrong_arguments_are_told() -> void:
	var image: Image = Image.create_empty(2, 2, false, Image.FORMAT_RGB8)
	expect_error("expects an Image")
	check_equal(new_module().image_to_tensor(null, 1, 1), PackedFloat32Array())
	expect_error("channels: expected")
	check_equal(new_module().image_to_tensor(image, 1, 1, "cmyk"), PackedFloat32Array())
	expect_error("mean: expected")
	check_equal(new_module().image_to_tensor(image, 1, 1, "rgb", PackedFloat32Array([1, 2])), PackedFloat32Array())
	expect_error("deviation: expected")
	check_equal(
		new_module().image_to_tensor(image, 1, 1, "rgb", PackedFloat32Array(), PackedFloat32Array([0])),
		PackedFloat32Array()
	)


func test_argmax_softmax_topk() -> void:
	var values: PackedFloat32Array = [1, 3, 2, 5, 5, 4]
	check_equal(new_module().argmax(values), PackedInt64Array([3]))
	check_equal(new_module().argmax(values, 3), PackedInt64Array([1, 0]))
	check_equal(new_module().argmax(PackedFloat32Array()), PackedInt64Array())
	check_equal(new_module().topk(values, 3), PackedInt64Array([3, 4, 5]))
	check_equal(new_module().topk(values, 100).size(), 6)
	var shares: PackedFloat32Array = new_module().softmax(PackedFloat32Array([0, 0, 1000, -1000]), 2)
	check_near(shares, PackedFloat32Array([0.5, 0.5, 1, 0]), 1e-6)


func test_channel_orders() -> void:
	var planes: PackedFloat32Array = [1, 2, 3, 4, 5, 6]
	var pixels: PackedFloat32Array = new_module().to_channels_last(planes, 2)
	check_equal(pixels, PackedFloat32Array([1, 4, 2, 5, 3, 6]))
	check_equal(new_module().to_channels_first(pixels, 2), planes)
	expect_error("cannot be divided")
	check_equal(new_module().to_channels_last(planes, 4), PackedFloat32Array())
