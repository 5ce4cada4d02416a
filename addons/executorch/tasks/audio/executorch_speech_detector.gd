@tool
@icon("res://addons/executorch/icons/speech_detector.svg")
class_name ExecuTorchSpeechDetector
extends "res://addons/executorch/tasks/audio/audio_node.gd"
## A node that finds speech in sound: that of a microphone, of samples as they come, or of a whole recording.
##
## The model needs a task card of the kind [code]speech_detection[/code].
## [codeblock]
## func _ready() -> void:
##     $Ear.bus = &"Microphone"
##     $Ear.speech_started.connect(func(at: float) -> void: $Guard.listen())
##     $Ear.speech_ended.connect(func(speech: ExecuTorchSpeech) -> void: $Guard.answer(speech.get_duration()))
## [/codeblock]
## A microphone needs the project setting [member ProjectSettings.audio/driver/enable_input].

## Emitted on the main thread when somebody has spoken for the least time that counts. [param at_seconds] is where the
## speech began, from the beginning of the live sound.
signal speech_started(at_seconds: float)
## Emitted on the main thread when a speech has ended.
signal speech_ended(speech: ExecuTorchSpeech)

const SpeechMarks := preload("speech_marks.gd")
const _KIND: String = "speech_detection"

var _marks: SpeechMarks
var _probability: float = 0.0


## Returns all speeches of a sound: an [AudioStream] with a length, a [PackedFloat32Array] of one channel, or a
## [PackedVector2Array] of two. [param rate] is that of the arrays, in Hz; 0 means that of the [AudioServer]. Returns an
## empty array when nobody speaks, and when it fails. The live sound is left alone.
func detect(sound: Variant, rate: int = 0) -> Array[ExecuTorchSpeech]:
	var windows: AudioWindows = _windows_of(sound, rate)
	return _speeches_of(windows, _run(windows))


## Runs [method detect] on a worker thread: [code]await $Ear.detect_async(recording)[/code]. Returns an empty array also
## when the node leaves the tree before the call ends.
func detect_async(sound: Variant, rate: int = 0) -> Array[ExecuTorchSpeech]:
	var windows: AudioWindows = _windows_of(sound, rate)
	return _speeches_of(windows, await _run_async(windows))


## Returns [code]true[/code] while somebody speaks in the live sound.
func is_speech() -> bool:
	return _marks != null and _marks.is_speech()


## Returns the probability of speech in the last window of the live sound, 0 to 1.
func get_probability() -> float:
	return _probability


func _find_misfit(of_model: ExecuTorchModelDescription, card: TaskCard) -> ExecuTorchError:
	return _find_audio_misfit(of_model, card, _KIND)


func _hear(part: AudioWindows.Part, card: TaskCard) -> void:
	if _marks == null:
		_marks = SpeechMarks.new(card, _live.rate, _live.hop)
	var ended: int = _marks.count()
	_probability = _probability_of(part, card)
	var started: float = _marks.add(_probability)
	if started >= 0.0:
		speech_started.emit(started)
	_tell_ended(ended, _live)


func _hear_end(sound: AudioWindows) -> void:
	if _marks == null:
		return
	var ended: int = _marks.count()
	_marks.finish(sound.get_length())
	_tell_ended(ended, sound)
	_forget_answers()


func _forget_answers() -> void:
	_marks = null
	_probability = 0.0


func _tell_ended(already: int, sound: AudioWindows) -> void:
	# A listener may call forget_audio().
	var marks: SpeechMarks = _marks
	if marks != null and marks.count() > already:
		speech_ended.emit(marks.get_speech(already, sound.get_length()))


func _speeches_of(windows: AudioWindows, heard: Array[AudioWindows.Part]) -> Array[ExecuTorchSpeech]:
	var found: Array[ExecuTorchSpeech] = []
	if heard.is_empty():
		return found
	var card: TaskCard = TaskCard.new(_current_model())
	var marks: SpeechMarks = SpeechMarks.new(card, windows.rate, windows.hop)
	for part: AudioWindows.Part in heard:
		marks.add(_probability_of(part, card))
	marks.finish(windows.get_length())
	for index: int in marks.count():
		found.append(marks.get_speech(index, windows.get_length()))
	_end_decoding()
	return found


static func _probability_of(part: AudioWindows.Part, card: TaskCard) -> float:
	var values: PackedFloat32Array = _floats_of(part.outputs, card.text("output", "name"))
	var value: float = values[-1] if not values.is_empty() else 0.0
	return value if is_finite(value) else 0.0
