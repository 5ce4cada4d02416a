extends "res://tests/case.gd"
## ExecuTorchImageClassifier with pictures and models that fit and do not; test_reference.py compares it with torch.

const Pictures := preload("res://tests/game_tasks/pictures.gd")
const CARD: Dictionary = {
	"kind": "image_classification",
	"input": {"resize": "cover"},
	"output": {"labels": ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]},
}


func test_pictures_of_every_kind() -> void:
	var classifier: ExecuTorchImageClassifier = _classifier()
	var image: Image = Pictures.make(Vector2i(32, 32), Image.FORMAT_RGB8)
	var wanted: ExecuTorchClassification = classifier.classify(image)
	check_equal(wanted.probabilities.size(), 10)
	check_near(Array(wanted.probabilities).reduce(func(sum: float, value: float) -> float: return sum + value), 1.0)
	check_equal(wanted.labels[wanted.index], wanted.label)
	check_equal(wanted.get_best(10)[0], wanted.index)
	check_near(wanted.probability, wanted.probabilities[wanted.index])
	check(str(wanted).begins_with(wanted.label + " ("), str(wanted))
	check_near(classifier.classify(ImageTexture.create_from_image(image)).probabilities, wanted.probabilities)
	check_near((await classifier.classify_async(image)).probabilities, wanted.probabilities)
	for format: Image.Format in [Image.FORMAT_L8, Image.FORMAT_RGBA8, Image.FORMAT_RGBAF, Image.FORMAT_RGBH]:
		check(classifier.classify(Pictures.make(Vector2i(50, 20), format)) != null, "format %d" % format)
	classifier.free()


func test_a_picture_is_cut_or_filled_up() -> void:
	var classifier: ExecuTorchImageClassifier = _classifier()
	var middle: Image = Pictures.make(Vector2i(32, 32), Image.FORMAT_RGB8)
	var wide: Image = Image.create_empty(64, 32, false, Image.FORMAT_RGB8)
	wide.fill(Color.RED)
	wide.blit_rect(middle, Rect2i(0, 0, 32, 32), Vector2i(16, 0))
	check_near(classifier.classify(wide).probabilities, classifier.classify(middle).probabilities)
	var framed: Image = Image.create_empty(32, 32, false, Image.FORMAT_RGB8)
	framed.blit_rect(middle, Rect2i(0, 8, 32, 16), Vector2i(0, 8))
	var strip: Image = middle.get_region(Rect2i(0, 8, 32, 16))
	_use(classifier, {"input": {"resize": "contain"}})
	check_near(classifier.classify(strip).probabilities, classifier.classify(framed).probabilities)
	classifier.free()


func test_a_model_whose_conversion_failed() -> void:
	expect_error("MODEL_FAILED")
	var classifier: ExecuTorchImageClassifier = ExecuTorchImageClassifier.new()
	var failed: ExecuTorchResource = ExecuTorchResource.new()
	failed.state = ExecuTorchResource.State.FAILED
	failed.error = {"code": "FILE_NOT_READABLE", "cause": "It is empty.", "remedy": ""}
	classifier.model = failed
	var warnings: String = ", ".join(classifier._get_configuration_warnings())
	check(warnings.contains("could not be converted: It is empty."), warnings)
	var told: Array[String] = []
	classifier.inference_failed.connect(func(error: ExecuTorchError) -> void: told.append(error.code_name))
	check_equal(classifier.classify(Pictures.make(Vector2i(8, 8), Image.FORMAT_L8)), null)
	check_equal(told.size(), 1)
	check(not told.has("WRONG_TASK"), str(told))
	classifier.free()


func test_what_is_no_picture() -> void:
	expect_error("NOT_A_PICTURE")
	var classifier: ExecuTorchImageClassifier = _classifier()
	var told: Array[String] = []
	classifier.inference_failed.connect(func(error: ExecuTorchError) -> void: told.append(error.code_name))
	for nothing: Object in [null, Image.new(), Node.new(), ImageTexture.new()]:
		check_equal(classifier.classify(nothing), null)
		check_equal(await classifier.classify_async(nothing), null)
		if nothing is Node:
			nothing.free()
	check_equal(told.size(), 8)
	check_equal(classifier.get_last_error().code_name, "NOT_A_PICTURE")
	classifier.free()


func test_models_that_do_not_fit() -> void:
	expect_error("WRONG_TASK")
	expect_error("MODEL_EMPTY")
	var classifier: ExecuTorchImageClassifier = ExecuTorchImageClassifier.new()
	add_child(classifier)
	var image: Image = Pictures.make(Vector2i(8, 8), Image.FORMAT_L8)
	check_equal(classifier.classify(image), null)
	classifier.model = load("res://models/linear.pt")
	check_equal(classifier.classify(image), null)
	check(classifier.get_last_error().cause.contains("no task card"), str(classifier.get_last_error()))
	check_equal(classifier._get_configuration_warnings().size(), 1)
	classifier.model = Pictures.with_card("linear.pt", CARD)
	check_equal(classifier.classify(image), null)
	check(classifier.get_last_error().cause.contains("four dimensions"), str(classifier.get_last_error()))
	classifier.model = Pictures.with_card("convnet.pt2", {"kind": "text_embedding"})
	check_equal(classifier.classify(image), null)
	classifier.model = Pictures.with_card("convnet.pt2", {"kind": "image_classification", "output": {"labels": ["a"]}})
	check_equal(classifier.classify(image), null)
	check(classifier.get_last_error().cause.contains("10 classes"), str(classifier.get_last_error()))
	classifier.labels = CARD["output"]["labels"]
	check(classifier.classify(image) != null, "the node's own labels")
	check_equal(classifier._get_configuration_warnings().size(), 0)
	# Cards of a resource from somebody else.
	for strange: Variant in [{"kind": 3, "input": [], "output": 1.0}, {"input": {"size": ["x", {}]}}, 7]:
		classifier.model = Pictures.with_card("convnet.pt2", strange)
		check_equal(classifier.classify(image), null)
	classifier.free()


func test_signals_and_smoothing() -> void:
	var classifier: ExecuTorchImageClassifier = _classifier()
	var heard: Array[ExecuTorchClassification] = []
	classifier.classified.connect(func(result: ExecuTorchClassification) -> void: heard.append(result))
	var first: PackedFloat32Array = (
		classifier.classify(Pictures.make(Vector2i(32, 32), Image.FORMAT_RGB8)).probabilities
	)
	var black: Image = Image.create_empty(32, 32, false, Image.FORMAT_RGB8)
	var second: PackedFloat32Array = classifier.classify(black).probabilities
	classifier.smoothing = 0.5
	classifier.classify(Pictures.make(Vector2i(32, 32), Image.FORMAT_RGB8))
	var mixed: PackedFloat32Array = classifier.classify(black).probabilities
	for index: int in mixed.size():
		check_near(mixed[index], (first[index] + second[index]) / 2.0)
	classifier.forget_frames()
	check_near(classifier.classify(black).probabilities, second)
	check_equal(heard.size(), 5)
	classifier.free()


func test_a_node_that_is_freed_in_the_middle() -> void:
	var classifier: ExecuTorchImageClassifier = _classifier()
	var answers: Array = []
	var ask: Callable = func(node: ExecuTorchImageClassifier) -> void:
		answers.append(await node.classify_async(Pictures.make(Vector2i(32, 32), Image.FORMAT_RGB8)))
	for number: int in 5:
		ask.call(classifier)
	classifier.free()
	await wait_until(func() -> bool: return answers.size() == 5, 20.0, "every call ends")
	check_equal(answers, [null, null, null, null, null])


func _classifier() -> ExecuTorchImageClassifier:
	var classifier: ExecuTorchImageClassifier = ExecuTorchImageClassifier.new()
	classifier.model = Pictures.with_card("convnet.pt2", CARD)
	add_child(classifier)
	return classifier


func _use(classifier: ExecuTorchImageClassifier, changes: Dictionary) -> void:
	var card: Dictionary = CARD.duplicate(true)
	card.merge(changes, true)
	classifier.model = Pictures.with_card("convnet.pt2", card)
