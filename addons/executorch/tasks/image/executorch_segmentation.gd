@tool
class_name ExecuTorchSegmentation
extends RefCounted
## The answer of an [ExecuTorchImageSegmenter]: which class each place of a picture has.
##
## [codeblock]
## var result: ExecuTorchSegmentation = $Segmenter.segment(picture)
## if result != null and result.labels[result.get_class_at(Vector2(20, 40))] == "water":
##     print("wet: ", result.shares[result.labels.find("water")])
## [/codeblock]

## The names of the classes.
var labels: PackedStringArray
## The share of the picture that each class covers. They sum to 1.
var shares: PackedFloat32Array
## The index of the class of each pixel, in the format [constant Image.FORMAT_R8] and in the size that the model
## returns.
var class_ids: Image
## The colours of the classes, in the same size. All results of a node have the same texture, which shows the last one;
## without a display, each has its own.
var mask: ImageTexture
## The colour that each class has in [member mask]; transparent for a class that is not marked.
var colors: PackedColorArray
## The part of the picture that [member class_ids] and [member mask] cover, in pixels of the picture.
var region: Rect2


## Returns the index of the class at a place of the picture, in pixels; -1 outside of [member region].
func get_class_at(point: Vector2) -> int:
	if not point.is_finite() or not region.has_point(point):
		return -1
	var place: Vector2i = Vector2i((point - region.position) / region.size * Vector2(class_ids.get_size()))
	place = place.clamp(Vector2i.ZERO, class_ids.get_size() - Vector2i.ONE)
	return class_ids.get_pixelv(place).r8


## Returns the share of a class by its name; 0 when there is no such class.
func get_share(label: String) -> float:
	var index: int = labels.find(label)
	return shares[index] if index >= 0 else 0.0


func _to_string() -> String:
	var parts: PackedStringArray = []
	for index: int in labels.size():
		if shares[index] > 0.0:
			parts.append("%s %.1f %%" % [labels[index], shares[index] * 100.0])
	return ", ".join(parts)
