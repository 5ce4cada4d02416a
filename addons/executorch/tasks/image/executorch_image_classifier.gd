@tool
@icon("res://addons/executorch/icons/image_classifier.svg")
class_name ExecuTorchImageClassifier
extends "../task_node.gd"
## A node that classifies images. Its results are labels with probabilities.
##
## The model needs a task card of the kind [code]image_classification[/code].
## [codeblock]
## var result: ExecuTorchClassification = $Classifier.classify($Drawing.texture)
## if result != null:
##     print("%s (%.0f %%)" % [result.label, result.probability * 100.0])
## [/codeblock]
## Use [method classify_async] for models that take longer than a frame.

## Emitted on the main thread when an image was classified.
signal classified(result: ExecuTorchClassification)

const _KIND: String = "image_classification"

## The names of the classes. If it is empty, those of the task card are used.
@export var labels: PackedStringArray = PackedStringArray():
	set(value):
		labels = value
		update_configuration_warnings()
## The weight of earlier results, for the frames of a camera or video: 0 ignores them.
@export_range(0.0, 0.99, 0.01) var smoothing: float = 0.0:
	set(value):
		smoothing = clampf(value, 0.0, 0.99)
		forget_frames()

var _before: PackedFloat32Array = []


## Classifies an [Image], a [Texture2D] or a [Viewport]. Returns [code]null[/code] when it fails. Emits
## [signal classified] or [signal ExecuTorchNode.inference_failed].
func classify(picture: Object) -> ExecuTorchClassification:
	var inputs: Dictionary = _prepare(picture)
	return _answer(predict_named(inputs)) if not inputs.is_empty() else null


## Runs [method classify] on a worker thread: [code]await $Classifier.classify_async(texture)[/code]. Returns
## [code]null[/code] when it fails, and when the node leaves the tree before the call ends.
func classify_async(picture: Object) -> ExecuTorchClassification:
	var inputs: Dictionary = _prepare(picture)
	return _answer(await predict_named_async(inputs)) if not inputs.is_empty() else null


## Drops the earlier results of [member smoothing], for example after a change of scene.
func forget_frames() -> void:
	_before = PackedFloat32Array()


func _find_misfit(of_model: ExecuTorchModelDescription, card: TaskCard) -> ExecuTorchError:
	if card.kind != _KIND:
		var has: String = 'has a task card of the kind "%s"' % card.kind if card.kind else "has no task card"
		return _wrong_task('%s %s; an image classifier needs "%s".' % [of_model.get_model_name(), has, _KIND])
	var shape: PackedInt64Array = TaskCard.shape_of(of_model, "inputs", card.text("input", "name"))
	if shape.size() != 4:
		return _wrong_task("The input has the shape %s; a picture has four dimensions." % [shape])
	var outputs: PackedInt64Array = TaskCard.shape_of(of_model, "outputs", card.text("output", "name"))
	var names: PackedStringArray = _labels(card)
	if not outputs.is_empty() and outputs[-1] != names.size():
		return _wrong_task("The model has %d classes and the task card %d labels." % [outputs[-1], names.size()])
	return null


func _labels(card: TaskCard) -> PackedStringArray:
	return labels if not labels.is_empty() else card.texts("output", "labels")


# The model's input of a picture; empty when there is none.
func _prepare(picture: Object) -> Dictionary:
	var found: ExecuTorchResource = _fitting_model()
	if found == null:
		return {}
	var image: Image = _image_of(picture)
	if image == null or image.is_empty():
		var what: String = "a picture without pixels" if picture != null else "nothing"
		var remedy: String = "Give an Image, a Texture2D or a Viewport that has been drawn."
		_tell_error(
			ExecuTorchError.create(ExecuTorchError.Code.NOT_A_PICTURE, "Expected a picture, got %s." % what, remedy)
		)
		return {}
	var card: TaskCard = TaskCard.new(found)
	var layout: String = card.text("input", "layout", "NCHW")
	var size: Vector2i = _size_of(found, card, layout)
	var tensor: ExecuTorchTensor = ExecuTorchTensor.from_image(
		_fitted(image, size, card.text("input", "resize", "stretch")),
		size,
		card.text("input", "channels", "rgb"),
		card.numbers("input", "mean"),
		card.numbers("input", "deviation"),
		layout
	)
	return (
		{"input_0" if card.text("input", "name").is_empty() else card.text("input", "name"): tensor} if tensor else {}
	)


static func _image_of(picture: Object) -> Image:
	if picture is Image:
		return picture
	if picture is Viewport:
		picture = (picture as Viewport).get_texture()
	return (picture as Texture2D).get_image() if picture is Texture2D else null


# The card's size, or the model's own.
static func _size_of(of_model: ExecuTorchModelDescription, card: TaskCard, layout: String) -> Vector2i:
	var given: PackedFloat32Array = card.numbers("input", "size")
	if given.size() == 2:
		return Vector2i(int(given[0]), int(given[1]))
	var shape: PackedInt64Array = TaskCard.shape_of(of_model, "inputs", card.text("input", "name"))
	return Vector2i(shape[2], shape[1]) if layout == "NHWC" else Vector2i(shape[3], shape[2])


# The part of the picture that is shown ("cover"), or the picture with black beside it ("contain").
static func _fitted(image: Image, size: Vector2i, resize: String) -> Image:
	var own: Vector2i = image.get_size()
	if resize == "stretch" or own.x * size.y == own.y * size.x:
		return image
	if image.is_compressed():
		image = image.duplicate()
		image.decompress()
	var is_wide: bool = own.x * size.y > own.y * size.x
	if resize == "cover":
		var kept: Vector2i = (
			Vector2i(maxi(roundi(float(own.y) * size.x / size.y), 1), own.y)
			if is_wide
			else Vector2i(own.x, maxi(roundi(float(own.x) * size.y / size.x), 1))
		)
		return image.get_region(Rect2i(_half(own - kept), kept))
	var whole: Vector2i = (
		Vector2i(own.x, roundi(float(own.x) * size.y / size.x))
		if is_wide
		else Vector2i(roundi(float(own.y) * size.x / size.y), own.y)
	)
	var framed: Image = Image.create_empty(whole.x, whole.y, false, image.get_format())
	framed.blit_rect(image, Rect2i(Vector2i.ZERO, own), _half(whole - own))
	return framed


static func _half(size: Vector2i) -> Vector2i:
	return Vector2i(Vector2(size) / 2.0)


func _answer(outputs: Dictionary) -> ExecuTorchClassification:
	var found: ExecuTorchResource = model if model != null else get_session().get_resource()
	if outputs.is_empty() or found == null:
		return null
	var card: TaskCard = TaskCard.new(found)
	var values: PackedFloat32Array = _floats_of(outputs, card.text("output", "name"))
	if card.text("output", "activation", "softmax") == "softmax":
		values = ExecuTorchTensor.from_packed(values).softmax().data
	if smoothing > 0.0 and _before.size() == values.size():
		for index: int in values.size():
			values[index] = lerpf(values[index], _before[index], smoothing)
	_before = values
	var result: ExecuTorchClassification = ExecuTorchClassification.new(_labels(card), values)
	classified.emit(result)
	return result
