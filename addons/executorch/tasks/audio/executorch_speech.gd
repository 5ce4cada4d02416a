@tool
class_name ExecuTorchSpeech
extends RefCounted
## A part of a sound in which somebody speaks, found by an [ExecuTorchSpeechDetector].
##
## [codeblock]
## for speech: ExecuTorchSpeech in $Ear.detect(recording):
##     print("%.2f s to %.2f s" % [speech.start, speech.end])
## [/codeblock]

## Where it begins, in seconds from the beginning of the sound.
var start: float = 0.0
## Where it ends, in seconds from the beginning of the sound.
var end: float = 0.0


func _init(from: float = 0.0, to: float = 0.0) -> void:
	start = from
	end = to


## Returns its length in seconds.
func get_duration() -> float:
	return end - start


func _to_string() -> String:
	return "%.2f s to %.2f s" % [start, end]
