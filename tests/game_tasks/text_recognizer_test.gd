extends "res://tests/case.gd"
## ExecuTorchTextRecognizer with networks whose letters are blocks of a brightness, so that each case draws what has to
## be read. test_text_recognizer.py compares it with RapidOCR on real letters.

const Pictures := preload("res://tests/game_tasks/pictures.gd")
const LETTERS: Dictionary[String, float] = {"a": 1.0, "b": 0.8, "c": 0.2, "d": 0.0}
const GRAY: Color = Color(0.5, 0.5, 0.5)
const SIZE: Vector2i = Vector2i(96, 64)
const PLAIN: Dictionary = {"resize": "stretch", "channels": "rgb", "mean": [], "deviation": []}
# The network marks whole lines, which do not have to grow.
const FOUND: Dictionary = {"name": "map", "growth": 0.0, "thicken": false}


func test_a_picture_without_a_detector_is_one_line() -> void:
	var reader: ExecuTorchTextRecognizer = _reader()
	reader.detection_model = null
	var strip: Image = _gray(Vector2i(64, 8))
	_write(strip, "abcd", Vector2i(4, 0), Vector2i(8, 8))
	_write(strip, "ba", Vector2i(44, 0), Vector2i(8, 8))
	var lines: Array[ExecuTorchTextLine] = reader.recognize(strip)
	check_equal(lines.size(), 1)
	check_equal(lines[0].text, "abcdba")
	check(lines[0].confidence > 0.9 and lines[0].confidence <= 1.0, str(lines[0]))
	check_equal(lines[0].get_rect(), Rect2(0, 0, 64, 8))
	check_equal(str(lines[0]).begins_with('"abcdba" ('), true)
	for output: Dictionary in [
		{"name": "logits", "activation": "softmax"},
		{"name": "blank_last", "activation": "softmax", "blank": "last"},
	]:
		reader.model = _speller(output)
		check_equal(reader.recognize(strip)[0].text, "abcdba", str(output))
		check_near(reader.recognize(strip)[0].confidence, lines[0].confidence, 1e-4)
	# A letter that stands twice needs a gap.
	var twice: Image = _gray(Vector2i(64, 8))
	_write(twice, "aa", Vector2i(0, 0), Vector2i(8, 8))
	_write(twice, "a", Vector2i(24, 0), Vector2i(8, 8))
	check_equal(reader.recognize(twice)[0].text, "aa")
	reader.free()


func test_lines_are_found_and_read_in_order() -> void:
	var reader: ExecuTorchTextRecognizer = _reader()
	var picture: Image = _gray(SIZE)
	_write(picture, "abc", Vector2i(60, 42), Vector2i(8, 8))
	_write(picture, "cba", Vector2i(8, 8), Vector2i(8, 8))
	_write(picture, "dc", Vector2i(56, 10), Vector2i(8, 8))
	_write(picture, "bc", Vector2i(8, 40), Vector2i(8, 8))
	var heard: Array = []
	reader.recognized.connect(func(found: Array[ExecuTorchTextLine]) -> void: heard.append(found.size()))
	var lines: Array[ExecuTorchTextLine] = reader.recognize(picture)
	_check_texts(lines, ["cba", "dc", "bc", "abc"])
	var places: Array = [Rect2(8, 8, 24, 8), Rect2(56, 10, 16, 8), Rect2(8, 40, 16, 8), Rect2(60, 42, 24, 8)]
	for index: int in mini(lines.size(), 4):
		_check_place(lines[index], places[index] as Rect2, 2.0)
		check_equal(lines[index].box.size(), 4)
	_check_texts(await reader.recognize_async(picture), ["cba", "dc", "bc", "abc"])
	check_equal(heard, [4, 4])
	check_equal(reader.recognize(_gray(SIZE)).size(), 0)
	check_equal(reader.get_last_error(), null)
	# In a larger picture the boxes are places of that picture.
	var large: Image = picture.duplicate()
	large.resize(192, 128, Image.INTERPOLATE_NEAREST)
	var again: Array[ExecuTorchTextLine] = reader.recognize(large)
	_check_texts(again, ["cba", "dc", "bc", "abc"])
	_check_place(again[0], Rect2(16, 16, 48, 16), 4.0)
	# A map of half the size.
	var big: Image = _gray(SIZE)
	_write(big, "abcd", Vector2i(12, 20), Vector2i(18, 20))
	reader.detection_model = _finder({"name": "half", "growth": 0.0})
	lines = reader.recognize(big)
	_check_texts(lines, ["abcd"])
	_check_place(lines[0], Rect2(12, 20, 72, 20), 3.0)
	reader.free()


func test_lines_in_every_direction() -> void:
	var reader: ExecuTorchTextRecognizer = _reader()
	var picture: Image = _gray(SIZE)
	for column: int in 40:
		for row: int in 10:
			# 30 degrees downwards.
			var place: Vector2 = Vector2(30, 8) + Vector2(column, row).rotated(deg_to_rad(30.0))
			var level: float = LETTERS["abcd"[floori(column / 10.0)]]
			picture.fill_rect(Rect2i(Vector2i(place), Vector2i(2, 2)), Color(level, level, level))
	var slanted: Array[ExecuTorchTextLine] = reader.recognize(picture)
	check_equal(slanted.size(), 1)
	# Its rough edges are mixed with gray.
	check(slanted[0].text.contains("abcd"), str(slanted[0]))
	var top: Vector2 = slanted[0].box[1] - slanted[0].box[0]
	check_near(rad_to_deg(top.angle()), 30.0, 3.0)
	check_near(top.length(), 41.0, 3.0)
	# Much higher than wide: it reads upwards, as a spine of a book.
	var upright: Image = _gray(SIZE)
	for index: int in 4:
		var level: float = LETTERS["abcd"[index]]
		upright.fill_rect(Rect2i(40, 44 - index * 12, 10, 12), Color(level, level, level))
	_check_texts(reader.recognize(upright), ["dcba"])
	reader.free()


func test_lines_that_are_upside_down_are_turned() -> void:
	var reader: ExecuTorchTextRecognizer = _reader()
	reader.orientation_model = _turner({"labels": ["0", "180"], "activation": "none"})
	var picture: Image = _gray(SIZE)
	for index: int in 3:
		for upside: int in 2:
			var level: float = LETTERS["abc"[index]]
			for half: int in 2:
				var color: Color = Color(level, 1.0 if half == upside else 0.0, 0.0)
				picture.fill_rect(Rect2i(20 + 10 * index, 10 + 30 * upside + 6 * half, 10, 6), color)
	_check_texts(reader.recognize(picture), ["abc", "cba"])
	_check_texts(await reader.recognize_async(picture), ["abc", "cba"])
	reader.orientation_model = null
	_check_texts(reader.recognize(picture), ["abc", "abc"])
	reader.free()


func test_lines_that_are_not_sure_are_left_out() -> void:
	var reader: ExecuTorchTextRecognizer = _reader()
	var picture: Image = _gray(SIZE)
	_write(picture, "ab", Vector2i(8, 8), Vector2i(12, 8))
	picture.fill_rect(Rect2i(8, 40, 24, 8), Color(0.9, 0.9, 0.9))
	reader.min_confidence = 0.9
	_check_texts(reader.recognize(picture), ["ab"])
	reader.min_confidence = 0.0
	check_equal(reader.recognize(picture).size(), 2)
	reader.detection_model = _finder({"name": "map", "growth": 0.0, "max_lines": 1})
	check_equal(reader.recognize(picture).size(), 1)
	reader.detection_model = _finder({"name": "map", "score_threshold": 0.95})
	check_equal(reader.recognize(picture).size(), 0)
	reader.free()


func test_pictures_of_every_kind() -> void:
	var reader: ExecuTorchTextRecognizer = _reader()
	var picture: Image = _gray(SIZE)
	_write(picture, "abcd", Vector2i(8, 8), Vector2i(16, 16))
	for format: Image.Format in [Image.FORMAT_L8, Image.FORMAT_RGBA8, Image.FORMAT_RGBAH, Image.FORMAT_RGBAF]:
		var other: Image = picture.duplicate()
		other.convert(format)
		_check_texts(reader.recognize(other), ["abcd"])
		check_equal(other.get_format(), format)
	var compressed: Image = picture.duplicate()
	compressed.generate_mipmaps()
	check_equal(compressed.compress(Image.COMPRESS_S3TC), OK)
	_check_texts(reader.recognize(ImageTexture.create_from_image(picture)), ["abcd"])
	_check_texts(reader.recognize(compressed), ["abcd"])
	check(compressed.is_compressed() and compressed.has_mipmaps(), "the picture is as it was")
	for size: Vector2i in [Vector2i.ONE, Vector2i(1, 4000), Vector2i(4000, 1)]:
		check_equal(reader.recognize(_gray(size)).size(), 0)
	check_equal(reader.get_last_error(), null)
	# Everything is text.
	var white: Image = Image.create_empty(300, 200, false, Image.FORMAT_RGB8)
	white.fill(Color.WHITE)
	check_equal(reader.recognize(white)[0].get_rect().intersection(Rect2(0, 0, 300, 200)).has_area(), true)
	reader.free()


func test_what_is_no_picture() -> void:
	expect_error("NOT_A_PICTURE")
	var reader: ExecuTorchTextRecognizer = _reader()
	for nothing: Object in [null, Image.new(), ImageTexture.new(), RefCounted.new()]:
		check_equal(reader.recognize(nothing).size(), 0)
		check_equal((await reader.recognize_async(nothing)).size(), 0)
	check_equal(reader.get_last_error().code_name, "NOT_A_PICTURE")
	reader.free()


func test_models_that_do_not_fit() -> void:
	expect_error("WRONG_TASK")
	var reader: ExecuTorchTextRecognizer = _reader()
	var picture: Image = _gray(SIZE)
	var told: Array = []
	reader.inference_failed.connect(func(error: ExecuTorchError) -> void: told.append(error.code_name))
	var check_misfit: Callable = func(part: String) -> void:
		check_equal(reader.recognize(picture).size(), 0, part)
		check_equal(reader.get_last_error().code_name, "WRONG_TASK")
		check(reader.get_last_error().cause.contains(part), str(reader.get_last_error()))
		check_equal(reader._get_configuration_warnings().size(), 1, part)
	for wrong: Array in [
		[_speller({"characters": ["a", "b", "c"]}), "3 characters"],
		[_speller({"characters": []}), "0 characters"],
		[Pictures.with_card("speller.pt2", {"kind": "text_detection"}), '"text_recognition"'],
		[Pictures.with_card("speller.pt2", null), "has no task card"],
	]:
		reader.model = wrong[0]
		check_misfit.call(wrong[1])
	reader.model = _speller({})
	reader.detection_model = _finder({"name": "two"})
	check_misfit.call("one channel")
	reader.detection_model = _speller({})
	check_misfit.call('"text_detection"')
	reader.detection_model = null
	reader.orientation_model = _turner({"labels": ["up", "down"]})
	check_misfit.call('no label "180"')
	check_equal(told.size(), 7)
	reader.free()


func test_cards_of_a_resource_from_somebody_else() -> void:
	expect_error("")
	var reader: ExecuTorchTextRecognizer = _reader()
	var picture: Image = _gray(SIZE)
	_write(picture, "abcd", Vector2i(8, 8), Vector2i(16, 16))
	for strange: Dictionary in [
		{"name": "map", "threshold": NAN, "score_threshold": -INF, "growth": NAN},
		{"name": "map", "growth": 1e30},
		{"name": "map", "growth": -1e30, "score_threshold": -1.0},
		{"name": "map", "max_lines": -3},
		{"name": "map", "max_lines": 1 << 60, "thicken": {}},
		{"name": "nothing"},
	]:
		reader.detection_model = _finder(strange)
		for line: ExecuTorchTextLine in reader.recognize(picture):
			check(line.get_rect().is_finite(), str(strange))
	reader.detection_model = null
	for strange: Dictionary in [{"blank": 7}, {"activation": "dreams"}, {"name": "nothing"}]:
		reader.model = _speller(strange)
		check(reader.recognize(picture).size() <= 1, str(strange))
	reader.free()


func test_a_node_that_is_freed_in_the_middle() -> void:
	var reader: ExecuTorchTextRecognizer = _reader()
	var picture: Image = _gray(SIZE)
	_write(picture, "abcd", Vector2i(8, 8), Vector2i(16, 16))
	var answers: Array = []
	var ask: Callable = func(node: ExecuTorchTextRecognizer) -> void:
		answers.append(await node.recognize_async(picture))
	for number: int in 5:
		ask.call(reader)
	reader.free()
	await wait_until(func() -> bool: return answers.size() == 5, 20.0, "every call ends")
	for answer: Array in answers:
		check_equal(answer.size(), 0)
	# And one that leaves the tree.
	reader = _reader()
	answers.clear()
	ask.call(reader)
	remove_child(reader)
	await wait_until(func() -> bool: return answers.size() == 1, 20.0, "the call ends")
	check_equal(answers[0], [])
	add_child(reader)
	_check_texts(await reader.recognize_async(picture), ["abcd"])
	check(reader.load_model(), str(reader.get_last_error()))
	_check_texts(reader.recognize(picture), ["abcd"])
	reader.free()


func _reader() -> ExecuTorchTextRecognizer:
	var reader: ExecuTorchTextRecognizer = ExecuTorchTextRecognizer.new()
	reader.model = _speller({})
	reader.detection_model = _finder(FOUND)
	add_child(reader)
	return reader


func _speller(output: Dictionary) -> ExecuTorchResource:
	var all: Dictionary = {"name": "probabilities", "characters": LETTERS.keys()}
	all.merge(output, true)
	return Pictures.with_card("speller.pt2", {"kind": "text_recognition", "input": PLAIN, "output": all})


func _finder(output: Dictionary) -> ExecuTorchResource:
	return Pictures.with_card("text_finder.pt2", {"kind": "text_detection", "input": PLAIN, "output": output})


func _turner(output: Dictionary) -> ExecuTorchResource:
	return Pictures.with_card("turner.pt2", {"kind": "image_classification", "input": PLAIN, "output": output})


func _gray(size: Vector2i) -> Image:
	var image: Image = Image.create_empty(size.x, size.y, false, Image.FORMAT_RGB8)
	image.fill(GRAY)
	return image


func _write(image: Image, text: String, at: Vector2i, each: Vector2i) -> void:
	for index: int in text.length():
		var level: float = LETTERS[text[index]]
		image.fill_rect(Rect2i(at + Vector2i(index * each.x, 0), each), Color(level, level, level))


func _check_place(line: ExecuTorchTextLine, wanted: Rect2, tolerance: float) -> void:
	var rect: Rect2 = line.get_rect()
	check(rect.position.distance_to(wanted.position) <= tolerance, "%s, not %s" % [line, wanted])
	check(rect.end.distance_to(wanted.end) <= tolerance, "%s, not %s" % [line, wanted])


func _check_texts(lines: Array[ExecuTorchTextLine], wanted: Array) -> void:
	check_equal(lines.map(func(line: ExecuTorchTextLine) -> String: return line.text), wanted)
