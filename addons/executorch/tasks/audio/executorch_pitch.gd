@tool
class_name ExecuTorchPitch
extends RefCounted
## The pitch of a moment of a sound, found by an [ExecuTorchPitchDetector].
##
## [codeblock]
## for pitch: ExecuTorchPitch in $Tuner.detect(recording):
##     if pitch.is_voiced:
##         print(pitch.at, " s: ", pitch.hertz, " Hz, MIDI note ", roundi(pitch.get_note()))
## [/codeblock]

## Where it is, in seconds from the beginning of the sound.
var at: float = 0.0
## The frequency in Hz.
var hertz: float = 0.0
## How sure the model is that there is a pitch, 0 to 1.
var confidence: float = 0.0
## Whether [member confidence] reaches the threshold of the task card.
var is_voiced: bool = false


func _init(seconds: float = 0.0, frequency: float = 0.0, sure: float = 0.0, threshold: float = 0.5) -> void:
	at = seconds
	hertz = frequency
	confidence = sure
	is_voiced = sure >= threshold and frequency > 0.0


## Returns the MIDI note with its fraction: 69 is A4, 440 Hz, and a semitone is 1. Returns [constant @GDScript.NAN] for
## a frequency that is not above 0.
func get_note() -> float:
	return 69.0 + 12.0 * log(hertz / 440.0) / log(2.0) if hertz > 0.0 else NAN


func _to_string() -> String:
	return "%.1f Hz (%.0f %%) at %.2f s" % [hertz, confidence * 100.0, at]
