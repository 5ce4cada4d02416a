@tool
@icon("res://addons/executorch/icons/image_segmenter.svg")
class_name ExecuTorchImageSegmenter
extends "res://addons/executorch/tasks/image/picture_node.gd"
## A node that divides pictures into classes, place by place. Its results have a mask to show over the picture.
##
## The model needs a task card of the kind [code]image_segmentation[/code].
## [codeblock]
## var result: ExecuTorchSegmentation = await $Segmenter.segment_async(texture)
## if result != null:
##     $Overlay.texture = result.mask
## [/codeblock]

## Emitted on the main thread when a picture was divided.
signal segmented(result: ExecuTorchSegmentation)

const OutputMap := preload("output_map.gd")
# A class is a byte.
const _MOST_CLASSES: int = 256

## The names of the classes. If it is empty, those of the task card are used.
@export var labels: PackedStringArray = []:
	set(value):
		labels = value
		update_configuration_warnings()
## The colours of the classes in the mask. Classes without a colour are transparent. If it is empty, the first class is
## transparent and each other one has a colour.
@export var colors: PackedColorArray = []:
	set(value):
		colors = value
		_palette = _make_palette(value)

var _palette: PackedByteArray = _make_palette([])
var _mask: ImageTexture = ImageTexture.new()


## Divides an [Image], a [Texture2D] or a [Viewport]. Returns [code]null[/code] when it fails. Emits [signal segmented]
## or [signal ExecuTorchNode.inference_failed].
func segment(picture: Object) -> ExecuTorchSegmentation:
	var input: PictureInput = _prepare(picture)
	return _answer(input, predict_named(input.inputs)) if input != null else null


## Runs [method segment] on a worker thread: [code]await $Segmenter.segment_async(texture)[/code]. Returns
## [code]null[/code] when it fails, and when the node leaves the tree before the call ends.
func segment_async(picture: Object) -> ExecuTorchSegmentation:
	var input: PictureInput = _prepare(picture)
	return _answer(input, await predict_named_async(input.inputs)) if input != null else null


func _kind() -> String:
	return "image_segmentation"


func _called() -> String:
	return "an image segmenter"


func _output_misfit(of_model: ExecuTorchModelDescription, card: TaskCard) -> String:
	var shape: PackedInt64Array = OutputMap.shape_of(of_model, card)
	if shape.is_empty():
		var found: PackedInt64Array = TaskCard.shape_of(of_model, "outputs", card.text("output", "name"))
		return "The output has the shape %s, which is not that of classes in one picture." % [found]
	var most: int = shape[0]
	if most > _MOST_CLASSES:
		return "The model has %d classes; a segmenter has at most %d." % [most, _MOST_CLASSES]
	var names: int = _labels(card).size()
	var is_free: bool = names == 0 or (most == 1 and _holds_classes(of_model, card))
	if not is_free and names != maxi(most, 2):
		return "The model has %d classes and the task card %d labels." % [maxi(most, 2), names]
	return ""


func _labels(card: TaskCard) -> PackedStringArray:
	return labels if not labels.is_empty() else card.texts("output", "labels")


# Whether the output holds the classes themselves: one whole number for each place.
static func _holds_classes(of_model: ExecuTorchModelDescription, card: TaskCard) -> bool:
	var entry: Dictionary = TaskCard.value_of(of_model, "outputs", card.text("output", "name"))
	return str(entry.get("dtype", "")).trim_prefix("u").begins_with("int")


func _answer(input: PictureInput, outputs: Dictionary) -> ExecuTorchSegmentation:
	if outputs.is_empty():
		return null
	var values: Variant = outputs.get(input.card.text("output", "name"), outputs.values()[0])
	var map: OutputMap = OutputMap.new(input, len(values) if typeof(values) >= TYPE_ARRAY else 0)
	if map.size == Vector2i.ZERO:
		_tell_error(_wrong_task("The size of the output is not known; use an input of a fixed size."))
		return null
	var found: Dictionary = PictureInput.NativeLibrary.vision().segment(values, _palette, _options(input, map))
	if found.has("error"):
		_tell_error(ExecuTorchError.from_dictionary(found["error"] as Dictionary))
		return null
	var result: ExecuTorchSegmentation = _result_of(found, input, map)
	_end_decoding()
	segmented.emit(result)
	return result


func _options(input: PictureInput, map: OutputMap) -> Dictionary:
	var card: TaskCard = input.card
	var threshold: float = card.number("output", "threshold", 0.5)
	if card.text("output", "activation", "none") == "sigmoid":
		threshold = log(threshold / (1.0 - threshold))
	var kind: String = "scores"
	if map.channels == 1:
		kind = "classes" if _holds_classes(input.model, card) else "threshold"
	return {
		"channels": map.channels,
		"width": map.size.x,
		"height": map.size.y,
		"channels_first": card.text("output", "layout", "NCHW") == "NCHW",
		"kind": kind,
		"threshold": threshold,
		"left": map.shown.position.x,
		"top": map.shown.position.y,
		"region_width": map.shown.size.x,
		"region_height": map.shown.size.y,
	}


func _result_of(found: Dictionary, input: PictureInput, map: OutputMap) -> ExecuTorchSegmentation:
	var size: Vector2i = map.shown.size
	var result: ExecuTorchSegmentation = ExecuTorchSegmentation.new()
	result.region = map.get_region()
	result.class_ids = Image.create_from_data(
		size.x, size.y, false, Image.FORMAT_R8, found["classes"] as PackedByteArray
	)
	var colours: PackedByteArray = found["colours"]
	_mask = _shown(_mask, Image.create_from_data(size.x, size.y, false, Image.FORMAT_RGBA8, colours))
	result.mask = _mask
	result.labels = _labels(input.card).duplicate()
	var pixels: PackedInt64Array = found["pixels"]
	var count: int = maxi(map.channels, 2)
	for index: int in pixels.size():
		count = maxi(count, index + 1) if pixels[index] > 0 else count
	for index: int in range(result.labels.size(), count):
		result.labels.append(str(index))
	for index: int in result.labels.size():
		result.shares.append(float(pixels[index]) / (size.x * size.y) if index < pixels.size() else 0.0)
		var at: int = index * 4
		result.colors.append(Color8(_palette[at], _palette[at + 1], _palette[at + 2], _palette[at + 3]))
	return result


# Four bytes for each of 256 classes.
static func _make_palette(given: PackedColorArray) -> PackedByteArray:
	var palette: PackedByteArray = []
	for index: int in _MOST_CLASSES:
		var colour: Color = Color.TRANSPARENT
		if index < given.size():
			colour = given[index]
		elif given.is_empty() and index > 0:
			# The golden ratio: neighbours have hues far from each other.
			colour = Color.from_hsv(fmod(index * 0.618034, 1.0), 0.8, 1.0, 0.6)
		palette.append_array([colour.r8, colour.g8, colour.b8, colour.a8])
	return palette
