@tool
class_name ExecuTorchTextMatch
extends RefCounted
## One of several lines, found by [method ExecuTorchTextEmbedder.closest].
##
## [codeblock]
## var found: ExecuTorchTextMatch = $Embedder.closest(typed, lines)
## print(found.text, " ", found.similarity)
## [/codeblock]

## The index of the line in the array, or -1.
var index: int = -1
## The line.
var text: String = ""
## The cosine of the angle between the two vectors, from -1 to 1. Larger values mean more similar texts.
var similarity: float = -1.0


func _init(place: int = -1, line: String = "", cosine: float = -1.0) -> void:
	index = place
	text = line
	similarity = cosine


func _to_string() -> String:
	return '"%s" (%.3f)' % [text, similarity]
