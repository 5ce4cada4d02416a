@tool
@icon("res://addons/executorch/icons/text_recognizer.svg")
class_name ExecuTorchTextRecognizer
extends "res://addons/executorch/tasks/image/picture_node.gd"
## A node that reads text in pictures. Its results are lines with their places.
##
## [member ExecuTorchNode.model] reads one line and needs a task card of the kind [code]text_recognition[/code].
## [member detection_model] finds the lines; without it the whole picture is one line.
## [codeblock]
## for line: ExecuTorchTextLine in await $Reader.recognize_async($Screenshot.texture):
##     print(line.text)
## [/codeblock]

## Emitted on the main thread when a picture was read. Lines are ordered from top to bottom and from left to right.
signal recognized(lines: Array[ExecuTorchTextLine])

const TextReading := preload("text_reading.gd")

## The model that finds lines, with a task card of the kind [code]text_detection[/code].
@export var detection_model: ExecuTorchResource:
	set(value):
		detection_model = value
		_follow_part(TextReading.Step.FIND)
## The model that finds out which lines are upside down, with a task card of the kind
## [code]image_classification[/code] and a label [code]180[/code].
@export var orientation_model: ExecuTorchResource:
	set(value):
		orientation_model = value
		_follow_part(TextReading.Step.TURN)
## Lines with a lower confidence are left out.
@export_range(0.0, 1.0, 0.01) var min_confidence: float = 0.5

# The sessions of detection_model and orientation_model.
var _parts: Array[ExecuTorchRuntime] = [ExecuTorchRuntime.new(), ExecuTorchRuntime.new()]
# How often the node left the tree: a reading that began before does not go on.
var _exits: int = 0


func _exit_tree() -> void:
	super._exit_tree()
	_exits += 1
	for part: ExecuTorchRuntime in _parts:
		part.cancel_all()


## Loads all models. Returns [code]true[/code] when they are loaded.
func load_model() -> bool:
	return super.load_model() and _load_part(TextReading.Step.FIND) and _load_part(TextReading.Step.TURN)


## Frees the memory of all models and cancels asynchronous calls.
func unload_model() -> void:
	super.unload_model()
	for part: ExecuTorchRuntime in _parts:
		part.unload_model()


## Reads the text in an [Image], a [Texture2D] or a [Viewport]. Returns an empty array when there is none and when it
## fails. Emits [signal recognized] or [signal ExecuTorchNode.inference_failed].
func recognize(picture: Object) -> Array[ExecuTorchTextLine]:
	var reading: TextReading = _begin(picture)
	while _continues(reading):
		var outputs: Dictionary = _run(reading)
		if outputs.is_empty():
			return _none()
		reading.take(outputs)
	return _end(reading)


## Runs [method recognize] on a worker thread: [code]await $Reader.recognize_async(texture)[/code]. Returns an empty
## array when it fails, and when the node leaves the tree before the call ends.
func recognize_async(picture: Object) -> Array[ExecuTorchTextLine]:
	var reading: TextReading = _begin(picture)
	var exits: int = _exits
	while _continues(reading):
		var outputs: Dictionary = await _run_async(reading)
		if outputs.is_empty() or _exits != exits:
			return _none()
		reading.take(outputs)
	return _end(reading)


func _kind() -> String:
	return "text_recognition"


func _called() -> String:
	return "a text recognizer"


func _find_misfit(of_model: ExecuTorchModelDescription, card: TaskCard) -> ExecuTorchError:
	var error: ExecuTorchError = super._find_misfit(of_model, card)
	if error == null and detection_model != null:
		error = _find_detection_misfit(TaskCard.new(detection_model))
	if error == null and orientation_model != null:
		error = _find_orientation_misfit(TaskCard.new(orientation_model))
	return error


func _output_misfit(of_model: ExecuTorchModelDescription, card: TaskCard) -> String:
	var shape: PackedInt64Array = TaskCard.shape_of(of_model, "outputs", card.text("output", "name"))
	var count: int = card.texts("output", "characters").size()
	if count < 1 or (not shape.is_empty() and shape[-1] != count + 1):
		return "The output has the shape %s; the task card has %d characters and the blank." % [shape, count]
	return ""


func _find_detection_misfit(card: TaskCard) -> ExecuTorchError:
	var error: ExecuTorchError = _find_picture_misfit(detection_model, card, "a text detector", "text_detection")
	var shape: PackedInt64Array = TextReading.OutputMap.shape_of(detection_model, card)
	if error == null and (shape.size() != 3 or shape[0] != 1):
		error = _wrong_task("The output of %s is not a map with one channel." % detection_model.get_model_name())
	return error


func _find_orientation_misfit(card: TaskCard) -> ExecuTorchError:
	var called: String = "a model for the orientation"
	var error: ExecuTorchError = _find_picture_misfit(orientation_model, card, called, "image_classification")
	if error == null and not card.texts("output", "labels").has("180"):
		error = _wrong_task('The task card of %s has no label "180".' % orientation_model.get_model_name())
	return error


# The reading of a picture; null when it cannot begin. The error is kept and told.
func _begin(picture: Object) -> TextReading:
	var found: ExecuTorchResource = _fitting_model()
	var image: Image = _read(picture) if found != null else null
	return TextReading.new(image, [detection_model, orientation_model, found]) if image != null else null


# Whether a model has to run. An error is kept and told.
func _continues(reading: TextReading) -> bool:
	if reading == null or reading.step == TextReading.Step.DONE:
		return false
	if reading.input.inputs.is_empty():
		reading.failure = _wrong_input()
		return false
	return true


func _end(reading: TextReading) -> Array[ExecuTorchTextLine]:
	var lines: Array[ExecuTorchTextLine] = _none()
	if reading == null:
		return lines
	if reading.failure != null:
		_tell_error(reading.failure)
		return lines
	for line: ExecuTorchTextLine in reading.lines:
		if line.confidence >= min_confidence and not line.text.is_empty():
			lines.append(line)
	_end_decoding()
	recognized.emit(lines)
	return lines


func _run(reading: TextReading) -> Dictionary:
	if reading.step == TextReading.Step.READ:
		return predict_named(reading.input.inputs)
	var session: ExecuTorchRuntime = _session_of(reading.step)
	var outputs: Dictionary = session.run_inference(reading.input.inputs)
	if outputs.is_empty():
		_tell_error(session.get_last_error())
	return outputs


func _run_async(reading: TextReading) -> Dictionary:
	if reading.step == TextReading.Step.READ:
		return await predict_named_async(reading.input.inputs)
	var request: ExecuTorchCall = _session_of(reading.step).submit(reading.input.inputs)
	if await _has_ended(request) and request.get_error() != null:
		inference_failed.emit(request.get_error())
	return request.result


func _part_model(step: TextReading.Step) -> ExecuTorchResource:
	return detection_model if step == TextReading.Step.FIND else orientation_model


func _session_of(step: TextReading.Step) -> ExecuTorchRuntime:
	if not _parts[step].is_model_loaded():
		_parts[step].follow(_part_model(step))
	return _parts[step]


func _follow_part(step: TextReading.Step) -> void:
	_parts[step].unload_model()
	update_configuration_warnings()


func _load_part(step: TextReading.Step) -> bool:
	if _part_model(step) == null or _session_of(step).load_method("forward") == OK:
		return true
	_tell_error(_parts[step].get_last_error())
	return false


static func _none() -> Array[ExecuTorchTextLine]:
	return []
