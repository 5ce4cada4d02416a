@tool
extends RefCounted
## The steps from a picture to its lines of text. Each step has the input of a model and takes its outputs: the detector
## finds lines, then each line is turned and read.

## Which model the step needs.
enum Step { FIND, TURN, READ, DONE }

const NativeLibrary := preload("res://addons/executorch/runtime/library/native_library.gd")
const OutputMap := preload("output_map.gd")
const PictureInput := preload("picture_input.gd")
const TaskCard := preload("../task_card.gd")

# A line that is this much higher than wide is written from top to bottom.
const _UPRIGHT: float = 1.5
# How sure the model must be that a line is upside down.
const _SURE: float = 0.9

var step: Step = Step.DONE
## The input of the step's model. Its inputs are empty when the picture cannot be converted.
var input: PictureInput
## The lines that were read, with all confidences.
var lines: Array[ExecuTorchTextLine] = []
## Why the reading ended early, or null.
var failure: ExecuTorchError

var _models: Array[ExecuTorchModelDescription]
var _picture: Image
var _waiting: Array[ExecuTorchTextLine] = []
var _corners: Array[PackedVector2Array] = []
var _strip: Image


## [param models] are those of each step. Without the first, the picture is one line; the second may be null too.
func _init(picture: Image, models: Array[ExecuTorchModelDescription]) -> void:
	_models = models
	_picture = _bytes_of(picture)
	if models[Step.FIND] != null:
		_ask(Step.FIND, _picture)
		return
	var line: ExecuTorchTextLine = ExecuTorchTextLine.new()
	var size: Vector2 = Vector2(_picture.get_size())
	line.box = [Vector2.ZERO, Vector2(size.x, 0.0), size, Vector2(0.0, size.y)]
	_waiting.append(line)
	_corners.append(line.box)
	_next_line()


## Continues with the outputs of the step's model.
func take(outputs: Dictionary) -> void:
	match step:
		Step.FIND:
			_find(outputs)
			_next_line()
		Step.TURN:
			_turn(outputs)
			_ask(Step.READ, _strip)
		Step.READ:
			_read(outputs)
			_next_line()


func _ask(next: Step, picture: Image) -> void:
	step = next
	input = PictureInput.new(picture, _models[next])


func _next_line() -> void:
	step = Step.DONE
	if _waiting.is_empty() or failure != null:
		return
	_strip = _cut(_corners[0])
	if _strip != null:
		_ask(Step.READ if _models[Step.TURN] == null else Step.TURN, _strip)


func _find(outputs: Dictionary) -> void:
	var card: TaskCard = input.card
	var map: PackedFloat32Array = _floats_of(outputs, card)
	var place: OutputMap = OutputMap.new(input, map.size())
	var found: Dictionary = (
		NativeLibrary
		. vision()
		. find_text(
			map,
			{
				"width": place.size.x,
				"height": place.size.y,
				"threshold": card.number("output", "threshold", 0.3),
				"score_threshold": card.number("output", "score_threshold", 0.5),
				"growth": card.number("output", "growth", 1.6),
				"thicken": card.flag("output", "thicken", true),
				"most": card.whole("output", "max_lines", 1000),
			}
		)
	)
	_keep_failure(found)
	var numbers: PackedFloat32Array = found.get("corners", PackedFloat32Array())
	var scale: Vector2 = Vector2(input.input_size) / Vector2(place.size.max(Vector2i.ONE))
	var last: Vector2 = Vector2(_picture.get_size())
	for first: int in range(0, numbers.size(), 8):
		var line: ExecuTorchTextLine = ExecuTorchTextLine.new()
		var corners: PackedVector2Array = []
		for index: int in range(first, first + 8, 2):
			corners.append(input.to_picture(Vector2(numbers[index], numbers[index + 1]) * scale))
			line.box.append(corners[-1].clamp(Vector2.ZERO, last))
		if line.get_rect().has_area():
			_waiting.append(line)
			_corners.append(corners)


func _turn(outputs: Dictionary) -> void:
	var values: PackedFloat32Array = _floats_of(outputs, input.card)
	if input.card.text("output", "activation", "softmax") == "softmax":
		values = ExecuTorchTensor.from_packed(values).softmax().data
	var place: int = input.card.texts("output", "labels").find("180")
	if place >= 0 and place < values.size() and values[place] > _SURE:
		_strip.rotate_180()


func _read(outputs: Dictionary) -> void:
	var card: TaskCard = input.card
	var characters: PackedStringArray = card.texts("output", "characters")
	var is_first: bool = card.text("output", "blank", "first") == "first"
	var options: Dictionary = {
		"classes": characters.size() + 1,
		"blank": 0 if is_first else characters.size(),
		"activation": card.text("output", "activation", "none"),
	}
	var found: Dictionary = NativeLibrary.vision().read_characters(_floats_of(outputs, card), options)
	_keep_failure(found)
	if failure != null:
		return
	var line: ExecuTorchTextLine = _waiting.pop_front()
	_corners.pop_front()
	var scores: PackedFloat32Array = found["scores"]
	for label: int in found["labels"] as PackedInt32Array:
		line.text += characters[label - 1 if is_first else label]
	for score: float in scores:
		line.confidence += score / scores.size()
	lines.append(line)


func _keep_failure(result: Dictionary) -> void:
	if result.has("error"):
		failure = ExecuTorchError.from_dictionary(result["error"] as Dictionary)


# The floats of the output that the card names, or of the first.
static func _floats_of(outputs: Dictionary, card: TaskCard) -> PackedFloat32Array:
	var value: Variant = outputs.get(card.text("output", "name"), outputs.values()[0] if outputs else null)
	return PackedFloat32Array(Array(value)) if typeof(value) >= TYPE_ARRAY else PackedFloat32Array()


# The line between corners as a picture of its own. Null when it cannot be; then there is a failure.
func _cut(corners: PackedVector2Array) -> Image:
	var size: Vector2 = Vector2(corners[0].distance_to(corners[1]), corners[0].distance_to(corners[3]))
	var points: PackedVector2Array = [corners[0], corners[1], corners[3]]
	if size.y >= size.x * _UPRIGHT:
		size = Vector2(size.y, size.x)
		points = [corners[1], corners[2], corners[0]]
	var whole: Vector2i = Vector2i(size.round()).max(Vector2i.ONE)
	var options: Dictionary = {
		"from_width": _picture.get_width(),
		"from_height": _picture.get_height(),
		"width": whole.x,
		"height": whole.y,
	}
	var numbers: PackedFloat32Array = []
	for point: Vector2 in points:
		numbers.append_array([point.x, point.y])
	var cut: Dictionary = NativeLibrary.vision().crop(_picture.get_data(), numbers, options)
	_keep_failure(cut)
	if failure != null:
		return null
	return Image.create_from_data(whole.x, whole.y, false, Image.FORMAT_RGB8, cut["pixels"] as PackedByteArray)


# The picture as 8-bit RGB, without mipmaps. The picture that was given stays as it is.
static func _bytes_of(picture: Image) -> Image:
	if picture.get_format() == Image.FORMAT_RGB8 and not picture.has_mipmaps():
		return picture
	var copy: Image = picture.duplicate()
	copy.clear_mipmaps()
	if copy.is_compressed():
		copy.decompress()
	copy.convert(Image.FORMAT_RGB8)
	return copy
