extends "res://tests/case.gd"
## ExecuTorchObjectDetector with each form of head, with pictures and models that fit and do not. test_pictures.py
## compares it with torch.

const Pictures := preload("res://tests/game_tasks/pictures.gd")
const LABELS: Array = ["a", "b", "c"]
const HEAD: Dictionary = {"layout": "yolo_v8", "boxes": "head", "labels": LABELS, "score_threshold": 0.5}
const SIZE: Vector2i = Vector2i(96, 64)


func test_every_form_of_head_gives_the_same_objects() -> void:
	var detector: ExecuTorchObjectDetector = _detector()
	var image: Image = Pictures.make(SIZE)
	var wanted: Array[ExecuTorchDetection] = detector.detect(image)
	check(wanted.size() > 3, "found %d" % wanted.size())
	for position: int in wanted.size() - 1:
		check(wanted[position].score >= wanted[position + 1].score, "the best first")
	check_equal(wanted[0].label, LABELS[wanted[0].index])
	check(str(wanted[0]).begins_with(wanted[0].label + " ("), str(wanted[0]))
	_use(detector, {"layout": "yolo_v10", "boxes": "best"})
	_check_same(detector.detect(image), wanted)
	_use(detector, {"layout": "yolo_v8", "boxes": "pose", "landmark_count": 2})
	var pose: Array[ExecuTorchDetection] = detector.detect(image)
	_check_same(pose, wanted)
	_use(
		detector,
		{
			"layout": "separate",
			"boxes": "boxes",
			"scores": "logits",
			"landmarks": "landmarks",
			"activation": "sigmoid",
			"background": "first",
			"scale": "normalized"
		}
	)
	var apart: Array[ExecuTorchDetection] = detector.detect(image)
	_check_same(apart, wanted)
	for position: int in pose.size():
		check_equal(pose[position].landmarks.size(), 2)
		for point: int in 2:
			var offset: Vector2 = pose[position].landmarks[point] - apart[position].landmarks[point]
			check(offset.length() < 1e-3, "a landmark is off by %s" % offset)
	_use(detector, {"layout": "yolo_v5", "boxes": "rows", "score_threshold": 0.4})
	check(not detector.detect(image).is_empty(), "with the score of there being an object")
	detector.free()


func test_boxes_are_places_in_the_picture() -> void:
	var detector: ExecuTorchObjectDetector = _detector()
	var middle: Image = Pictures.make(SIZE)
	var wanted: Array[ExecuTorchDetection] = detector.detect(middle)
	# Cut on both sides: the middle is what the model sees.
	var wide: Image = Image.create_empty(196, 64, false, Image.FORMAT_RGB8)
	wide.blit_rect(middle, Rect2i(Vector2i.ZERO, SIZE), Vector2i(50, 0))
	_use(detector, {}, {"resize": "cover"})
	var seen: Array[ExecuTorchDetection] = detector.detect(wide)
	for found: ExecuTorchDetection in seen:
		found.box = found.box.intersection(Rect2(50, 0, 96, 64))
	_check_same(seen, wanted, Vector2(50, 0))
	# With borders above and below: they are no part of the picture.
	var framed: Image = Image.create_empty(96, 64, false, Image.FORMAT_RGB8)
	framed.fill(Color8(114, 114, 114))
	var strip: Image = middle.get_region(Rect2i(0, 0, 96, 40))
	framed.blit_rect(strip, Rect2i(0, 0, 96, 40), Vector2i(0, 12))
	_use(detector, {})
	var inside: Array[ExecuTorchDetection] = []
	for found: ExecuTorchDetection in detector.detect(framed):
		found.box = Rect2(found.box.position - Vector2(0, 12), found.box.size).intersection(Rect2(0, 0, 96, 40))
		if found.box.has_area():
			inside.append(found)
	_use(detector, {}, {"resize": "contain", "padding": 114.0 / 255.0})
	_check_same(detector.detect(strip), inside)
	detector.free()


func test_thresholds_and_limits() -> void:
	var detector: ExecuTorchObjectDetector = _detector()
	var image: Image = Pictures.make(SIZE)
	var all: int = detector.detect(image).size()
	detector.score_threshold = 0.9
	for found: ExecuTorchDetection in detector.detect(image):
		check(found.score > 0.9, str(found))
	check(detector.detect(image).size() < all, "a higher threshold")
	detector.score_threshold = 1.0
	check_equal(detector.detect(image).size(), 0)
	check_equal(detector.get_last_error(), null)
	detector.score_threshold = -1.0
	detector.iou_threshold = 1.0
	check(detector.detect(image).size() > all, "nothing is suppressed")
	detector.iou_threshold = -1.0
	_use(detector, {"max_boxes": 2})
	check_equal(detector.detect(image).size(), 2)
	_use(detector, {"class_agnostic": true})
	var fewer: Array[ExecuTorchDetection] = detector.detect(image)
	check(fewer.size() < all, "classes compete")
	_use(detector, {"labels": []})
	check(detector.detect(image)[0].label in ["0", "1", "2"], "without labels the index")
	detector.free()


func test_pictures_of_every_kind() -> void:
	var detector: ExecuTorchObjectDetector = _detector()
	var heard: Array = []
	detector.detected.connect(func(objects: Array[ExecuTorchDetection]) -> void: heard.append(objects))
	var image: Image = Pictures.make(SIZE)
	var wanted: Array[ExecuTorchDetection] = detector.detect(image)
	_check_same(await detector.detect_async(image), wanted)
	_check_same(detector.detect(ImageTexture.create_from_image(image)), wanted)
	check_equal(heard.size(), 3)
	_use(detector, {}, {"resize": "contain"})
	for format: Image.Format in [Image.FORMAT_L8, Image.FORMAT_RGBAH, Image.FORMAT_RGBAF, Image.FORMAT_RGBE9995]:
		check_equal(detector.detect(Pictures.make(Vector2i(50, 90), format)).is_empty(), false, "format %d" % format)
	var compressed: Image = Pictures.make(SIZE)
	check_equal(compressed.compress(Image.COMPRESS_S3TC), OK)
	for resize: String in ["stretch", "cover", "contain"]:
		_use(detector, {}, {"resize": resize, "size": [96, 64]})
		check(not detector.detect(compressed).is_empty(), resize)
	check(compressed.is_compressed(), "the picture is as it was")
	var bright: Image = Image.create_empty(96, 64, false, Image.FORMAT_RGBAF)
	for colour: Color in [Color(1e30, -1e30, 0.0), Color(INF, NAN, 1.0)]:
		bright.fill(colour)
		for found: ExecuTorchDetection in detector.detect(bright):
			check(found.box.is_finite() and is_finite(found.score), str(found))
	# As thin as can be: the borders must not cost memory.
	check(detector.detect(Image.create_empty(16384, 1, false, Image.FORMAT_L8)) != null, "a line")
	detector.free()


func test_what_is_no_picture() -> void:
	expect_error("NOT_A_PICTURE")
	var detector: ExecuTorchObjectDetector = _detector()
	for nothing: Object in [null, Image.new(), ImageTexture.new(), RefCounted.new()]:
		check_equal(detector.detect(nothing).size(), 0)
		check_equal((await detector.detect_async(nothing)).size(), 0)
	check_equal(detector.get_last_error().code_name, "NOT_A_PICTURE")
	detector.free()


func test_models_that_do_not_fit() -> void:
	expect_error("WRONG_TASK")
	var detector: ExecuTorchObjectDetector = _detector()
	var image: Image = Pictures.make(SIZE)
	for wrong: Dictionary in [
		{"labels": ["a", "b"]},
		{"layout": "yolo_v5"},
		{"boxes": "nothing"},
		{"layout": "separate", "boxes": "boxes"},
		{"layout": "separate", "boxes": "boxes", "scores": "logits"},
		{"landmark_count": 1},
		{"layout": "separate", "boxes": "boxes", "scores": "logits", "background": "first", "landmarks": "eyes"},
	]:
		_use(detector, wrong)
		check_equal(detector.detect(image).size(), 0, str(wrong))
		check_equal(detector.get_last_error().code_name, "WRONG_TASK")
		check_equal(detector._get_configuration_warnings().size(), 1, str(wrong))
	detector.model = Pictures.with_card("convnet.pt2", {"kind": "image_classification", "output": {"labels": LABELS}})
	check_equal(detector.detect(image).size(), 0)
	check(detector.get_last_error().cause.contains('"object_detection"'), str(detector.get_last_error()))
	detector.free()


func test_cards_of_a_resource_from_somebody_else() -> void:
	expect_error("")
	var detector: ExecuTorchObjectDetector = _detector()
	for strange: Dictionary in [
		{"layout": "dreams"},
		{
			"layout": "separate",
			"boxes": "boxes",
			"scores": "boxes",
			"labels": ["a", "b", "c", "d"],
			"landmarks": "best"
		},
		{"layout": "yolo_v10", "boxes": "head"},
		{"landmark_count": -100, "landmark_numbers": 1 << 40},
		{"landmark_numbers": 0},
		{"max_boxes": -5},
		{"max_boxes": 1 << 50},
		{"score_threshold": NAN, "iou_threshold": INF},
		{"format": 7, "activation": [], "labels": {}},
	]:
		_use(detector, strange)
		for found: ExecuTorchDetection in detector.detect(Pictures.make(SIZE)):
			check(found.box.has_area(), str(strange))
	for size: Array in [[0, 0], [-3, 5], [1e20, 1e20], ["a", {}], [100_000, 100_000]]:
		_use(detector, {}, {"size": size, "resize": "contain"})
		check_equal(detector.detect(Pictures.make(SIZE)).size(), 0, str(size))
	detector.free()


func test_a_node_that_is_freed_in_the_middle() -> void:
	var detector: ExecuTorchObjectDetector = _detector()
	var answers: Array = []
	var ask: Callable = func(node: ExecuTorchObjectDetector) -> void:
		answers.append(await node.detect_async(Pictures.make(SIZE)))
	for number: int in 5:
		ask.call(detector)
	detector.free()
	await wait_until(func() -> bool: return answers.size() == 5, 20.0, "every call ends")
	for answer: Array in answers:
		check_equal(answer.size(), 0)


func test_suppression_for_other_models() -> void:
	var boxes: PackedFloat32Array = [0, 0, 10, 10, 1, 1, 11, 11, 20, 0, 30, 10, NAN, 0, 1, 1]
	var scores: PackedFloat32Array = [0.5, 0.9, 0.1, 1.0]
	check_equal(ExecuTorchObjectDetector.suppress_overlaps(boxes, scores, 0.5), PackedInt32Array([1, 2]))
	var classes: PackedInt32Array = [0, 1, 0, 0]
	check_equal(ExecuTorchObjectDetector.suppress_overlaps(boxes, scores, 0.5, classes), PackedInt32Array([1, 0, 2]))
	check_equal(ExecuTorchObjectDetector.suppress_overlaps(boxes, scores, 0.5, classes, 1), PackedInt32Array([1]))
	expect_error("4 numbers of boxes")
	check_equal(ExecuTorchObjectDetector.suppress_overlaps(boxes, [0.5], 0.5), PackedInt32Array())


func _detector() -> ExecuTorchObjectDetector:
	var detector: ExecuTorchObjectDetector = ExecuTorchObjectDetector.new()
	add_child(detector)
	_use(detector, {})
	return detector


func _use(detector: ExecuTorchObjectDetector, output: Dictionary, input: Dictionary = {}) -> void:
	var all: Dictionary = HEAD.duplicate()
	all.merge(output, true)
	var card: Dictionary = {"kind": "object_detection", "input": input, "output": all}
	detector.model = Pictures.with_card("detector.pt2", card)


func _check_same(
	got: Array[ExecuTorchDetection], wanted: Array[ExecuTorchDetection], offset: Vector2 = Vector2.ZERO
) -> void:
	check_equal(got.size(), wanted.size())
	for position: int in mini(got.size(), wanted.size()):
		check_equal(got[position].label, wanted[position].label)
		check_near(got[position].score, wanted[position].score, 1e-4)
		var box: Rect2 = Rect2(wanted[position].box.position + offset, wanted[position].box.size)
		check(got[position].box.position.distance_to(box.position) < 1e-2, "%s, not %s" % [got[position], box])
		check(got[position].box.end.distance_to(box.end) < 1e-2, "%s, not %s" % [got[position], box])
