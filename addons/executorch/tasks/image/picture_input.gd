@tool
extends RefCounted
## A picture as the input of a model, prepared as the task card says (docs/tasks.md), and the way back from places in
## the input to places in the picture.

const NativeLibrary := preload("res://addons/executorch/runtime/library/native_library.gd")
const TaskCard := preload("../task_card.gd")

## The model that the picture was prepared for, with its card.
var model: ExecuTorchModelDescription
var card: TaskCard
## The inputs of the model by name; empty when the picture cannot be converted.
var inputs: Dictionary = {}
## The size of the picture in pixels.
var picture_size: Vector2i
## The size of the model's input in pixels.
var input_size: Vector2i
## Where the picture is in the input, in pixels of the input. With "cover" and "stretch" it is the whole input.
var shown: Rect2i
## The part of the picture that [member shown] shows, in pixels of the picture.
var part: Rect2i


## The image of an [Image], a [Texture2D] or a [Viewport]; null when it is something else.
static func image_of(picture: Object) -> Image:
	if picture is Image:
		return picture
	if picture is Viewport:
		picture = (picture as Viewport).get_texture()
	return (picture as Texture2D).get_image() if picture is Texture2D else null


func _init(image: Image, of_model: ExecuTorchModelDescription) -> void:
	model = of_model
	card = TaskCard.new(of_model)
	picture_size = image.get_size()
	var layout: String = card.text("input", "layout", "NCHW")
	input_size = _size_of(layout)
	if mini(input_size.x, input_size.y) < 1:
		return
	_fit(card.text("input", "resize", "stretch"))
	var shape: Array = [1, input_size.y, input_size.x, -1] if layout == "NHWC" else [1, -1, input_size.y, input_size.x]
	var values: PackedFloat32Array = _values_of(image, layout)
	if values.is_empty():
		return
	var name: String = card.text("input", "name")
	var tensor: ExecuTorchTensor = ExecuTorchTensor.from_packed(values).reshaped(PackedInt64Array(shape))
	inputs["input_0" if name.is_empty() else name] = tensor


## A place in the input (in its pixels) as a place in the picture.
func to_picture(point: Vector2) -> Vector2:
	return Vector2(part.position) + (point - Vector2(shown.position)) * Vector2(part.size) / Vector2(shown.size)


# The card's size, or the model's own.
func _size_of(layout: String) -> Vector2i:
	var given: PackedFloat32Array = card.numbers("input", "size")
	if given.size() == 2:
		return Vector2i(int(given[0]), int(given[1]))
	var shape: PackedInt64Array = TaskCard.shape_of(model, "inputs", card.text("input", "name"))
	return Vector2i(shape[2], shape[1]) if layout == "NHWC" else Vector2i(shape[3], shape[2])


# "cover" shows the middle of the picture, "contain" all of it with borders, "height" a line of text from the left.
func _fit(resize: String) -> void:
	shown = Rect2i(Vector2i.ZERO, input_size)
	part = Rect2i(Vector2i.ZERO, picture_size)
	var scale: Vector2 = Vector2(input_size) / Vector2(picture_size)
	if resize == "cover":
		part.size = Vector2i((Vector2(input_size) / maxf(scale.x, scale.y)).round()).clamp(Vector2i.ONE, picture_size)
		part.position = _half(picture_size - part.size)
	elif resize == "contain":
		shown.size = Vector2i((Vector2(picture_size) * minf(scale.x, scale.y)).round()).clamp(Vector2i.ONE, input_size)
		shown.position = _half(input_size - shown.size)
	elif resize == "height":
		shown.size.x = clampi(ceili(picture_size.x * scale.y), 1, input_size.x)


static func _half(size: Vector2i) -> Vector2i:
	return Vector2i(Vector2(size) / 2.0)


func _values_of(image: Image, layout: String) -> PackedFloat32Array:
	if part.size != picture_size:
		if image.is_compressed():
			image = image.duplicate()
			image.decompress()
		image = image.get_region(part)
	var frame: PackedInt32Array = [input_size.x, input_size.y, shown.position.x, shown.position.y]
	return NativeLibrary.statics().image_to_tensor(
		image,
		shown.size.x,
		shown.size.y,
		card.text("input", "channels", "rgb"),
		card.numbers("input", "mean"),
		card.numbers("input", "deviation"),
		layout,
		frame,
		card.number("input", "padding", 0.0)
	)
