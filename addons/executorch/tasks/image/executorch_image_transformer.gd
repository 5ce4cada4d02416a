@tool
@icon("res://addons/executorch/icons/image_transformer.svg")
class_name ExecuTorchImageTransformer
extends "res://addons/executorch/tasks/image/picture_node.gd"
## A node that makes another picture of a picture: in another style, in a higher resolution, without noise.
##
## The model needs a task card of the kind [code]image_transformation[/code].
## [codeblock]
## $Sprite2D.texture = await $Painter.transform_async(photograph)
## [/codeblock]

## Emitted on the main thread when a picture was made.
signal transformed(texture: ImageTexture)

const OutputMap := preload("output_map.gd")
# Mean and deviation that bring the values to 0 to 1.
const _RANGES: Dictionary[String, Vector2] = {
	"0..1": Vector2(0.0, 1.0), "-1..1": Vector2(0.5, 0.5), "0..255": Vector2(0.0, 1.0 / 255.0)
}
const _CHANNELS: Dictionary[String, int] = {"gray": 1, "rgb": 3, "bgr": 3, "rgba": 4}

var _texture: ImageTexture = ImageTexture.new()


## Makes a picture of an [Image], a [Texture2D] or a [Viewport]. The texture is the same for all calls and shows the
## last picture, unless there is no display; it has 8 bits for each channel. Returns [code]null[/code] when it fails.
## Emits [signal transformed] or [signal ExecuTorchNode.inference_failed].
func transform(picture: Object) -> ImageTexture:
	var input: PictureInput = _prepare(picture)
	return _answer(input, predict_named(input.inputs)) if input != null else null


## Runs [method transform] on a worker thread: [code]await $Painter.transform_async(texture)[/code]. Returns
## [code]null[/code] when it fails, and when the node leaves the tree before the call ends.
func transform_async(picture: Object) -> ImageTexture:
	var input: PictureInput = _prepare(picture)
	return _answer(input, await predict_named_async(input.inputs)) if input != null else null


func _kind() -> String:
	return "image_transformation"


func _called() -> String:
	return "an image transformer"


func _output_misfit(of_model: ExecuTorchModelDescription, card: TaskCard) -> String:
	var shape: PackedInt64Array = OutputMap.shape_of(of_model, card)
	if shape.is_empty() or not _channels(card, shape[0]) in _CHANNELS:
		var found: PackedInt64Array = TaskCard.shape_of(of_model, "outputs", card.text("output", "name"))
		return "The output has the shape %s, which is not that of one picture with 1, 3 or 4 channels." % [found]
	if _CHANNELS[_channels(card, shape[0])] != shape[0]:
		return 'The output has %d channels and the task card "%s".' % [shape[0], _channels(card, shape[0])]
	if not card.text("output", "range", "0..1") in _RANGES:
		return "The task card has an unknown range of values."
	return ""


static func _channels(card: TaskCard, count: int) -> String:
	var given: String = card.text("output", "channels", "auto")
	return str({1: "gray", 3: "rgb", 4: "rgba"}.get(count, "")) if given == "auto" else given


func _answer(input: PictureInput, outputs: Dictionary) -> ImageTexture:
	if outputs.is_empty():
		return null
	var card: TaskCard = input.card
	var values: PackedFloat32Array = _floats_of(outputs, card.text("output", "name"))
	var map: OutputMap = OutputMap.new(input, values.size())
	var image: Image = _image_of(values, map, card) if map.size != Vector2i.ZERO else null
	if image == null:
		_tell_error(_wrong_task("The size of the output is not known; use an input of a fixed size."))
		return null
	if map.shown.size != map.size:
		image = image.get_region(map.shown)
	_texture = _shown(_texture, image)
	_end_decoding()
	transformed.emit(_texture)
	return _texture


static func _image_of(values: PackedFloat32Array, map: OutputMap, card: TaskCard) -> Image:
	var layout: String = card.text("output", "layout", "NCHW")
	var shape: PackedInt64Array = [map.channels, map.size.y, map.size.x]
	if layout == "NHWC":
		shape = [map.size.y, map.size.x, map.channels]
	var given: Vector2 = _RANGES[card.text("output", "range", "0..1")]
	var tensor: ExecuTorchTensor = ExecuTorchTensor.from_packed(values, shape)
	return tensor.to_image(_channels(card, map.channels), [given.x], [given.y], layout)
