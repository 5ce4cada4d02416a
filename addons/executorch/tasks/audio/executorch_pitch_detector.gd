@tool
@icon("res://addons/executorch/icons/pitch_detector.svg")
class_name ExecuTorchPitchDetector
extends "res://addons/executorch/tasks/audio/audio_node.gd"
## A node that finds the pitch of a voice or an instrument: of a microphone, of samples as they come, or of a recording.
##
## The model needs a task card of the kind [code]pitch_detection[/code].
## [codeblock]
## func _ready() -> void:
##     $Tuner.bus = &"Microphone"
##     $Tuner.pitch_detected.connect(_on_pitch_detected)
##
## func _on_pitch_detected(pitch: ExecuTorchPitch) -> void:
##     if pitch.is_voiced:
##         $Bird.position.y = remap(pitch.get_note(), 48.0, 72.0, 600.0, 0.0)
## [/codeblock]

## Emitted on the main thread for each moment of the live sound, also for those without a pitch.
signal pitch_detected(pitch: ExecuTorchPitch)

const _KIND: String = "pitch_detection"
# Bins count cents from this frequency on: torchcrepe/convert.py.
const _CENTS_FROM: float = 10.0
# Bins on both sides of the largest that take part in the mean: torchcrepe/decode.py.
const _NEAR_BINS: int = 4

var _last: ExecuTorchPitch


## Returns the pitches of a sound: an [AudioStream] with a length, a [PackedFloat32Array] of one channel, or a
## [PackedVector2Array] of two. [param rate] is that of the arrays, in Hz; 0 means that of the [AudioServer]. Returns an
## empty array when it fails. The live sound is left alone.
func detect(sound: Variant, rate: int = 0) -> Array[ExecuTorchPitch]:
	var windows: AudioWindows = _windows_of(sound, rate)
	return _pitches_of(windows, _run(windows))


## Runs [method detect] on a worker thread: [code]await $Tuner.detect_async(recording)[/code]. Returns an empty array
## also when the node leaves the tree before the call ends.
func detect_async(sound: Variant, rate: int = 0) -> Array[ExecuTorchPitch]:
	var windows: AudioWindows = _windows_of(sound, rate)
	return _pitches_of(windows, await _run_async(windows))


## Returns the last pitch of the live sound, or [code]null[/code] before the first.
func get_pitch() -> ExecuTorchPitch:
	return _last


func _find_misfit(of_model: ExecuTorchModelDescription, card: TaskCard) -> ExecuTorchError:
	return _find_audio_misfit(of_model, card, _KIND)


func _hear(part: AudioWindows.Part, card: TaskCard) -> void:
	var live: AudioWindows = _live
	for pitch: ExecuTorchPitch in _frames_of(part, card, live):
		# A listener may call forget_audio().
		if live == _live:
			_last = pitch
			pitch_detected.emit(pitch)


func _forget_answers() -> void:
	_last = null


func _pitches_of(windows: AudioWindows, heard: Array[AudioWindows.Part]) -> Array[ExecuTorchPitch]:
	var found: Array[ExecuTorchPitch] = []
	var card: TaskCard = TaskCard.new(_current_model())
	for part: AudioWindows.Part in heard:
		found.append_array(_frames_of(part, card, windows))
	_end_decoding()
	return found


# The moments of a window that are inside of the sound so far.
func _frames_of(part: AudioWindows.Part, card: TaskCard, sound: AudioWindows) -> Array[ExecuTorchPitch]:
	var values: PackedFloat32Array = _floats_of(part.outputs, card.text("output", "name"))
	var has_bins: bool = card.text("output", "form", "hertz") == "bins"
	var bins: int = 1
	if has_bins:
		var of_model: ExecuTorchModelDescription = _current_model()
		var shape: PackedInt64Array = TaskCard.shape_of(of_model, "outputs", card.text("output", "name"))
		bins = shape[-1] if not shape.is_empty() else values.size()
	var confidence: PackedFloat32Array = []
	if not card.text("output", "confidence").is_empty():
		confidence = _floats_of(part.outputs, card.text("output", "confidence"))
	var step: int = card.whole("output", "step", 256)
	var found: Array[ExecuTorchPitch] = []
	for frame: int in floori(float(values.size()) / maxi(bins, 1)):
		var place: int = part.place + frame * step + card.whole("output", "offset", 0)
		if place >= sound.get_length():
			break
		var hertz: float = values[frame]
		var sure: float = confidence[frame] if frame < confidence.size() else 1.0
		if has_bins:
			var best: Vector2 = _best_bin(values.slice(frame * bins, (frame + 1) * bins), card)
			hertz = best.x
			sure = best.y if confidence.is_empty() else sure
		if not is_finite(hertz) or not is_finite(sure) or _is_silent(part, frame * step, step, card, sound.context):
			sure = 0.0
		found.append(
			ExecuTorchPitch.new(float(place) / sound.rate, hertz, sure, card.number("output", "threshold", 0.5))
		)
	return found


# The mean of the largest bin and those near it, in Hz, and the largest value.
static func _best_bin(values: PackedFloat32Array, card: TaskCard) -> Vector2:
	var best: int = ExecuTorchTensor.from_packed(values).argmax()
	if best < 0:
		return Vector2.ZERO
	var sum: float = 0.0
	var weights: float = 0.0
	for bin: int in range(maxi(best - _NEAR_BINS, 0), mini(best + _NEAR_BINS + 1, values.size())):
		sum += values[bin] * bin
		weights += values[bin]
	var place: float = sum / weights if weights > 0.0 else float(best)
	var cents: float = card.number("output", "first_cents", 1997.3794) + place * card.number("output", "cents", 20.0)
	return Vector2(_CENTS_FROM * pow(2.0, cents / 1200.0), values[best])


# Networks that compute with logarithms find pitches in silence.
static func _is_silent(part: AudioWindows.Part, begin: int, count: int, card: TaskCard, context: int) -> bool:
	var least: float = card.number("output", "silence", 0.0)
	for index: int in range(context + begin, mini(context + begin + count, part.samples.size())):
		if absf(part.samples[index]) >= least:
			return false
	return least > 0.0
