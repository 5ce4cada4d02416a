extends "res://tests/case.gd"
## ExecuTorchImageSegmenter with each form of output, with pictures and models that fit and do not. test_pictures.py
## compares it with torch.

const Pictures := preload("res://tests/game_tasks/pictures.gd")
const LABELS: Array = ["sky", "water", "sand", "grass"]
const SIZE: Vector2i = Vector2i(96, 64)


func test_every_form_of_output_gives_the_same_classes() -> void:
	var segmenter: ExecuTorchImageSegmenter = _segmenter()
	var image: Image = Pictures.make(SIZE)
	var wanted: ExecuTorchSegmentation = segmenter.segment(image)
	check_equal(wanted.class_ids.get_size(), Vector2i(48, 32))
	check_equal(wanted.region, Rect2(0, 0, 96, 64))
	check_equal(wanted.labels, PackedStringArray(LABELS))
	check_near(Array(wanted.shares).reduce(func(sum: float, value: float) -> float: return sum + value), 1.0)
	var counts: Array = [0, 0, 0, 0]
	for id: int in wanted.class_ids.get_data():
		counts[id] += 1
	check(counts[0] > 0 and counts[1] > 0, "several classes: %s" % [counts])
	for index: int in 4:
		check_near(wanted.shares[index], counts[index] / 1536.0)
	check_near(wanted.get_share("water"), wanted.shares[1])
	check_equal(wanted.get_share("lava"), 0.0)
	check(str(wanted).contains("sky "), str(wanted))
	_use(segmenter, {"name": "last", "layout": "NHWC", "labels": LABELS})
	check_equal(segmenter.segment(image).class_ids.get_data(), wanted.class_ids.get_data())
	_use(segmenter, {"name": "classes", "labels": LABELS})
	check_equal(segmenter.segment(image).class_ids.get_data(), wanted.class_ids.get_data())
	_use(segmenter, {"name": "classes", "labels": ["sky"]})
	check_equal(segmenter.segment(image).labels.slice(0, 2), PackedStringArray(["sky", "1"]))
	_use(segmenter, {"name": "scores"})
	check_equal(segmenter.segment(image).labels, PackedStringArray(["0", "1", "2", "3"]))
	segmenter.labels = ["a", "b", "c", "d"]
	check_equal(segmenter.segment(image).labels[3], "d")
	segmenter.free()


func test_one_class_has_a_threshold() -> void:
	var segmenter: ExecuTorchImageSegmenter = _segmenter()
	var image: Image = Pictures.make(SIZE)
	var names: Array = ["nothing", "person"]
	_use(segmenter, {"name": "one", "activation": "sigmoid", "labels": names})
	var result: ExecuTorchSegmentation = segmenter.segment(image)
	check_equal(result.labels, PackedStringArray(names))
	check(result.get_share("person") > 0.05 and result.get_share("person") < 0.95, str(result))
	_use(segmenter, {"name": "one", "threshold": 0.0, "labels": names})
	check_equal(segmenter.segment(image).class_ids.get_data(), result.class_ids.get_data())
	for limit: Array in [[0.0, 1.0], [1.0, 0.0]]:
		_use(segmenter, {"name": "one", "activation": "sigmoid", "threshold": limit[0]})
		check_near(segmenter.segment(image).shares[1], limit[1])
	segmenter.free()


func test_the_mask_has_colours() -> void:
	var segmenter: ExecuTorchImageSegmenter = _segmenter()
	segmenter.colors = [Color.RED, Color.GREEN]
	var first: ExecuTorchSegmentation = segmenter.segment(Pictures.make(SIZE))
	var pixels: Image = first.mask.get_image()
	check_equal(pixels.get_size(), Vector2i(48, 32))
	var wrong: int = 0
	for y: int in 32:
		for x: int in 48:
			var id: int = first.class_ids.get_pixel(x, y).r8
			var colour: Color = segmenter.colors[id] if id < 2 else Color.TRANSPARENT
			wrong += int(pixels.get_pixel(x, y) != colour)
	check_equal(wrong, 0)
	segmenter.colors = []
	var black: Image = Image.create_empty(96, 64, false, Image.FORMAT_RGB8)
	var second: ExecuTorchSegmentation = segmenter.segment(black)
	check(second.mask.get_image().get_data() != pixels.get_data(), "updated")
	var shown: Color = second.mask.get_image().get_pixel(20, 20)
	var id: int = second.class_ids.get_pixel(20, 20).r8
	check_equal(shown.a8, 0 if id == 0 else 153)
	segmenter.free()


func test_places_of_the_picture() -> void:
	var segmenter: ExecuTorchImageSegmenter = _segmenter()
	var result: ExecuTorchSegmentation = segmenter.segment(Pictures.make(Vector2i(960, 640)))
	check_equal(result.region, Rect2(0, 0, 960, 640))
	check_equal(result.get_class_at(Vector2(205, 105)), result.class_ids.get_pixel(10, 5).r8)
	check_equal(result.get_class_at(Vector2(959.9, 639.9)), result.class_ids.get_pixel(47, 31).r8)
	for outside: Vector2 in [Vector2(-1, 5), Vector2(5, 641), Vector2(NAN, 5)]:
		check_equal(result.get_class_at(outside), -1)
	_use(segmenter, {"name": "scores", "labels": LABELS}, {"resize": "contain"})
	result = segmenter.segment(Pictures.make(Vector2i(640, 640)))
	check_equal(result.class_ids.get_size(), Vector2i(32, 32))
	check_equal(result.region, Rect2(0, 0, 640, 640))
	_use(segmenter, {"name": "scores", "labels": LABELS}, {"resize": "cover"})
	result = segmenter.segment(Pictures.make(Vector2i(2000, 640)))
	check_equal(result.class_ids.get_size(), Vector2i(48, 32))
	check_equal(result.region, Rect2(520, 0, 960, 640))
	segmenter.free()


func test_pictures_of_every_kind() -> void:
	var segmenter: ExecuTorchImageSegmenter = _segmenter()
	var heard: Array[ExecuTorchSegmentation] = []
	segmenter.segmented.connect(func(result: ExecuTorchSegmentation) -> void: heard.append(result))
	var image: Image = Pictures.make(SIZE)
	var wanted: PackedByteArray = segmenter.segment(image).class_ids.get_data()
	check_equal((await segmenter.segment_async(image)).class_ids.get_data(), wanted)
	check_equal(segmenter.segment(ImageTexture.create_from_image(image)).class_ids.get_data(), wanted)
	check_equal(heard.size(), 3)
	for format: Image.Format in [Image.FORMAT_L8, Image.FORMAT_RGBAH, Image.FORMAT_RGBE9995]:
		check(segmenter.segment(Pictures.make(Vector2i(30, 70), format)) != null, "format %d" % format)
	var compressed: Image = Pictures.make(SIZE)
	check_equal(compressed.compress(Image.COMPRESS_S3TC), OK)
	check(segmenter.segment(compressed) != null, "a compressed picture")
	var bright: Image = Image.create_empty(96, 64, false, Image.FORMAT_RGBAF)
	bright.fill(Color(INF, NAN, -INF))
	var result: ExecuTorchSegmentation = segmenter.segment(bright)
	check_near(Array(result.shares).reduce(func(sum: float, value: float) -> float: return sum + value), 1.0)
	expect_error("NOT_A_PICTURE")
	for nothing: Object in [null, Image.new(), ImageTexture.new()]:
		check_equal(segmenter.segment(nothing), null)
		check_equal(await segmenter.segment_async(nothing), null)
	segmenter.free()


func test_models_that_do_not_fit() -> void:
	expect_error("WRONG_TASK")
	var segmenter: ExecuTorchImageSegmenter = _segmenter()
	var image: Image = Pictures.make(SIZE)
	for wrong: Dictionary in [
		{"name": "scores", "labels": ["a", "b"]},
		{"name": "one", "labels": ["person"]},
		{"name": "scores", "layout": "NHWC", "labels": LABELS},
		{"name": "nothing"},
	]:
		_use(segmenter, wrong)
		check_equal(segmenter.segment(image), null, str(wrong))
		check_equal(segmenter.get_last_error().code_name, "WRONG_TASK")
		check_equal(segmenter._get_configuration_warnings().size(), 1, str(wrong))
	segmenter.model = Pictures.with_card("convnet.pt2", {"kind": "image_segmentation"})
	check_equal(segmenter.segment(image), null)
	check(segmenter.get_last_error().cause.contains("shape [1, 10]"), str(segmenter.get_last_error()))
	segmenter.model = Pictures.with_card("segmenter.pt2", {"kind": "object_detection"})
	check_equal(segmenter.segment(image), null)
	check(segmenter.get_last_error().cause.contains('"image_segmentation"'), str(segmenter.get_last_error()))
	segmenter.free()


func test_cards_of_a_resource_from_somebody_else() -> void:
	expect_error("")
	var segmenter: ExecuTorchImageSegmenter = _segmenter()
	for strange: Dictionary in [
		{"name": 7, "layout": "dreams"}, {"threshold": NAN, "name": "one"}, {"activation": 1, "labels": {"a": 1}}
	]:
		_use(segmenter, strange)
		segmenter.segment(Pictures.make(SIZE))
	# Output shapes that are not those of the program.
	for shape: Array in [[1, 4, 1 << 40, 1 << 40], [1, 0, 0, 0], [1, 4, -32, -48], [1, 200, 32, 48], [1, 3, 32, 48]]:
		_use(segmenter, {})
		var metadata: Dictionary = segmenter.model.metadata.duplicate(true)
		metadata["methods"][0]["outputs"][0]["shape"] = shape
		metadata["methods"][0]["outputs"][0].erase("ranges")
		segmenter.model.metadata = metadata
		check_equal(segmenter.segment(Pictures.make(SIZE)), null, str(shape))
	segmenter.free()


func test_a_node_that_is_freed_in_the_middle() -> void:
	var segmenter: ExecuTorchImageSegmenter = _segmenter()
	var answers: Array = []
	var ask: Callable = func(node: ExecuTorchImageSegmenter) -> void:
		answers.append(await node.segment_async(Pictures.make(SIZE)))
	for number: int in 5:
		ask.call(segmenter)
	segmenter.free()
	await wait_until(func() -> bool: return answers.size() == 5, 20.0, "every call ends")
	check_equal(answers, [null, null, null, null, null])


func _segmenter() -> ExecuTorchImageSegmenter:
	var segmenter: ExecuTorchImageSegmenter = ExecuTorchImageSegmenter.new()
	add_child(segmenter)
	_use(segmenter, {"name": "scores", "labels": LABELS})
	return segmenter


func _use(segmenter: ExecuTorchImageSegmenter, output: Dictionary, input: Dictionary = {}) -> void:
	var card: Dictionary = {"kind": "image_segmentation", "input": input, "output": output}
	segmenter.model = Pictures.with_card("segmenter.pt2", card)
