extends "res://tests/case.gd"
## ExecuTorchImageTransformer with each range of values, with pictures and models that fit and do not. test_pictures.py
## compares it with torch.

const Pictures := preload("res://tests/game_tasks/pictures.gd")
const SIZE: Vector2i = Vector2i(96, 64)


func test_every_range_gives_the_same_picture() -> void:
	var painter: ExecuTorchImageTransformer = _painter()
	var image: Image = Pictures.make(SIZE)
	var texture: ImageTexture = painter.transform(image)
	check_equal(Vector2i(texture.get_size()), SIZE * 2)
	check_equal(texture.get_format(), Image.FORMAT_RGB8)
	var wanted: PackedByteArray = texture.get_image().get_data()
	for output: Dictionary in [
		{"name": "signed", "range": "-1..1"}, {"name": "bytes", "range": "0..255"}, {"name": "last", "layout": "NHWC"}
	]:
		_use(painter, output)
		var got: PackedByteArray = painter.transform(image).get_image().get_data()
		var furthest: int = 0
		for index: int in wanted.size():
			furthest = maxi(furthest, absi(got[index] - wanted[index]))
		check(got.size() == wanted.size() and furthest <= 1, "%s is off by %d" % [output, furthest])
	_use(painter, {"name": "unit", "channels": "bgr"})
	var swapped: Image = painter.transform(image).get_image()
	check_equal(swapped.get_pixel(9, 9).b8, wanted[(9 * 192 + 9) * 3])
	_use(painter, {"name": "gray"})
	check_equal(painter.transform(image).get_format(), Image.FORMAT_L8)
	check_equal(painter.transform(image).get_image().get_pixel(9, 9).r8, wanted[(9 * 192 + 9) * 3])
	painter.free()


# test_pictures.py has a display, where the texture stays the same.
func test_each_picture_is_shown() -> void:
	var painter: ExecuTorchImageTransformer = _painter()
	var heard: Array[ImageTexture] = []
	painter.transformed.connect(func(texture: ImageTexture) -> void: heard.append(texture))
	var first: ImageTexture = painter.transform(Pictures.make(SIZE))
	var before: PackedByteArray = first.get_image().get_data()
	var second: ImageTexture = await painter.transform_async(Image.create_empty(96, 64, false, Image.FORMAT_RGB8))
	check(second.get_image().get_data() != before, "another picture")
	check_equal(heard, [first, second] as Array[ImageTexture])
	painter.free()


func test_borders_are_cut_off() -> void:
	var painter: ExecuTorchImageTransformer = _painter()
	_use(painter, {"name": "unit"}, {"resize": "contain"})
	check_equal(Vector2i(painter.transform(Pictures.make(Vector2i(200, 200))).get_size()), Vector2i(128, 128))
	check_equal(Vector2i(painter.transform(Pictures.make(Vector2i(300, 100))).get_size()), Vector2i(192, 64))
	check_equal(Vector2i(painter.transform(Pictures.make(Vector2i(5000, 1))).get_size()), Vector2i(192, 2))
	painter.free()


func test_inputs_of_several_sizes() -> void:
	var painter: ExecuTorchImageTransformer = _painter()
	for size: Vector2i in [Vector2i(8, 8), Vector2i(96, 64), Vector2i(128, 32), Vector2i(128, 128), Vector2i(97, 65)]:
		_use(painter, {"name": "unit"}, {"size": [size.x, size.y]})
		var texture: ImageTexture = painter.transform(Pictures.make(Vector2i(50, 50)))
		check_equal(Vector2i(texture.get_size()) if texture != null else size, size * 2, str(size))
	painter.free()


func test_pictures_of_every_kind() -> void:
	expect_error("NOT_A_PICTURE")
	var painter: ExecuTorchImageTransformer = _painter()
	for format: Image.Format in [Image.FORMAT_L8, Image.FORMAT_RGBAF, Image.FORMAT_RGBE9995]:
		check(painter.transform(Pictures.make(Vector2i(30, 70), format)) != null, "format %d" % format)
	var compressed: Image = Pictures.make(SIZE)
	check_equal(compressed.compress(Image.COMPRESS_S3TC), OK)
	check(painter.transform(compressed) != null, "a compressed picture")
	var bright: Image = Image.create_empty(96, 64, false, Image.FORMAT_RGBAF)
	bright.fill(Color(INF, NAN, -INF))
	check(painter.transform(bright) != null, "values that are not finite")
	for nothing: Object in [null, Image.new(), ImageTexture.new()]:
		check_equal(painter.transform(nothing), null)
		check_equal(await painter.transform_async(nothing), null)
	painter.free()


func test_models_that_do_not_fit() -> void:
	expect_error("WRONG_TASK")
	var painter: ExecuTorchImageTransformer = _painter()
	var image: Image = Pictures.make(SIZE)
	for wrong: Dictionary in [
		{"name": "unit", "channels": "gray"},
		{"name": "unit", "channels": "violet"},
		{"name": "unit", "range": "dreams"},
		{"name": "unit", "layout": "NHWC"},
		{"name": "nothing"},
	]:
		_use(painter, wrong)
		check_equal(painter.transform(image), null, str(wrong))
		check_equal(painter._get_configuration_warnings().size(), 1, str(wrong))
	painter.model = Pictures.with_card("convnet.pt2", {"kind": "image_transformation"})
	check_equal(painter.transform(image), null)
	painter.model = Pictures.with_card("painter.pt2", {"kind": "image_segmentation"})
	check_equal(painter.transform(image), null)
	check(painter.get_last_error().cause.contains('"image_transformation"'), str(painter.get_last_error()))
	painter.free()


func test_a_node_that_is_freed_in_the_middle() -> void:
	var painter: ExecuTorchImageTransformer = _painter()
	var answers: Array = []
	var ask: Callable = func(node: ExecuTorchImageTransformer) -> void:
		answers.append(await node.transform_async(Pictures.make(SIZE)))
	for number: int in 5:
		ask.call(painter)
	painter.free()
	await wait_until(func() -> bool: return answers.size() == 5, 20.0, "every call ends")
	check_equal(answers, [null, null, null, null, null])


func _painter() -> ExecuTorchImageTransformer:
	var painter: ExecuTorchImageTransformer = ExecuTorchImageTransformer.new()
	add_child(painter)
	_use(painter, {"name": "unit"})
	return painter


func _use(painter: ExecuTorchImageTransformer, output: Dictionary, input: Dictionary = {}) -> void:
	var all: Dictionary = {"size": [96, 64]}
	all.merge(input, true)
	var card: Dictionary = {"kind": "image_transformation", "input": all, "output": output}
	painter.model = Pictures.with_card("painter.pt2", card)
