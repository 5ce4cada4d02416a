@tool
extends RefCounted
## An output that has values for each place of the input: its size, and the part of it that shows the picture.

const PictureInput := preload("picture_input.gd")
const TaskCard := preload("../task_card.gd")

## Width and height; zero when they are not known.
var size: Vector2i
## Values of each place.
var channels: int = 0
## The part that shows the picture: without the borders of "contain".
var shown: Rect2i

var _input: PictureInput


## [param count] is the number of values.
func _init(input: PictureInput, count: int) -> void:
	_input = input
	var entry: Dictionary = TaskCard.value_of(input.model, "outputs", input.card.text("output", "name"))
	var shape: PackedInt64Array = shape_of(input.model, input.card)
	if shape.size() != 3 or shape[0] < 1 or count < 1:
		return
	channels = shape[0]
	size = Vector2i(shape[2], shape[1])
	if not _is_fixed(entry):
		# Only the upper bounds are known: the sides have the proportions of the input's.
		var own: Vector2 = Vector2(input.input_size)
		size = Vector2i((own * sqrt(float(count) / channels / (own.x * own.y))).round())
	if size.x * size.y * channels != count:
		size = Vector2i.ZERO
		return
	var scale: Vector2 = Vector2(size) / Vector2(input.input_size)
	shown.position = Vector2i((Vector2(input.shown.position) * scale).round())
	var end: Vector2i = Vector2i((Vector2(input.shown.end) * scale).round())
	shown.position = shown.position.clamp(Vector2i.ZERO, size - Vector2i.ONE)
	shown.size = (end - shown.position).clamp(Vector2i.ONE, size - shown.position)


## The part of the picture that [member shown] covers, in pixels of the picture.
func get_region() -> Rect2:
	var scale: Vector2 = Vector2(_input.input_size) / Vector2(size)
	var begin: Vector2 = _input.to_picture(Vector2(shown.position) * scale)
	var end: Vector2 = _input.to_picture(Vector2(shown.end) * scale)
	return Rect2(begin, end - begin).intersection(Rect2(Vector2.ZERO, Vector2(_input.picture_size)))


## Channels, height and width of the output as the model describes it: upper bounds. Empty when it is not that of one
## picture.
static func shape_of(model: ExecuTorchModelDescription, card: TaskCard) -> PackedInt64Array:
	var shape: PackedInt64Array = TaskCard.shape_of(model, "outputs", card.text("output", "name"))
	if shape.size() == 3 and shape[0] == 1:
		return shape
	if shape.size() != 4 or shape[0] != 1:
		return PackedInt64Array()
	if card.text("output", "layout", "NCHW") == "NHWC":
		return PackedInt64Array([shape[3], shape[1], shape[2]])
	return shape.slice(1)


# Whether the sizes of an output never vary.
static func _is_fixed(entry: Dictionary) -> bool:
	var ranges: Variant = entry.get("ranges", [])
	if entry.get("dynamic", false):
		return false
	for bounds: Variant in ranges as Array if ranges is Array else []:
		if bounds is Array and (bounds as Array).size() == 2 and bounds[0] != bounds[1]:
			return false
	return true
