@tool
class_name ExecuTorchDetection
extends RefCounted
## An object that an [ExecuTorchObjectDetector] found in a picture.
##
## [codeblock]
## for found: ExecuTorchDetection in $Detector.detect(picture):
##     draw_rect(found.box, Color.RED, false)
## [/codeblock]

## Where the object is, in pixels of the picture. It lies inside of the picture.
var box: Rect2
## The name of its class.
var label: String = ""
## The index of its class.
var index: int = -1
## How sure the model is, 0 to 1.
var score: float = 0.0
## Points of the object, such as eyes or joints, in pixels of the picture. Empty for a model without landmarks.
var landmarks: PackedVector2Array


func _to_string() -> String:
	return "%s (%.1f %%) at %s" % [label, score * 100.0, box]
