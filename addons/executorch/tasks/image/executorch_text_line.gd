@tool
class_name ExecuTorchTextLine
extends RefCounted
## A line of text that an [ExecuTorchTextRecognizer] read in a picture.
##
## [codeblock]
## for line: ExecuTorchTextLine in $Reader.recognize(picture):
##     print(line.text, " at ", line.get_rect())
## [/codeblock]

## What is written.
var text: String = ""
## How sure the model is, 0 to 1: the mean of the characters.
var confidence: float = 0.0
## The corners of the line from the top left one, clockwise, in pixels of the picture. They lie inside of the picture.
var box: PackedVector2Array


## Returns the smallest upright rectangle around [member box].
func get_rect() -> Rect2:
	var rect: Rect2 = Rect2(box[0], Vector2.ZERO) if not box.is_empty() else Rect2()
	for corner: Vector2 in box:
		rect = rect.expand(corner)
	return rect


func _to_string() -> String:
	return '"%s" (%.1f %%) at %s' % [text, confidence * 100.0, get_rect()]
