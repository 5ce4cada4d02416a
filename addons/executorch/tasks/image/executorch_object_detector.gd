@tool
@icon("res://addons/executorch/icons/object_detector.svg")
class_name ExecuTorchObjectDetector
extends "res://addons/executorch/tasks/image/picture_node.gd"
## A node that finds objects in pictures. Its results are boxes with labels, in pixels of the picture.
##
## The model needs a task card of the kind [code]object_detection[/code].
## [codeblock]
## for found: ExecuTorchDetection in $Detector.detect(get_viewport()):
##     print(found.label, " at ", found.box)
## [/codeblock]
## Use [method detect_async] for models that take longer than a frame.

## Emitted on the main thread when a picture was searched. The best object is the first.
signal detected(objects: Array[ExecuTorchDetection])

## The names of the classes. If it is empty, those of the task card are used.
@export var labels: PackedStringArray = []:
	set(value):
		labels = value
		update_configuration_warnings()
@export_group("Thresholds (below 0: those of the task card)")
## Objects with a lower score are left out. Below 0 the threshold of the task card is used.
@export_range(-1.0, 1.0, 0.01) var score_threshold: float = -1.0
## Of two boxes that overlap more than this (intersection over union), the better one is kept. Below 0 the threshold
## of the task card is used.
@export_range(-1.0, 1.0, 0.01) var iou_threshold: float = -1.0


## Finds objects in an [Image], a [Texture2D] or a [Viewport], the best first. Returns an empty array when there are
## none and when it fails. Emits [signal detected] or [signal ExecuTorchNode.inference_failed].
func detect(picture: Object) -> Array[ExecuTorchDetection]:
	var input: PictureInput = _prepare(picture)
	return _answer(input, predict_named(input.inputs)) if input != null else _none()


## Runs [method detect] on a worker thread: [code]await $Detector.detect_async(texture)[/code]. Returns an empty array
## when it fails, and when the node leaves the tree before the call ends.
func detect_async(picture: Object) -> Array[ExecuTorchDetection]:
	var input: PictureInput = _prepare(picture)
	return _answer(input, await predict_named_async(input.inputs)) if input != null else _none()


## Non-maximum suppression for models that are not run by this node. [param boxes] are left, top, right and bottom of
## each box. Returns the indices of the boxes to keep, at most [param max_boxes], the best first: of two that overlap
## more than [param overlap] (intersection over union), the one with the higher score is kept. Boxes with different
## numbers in [param classes] do not compete.
static func suppress_overlaps(
	boxes: PackedFloat32Array,
	scores: PackedFloat32Array,
	overlap: float,
	classes: PackedInt32Array = PackedInt32Array(),
	max_boxes: int = 300
) -> PackedInt32Array:
	var library: RefCounted = PictureInput.NativeLibrary.vision()
	if library == null:
		PictureInput.NativeLibrary.missing_error().report("")
		return PackedInt32Array()
	return library.suppress(boxes, scores, classes, overlap, max_boxes)


func _kind() -> String:
	return "object_detection"


func _called() -> String:
	return "an object detector"


func _output_misfit(of_model: ExecuTorchModelDescription, card: TaskCard) -> String:
	for field: String in ["boxes", "scores", "classes", "landmarks"]:
		var output: String = card.text("output", field)
		if not output.is_empty() and TaskCard.value_of(of_model, "outputs", output).is_empty():
			return 'The model has no output "%s", which the task card names.' % output
	if card.text("output", "layout") == "separate" and card.text("output", "scores").is_empty():
		return "The task card names no output for the scores."
	if _class_count(of_model, card) < 1:
		var shape: PackedInt64Array = TaskCard.shape_of(of_model, "outputs", _score_output(card))
		return "The output has the shape %s, which does not fit the layout and labels of the task card." % [shape]
	return ""


func _labels(card: TaskCard) -> PackedStringArray:
	return labels if not labels.is_empty() else card.texts("output", "labels")


static func _score_output(card: TaskCard) -> String:
	var is_separate: bool = card.text("output", "layout", "yolo_v8") == "separate"
	return card.text("output", "scores") if is_separate else card.text("output", "boxes")


# The number of classes that the model has, or 0 when its output and the labels do not fit.
func _class_count(of_model: ExecuTorchModelDescription, card: TaskCard) -> int:
	var names: int = _labels(card).size()
	var layout: String = card.text("output", "layout", "yolo_v8")
	var has_class_output: bool = layout == "separate" and not card.text("output", "classes").is_empty()
	if layout == "yolo_v10" or has_class_output:
		return maxi(names, 1)
	var shape: PackedInt64Array = TaskCard.shape_of(of_model, "outputs", _score_output(card))
	if shape.size() < 2:
		return 0
	var count: int = shape[-1]
	if layout == "separate":
		count -= 0 if card.text("output", "background", "none") == "none" else 1
	else:
		var points: int = card.whole("output", "landmark_count", 0) * card.whole("output", "landmark_numbers", 2)
		count = shape[-2] - 4 - points if layout == "yolo_v8" else shape[-1] - 5 - points
	return count if names in [0, count] else 0


func _answer(input: PictureInput, outputs: Dictionary) -> Array[ExecuTorchDetection]:
	if outputs.is_empty():
		return _none()
	var card: TaskCard = input.card
	var found: Dictionary = PictureInput.NativeLibrary.vision().detect(
		_values_of(outputs, card, "boxes"),
		_values_of(outputs, card, "scores"),
		_values_of(outputs, card, "classes"),
		_values_of(outputs, card, "landmarks"),
		_options(input)
	)
	if found.has("error"):
		_tell_error(ExecuTorchError.from_dictionary(found["error"] as Dictionary))
		return _none()
	var objects: Array[ExecuTorchDetection] = _objects_of(found, input)
	_end_decoding()
	detected.emit(objects)
	return objects


# One output by the card's field. Of a YOLO head there are the boxes alone, and they are the first output.
static func _values_of(outputs: Dictionary, card: TaskCard, field: String) -> PackedFloat32Array:
	var is_separate: bool = card.text("output", "layout", "yolo_v8") == "separate"
	var output: String = card.text("output", field)
	if field == "boxes" or (is_separate and not output.is_empty()):
		return _floats_of(outputs, output)
	return PackedFloat32Array()


func _options(input: PictureInput) -> Dictionary:
	var card: TaskCard = input.card
	var layout: String = card.text("output", "layout", "yolo_v8")
	var format: String = card.text("output", "format", "auto")
	if format == "auto":
		format = "cxcywh" if layout in ["yolo_v8", "yolo_v5"] else "xyxy"
	var score: float = card.number("output", "score_threshold", 0.25)
	var overlap: float = card.number("output", "iou_threshold", 0.45)
	return {
		"layout": layout,
		"format": format,
		"activation": card.text("output", "activation", "none"),
		"background": card.text("output", "background", "none"),
		"classes": _class_count(input.model, card),
		"landmarks": card.whole("output", "landmark_count", 0),
		"landmark_numbers": card.whole("output", "landmark_numbers", 2),
		"score_threshold": score_threshold if score_threshold >= 0.0 else score,
		"iou_threshold": iou_threshold if iou_threshold >= 0.0 else overlap,
		"most": card.whole("output", "max_boxes", 300),
		"per_label": not card.flag("output", "class_agnostic", false),
	}


func _objects_of(found: Dictionary, input: PictureInput) -> Array[ExecuTorchDetection]:
	var is_normalized: bool = input.card.text("output", "scale", "pixels") == "normalized"
	var unit: Vector2 = Vector2(input.input_size) if is_normalized else Vector2.ONE
	var names: PackedStringArray = _labels(input.card)
	var boxes: PackedFloat32Array = found["boxes"]
	var points: PackedFloat32Array = found["landmarks"]
	var picture: Rect2 = Rect2(Vector2.ZERO, Vector2(input.picture_size))
	var objects: Array[ExecuTorchDetection] = _none()
	var count: int = (found["scores"] as PackedFloat32Array).size()
	for row: int in count:
		var object: ExecuTorchDetection = ExecuTorchDetection.new()
		var begin: Vector2 = input.to_picture(Vector2(boxes[row * 4], boxes[row * 4 + 1]) * unit)
		var end: Vector2 = input.to_picture(Vector2(boxes[row * 4 + 2], boxes[row * 4 + 3]) * unit)
		object.box = Rect2(begin, end - begin).intersection(picture)
		object.index = found["labels"][row]
		object.label = names[object.index] if object.index < names.size() else str(object.index)
		object.score = found["scores"][row]
		var each: int = floori(float(points.size()) / count)
		for place: int in range(row * each, row * each + each, 2):
			object.landmarks.append(input.to_picture(Vector2(points[place], points[place + 1]) * unit))
		if object.box.has_area():
			objects.append(object)
	return objects


static func _none() -> Array[ExecuTorchDetection]:
	return []
