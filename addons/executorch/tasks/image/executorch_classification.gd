@tool
class_name ExecuTorchClassification
extends RefCounted
## The answer of an [ExecuTorchImageClassifier].
##
## [codeblock]
## for index: int in result.get_best(3):
##     print(result.labels[index], ": ", result.probabilities[index])
## [/codeblock]

## The most probable class.
var label: String = ""
## Its index in [member labels]; -1 when there is none.
var index: int = -1
## Its probability, 0 to 1.
var probability: float = 0.0
## The names of all classes.
var labels: PackedStringArray
## The probability of each class.
var probabilities: PackedFloat32Array


func _init(names: PackedStringArray = PackedStringArray(), values: PackedFloat32Array = PackedFloat32Array()) -> void:
	labels = names
	probabilities = values
	for candidate: int in mini(names.size(), values.size()):
		if index < 0 or values[candidate] > probability:
			index = candidate
			probability = values[candidate]
			label = names[candidate]


## Indices of the most probable classes, the best first.
func get_best(count: int) -> PackedInt32Array:
	var best: PackedInt32Array = []
	for entry: Dictionary in ExecuTorchTensor.from_packed(probabilities).topk(count):
		best.append(entry["index"] as int)
	return best


func _to_string() -> String:
	return "%s (%.1f %%)" % [label, probability * 100.0]
