@tool
@icon("res://addons/executorch/icons/audio_classifier.svg")
class_name ExecuTorchAudioClassifier
extends "res://addons/executorch/tasks/audio/audio_node.gd"
## A node that says what a sound is: of a microphone, of samples as they come, or of a recording.
##
## The model needs a task card of the kind [code]audio_classification[/code].
## [codeblock]
## var result: ExecuTorchClassification = $Ear.classify(recording)
## if result != null and result.label == "clap":
##     $Lamp.visible = not $Lamp.visible
## [/codeblock]

## Emitted on the main thread for each window of the live sound, and when a whole sound was classified.
signal classified(result: ExecuTorchClassification)

const _KIND: String = "audio_classification"

## The names of the classes. If it is empty, those of the task card are used.
@export var labels: PackedStringArray = []:
	set(value):
		labels = value
		update_configuration_warnings()
## Of how many windows of the live sound, the last ones, the probabilities are averaged.
@export_range(1, 1000) var averaged_windows: int = 1:
	set(value):
		averaged_windows = maxi(value, 1)

var _last: Array[PackedFloat32Array] = []


## Returns the classes of a sound, with the mean of the probabilities of its windows. The sound is an [AudioStream]
## with a length, a [PackedFloat32Array] of one channel, or a [PackedVector2Array] of two. [param rate] is that of the
## arrays, in Hz; 0 means that of the [AudioServer]. Returns [code]null[/code] when it fails. The live sound is left
## alone.
func classify(sound: Variant, rate: int = 0) -> ExecuTorchClassification:
	return _answer(_run(_windows_of(sound, rate)))


## Runs [method classify] on a worker thread: [code]await $Ear.classify_async(recording)[/code]. Returns
## [code]null[/code] when it fails, and when the node leaves the tree before the call ends.
func classify_async(sound: Variant, rate: int = 0) -> ExecuTorchClassification:
	return _answer(await _run_async(_windows_of(sound, rate)))


func _find_misfit(of_model: ExecuTorchModelDescription, card: TaskCard) -> ExecuTorchError:
	var error: ExecuTorchError = _find_audio_misfit(of_model, card, _KIND)
	var outputs: PackedInt64Array = TaskCard.shape_of(of_model, "outputs", card.text("output", "name"))
	var count: int = _labels(card).size()
	if error == null and (count == 0 or (not outputs.is_empty() and outputs[-1] != count)):
		var classes: int = outputs[-1] if not outputs.is_empty() else 0
		return _wrong_task("The model has %d classes and the task card %d labels." % [classes, count])
	return error


func _labels(card: TaskCard) -> PackedStringArray:
	return labels if not labels.is_empty() else card.texts("output", "labels")


func _hear(part: AudioWindows.Part, card: TaskCard) -> void:
	_last.append(_probabilities_of(part, card))
	if _last.size() > averaged_windows:
		_last = _last.slice(_last.size() - averaged_windows)
	classified.emit(ExecuTorchClassification.new(_labels(card), _mean(_last)))


func _hear_end(_sound: AudioWindows) -> void:
	_last.clear()


func _forget_answers() -> void:
	_last.clear()


func _answer(heard: Array[AudioWindows.Part]) -> ExecuTorchClassification:
	if heard.is_empty():
		return null
	var card: TaskCard = TaskCard.new(_current_model())
	var all: Array[PackedFloat32Array] = []
	for part: AudioWindows.Part in heard:
		all.append(_probabilities_of(part, card))
	var result: ExecuTorchClassification = ExecuTorchClassification.new(_labels(card), _mean(all))
	_end_decoding()
	classified.emit(result)
	return result


# The probabilities of a window; of one with several frames, their mean.
func _probabilities_of(part: AudioWindows.Part, card: TaskCard) -> PackedFloat32Array:
	var values: PackedFloat32Array = _floats_of(part.outputs, card.text("output", "name"))
	var count: int = maxi(_labels(card).size(), 1)
	var frames: Array[PackedFloat32Array] = []
	for begin: int in range(0, values.size() - count + 1, count):
		frames.append(_activated(values.slice(begin, begin + count), card.text("output", "activation", "softmax")))
	return _mean(frames)


static func _activated(values: PackedFloat32Array, activation: String) -> PackedFloat32Array:
	if activation == "softmax":
		return ExecuTorchTensor.from_packed(values).softmax().data
	if activation == "sigmoid":
		for index: int in values.size():
			values[index] = 1.0 / (1.0 + exp(-values[index]))
	return values


static func _mean(all: Array[PackedFloat32Array]) -> PackedFloat32Array:
	var sum: PackedFloat32Array = all[0].duplicate() if not all.is_empty() else PackedFloat32Array()
	for index: int in range(1, all.size()):
		for each: int in mini(sum.size(), all[index].size()):
			sum[each] += all[index][each]
	for each: int in sum.size():
		sum[each] /= all.size()
	return sum
