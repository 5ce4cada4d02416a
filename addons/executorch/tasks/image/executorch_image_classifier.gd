@tool
@icon("res://addons/executorch/icons/image_classifier.svg")
class_name ExecuTorchImageClassifier
extends "res://addons/executorch/tasks/image/picture_node.gd"
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

## The names of the classes. If it is empty, those of the task card are used.
@export var labels: PackedStringArray = []:
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
	var input: PictureInput = _prepare(picture)
	return _answer(input, predict_named(input.inputs)) if input != null else null


## Runs [method classify] on a worker thread: [code]await $Classifier.classify_async(texture)[/code]. Returns
## [code]null[/code] when it fails, and when the node leaves the tree before the call ends.
func classify_async(picture: Object) -> ExecuTorchClassification:
	var input: PictureInput = _prepare(picture)
	return _answer(input, await predict_named_async(input.inputs)) if input != null else null


## Drops the earlier results of [member smoothing], for example after a change of scene.
func forget_frames() -> void:
	_before = PackedFloat32Array()


func _kind() -> String:
	return "image_classification"


func _called() -> String:
	return "an image classifier"


func _output_misfit(of_model: ExecuTorchModelDescription, card: TaskCard) -> String:
	var outputs: PackedInt64Array = TaskCard.shape_of(of_model, "outputs", card.text("output", "name"))
	var names: PackedStringArray = _labels(card)
	if not outputs.is_empty() and outputs[-1] != names.size():
		return "The model has %d classes and the task card %d labels." % [outputs[-1], names.size()]
	return ""


func _labels(card: TaskCard) -> PackedStringArray:
	return labels if not labels.is_empty() else card.texts("output", "labels")


func _answer(input: PictureInput, outputs: Dictionary) -> ExecuTorchClassification:
	if outputs.is_empty():
		return null
	var values: PackedFloat32Array = _floats_of(outputs, input.card.text("output", "name"))
	if input.card.text("output", "activation", "softmax") == "softmax":
		values = ExecuTorchTensor.from_packed(values).softmax().data
	if smoothing > 0.0 and _before.size() == values.size():
		for index: int in values.size():
			values[index] = lerpf(values[index], _before[index], smoothing)
	_before = values
	var result: ExecuTorchClassification = ExecuTorchClassification.new(_labels(input.card), values)
	_end_decoding()
	classified.emit(result)
	return result
