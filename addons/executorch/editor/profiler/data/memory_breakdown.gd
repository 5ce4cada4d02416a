@tool
extends RefCounted
## The parts of `ExecuTorchModule.get_memory_info()` in one fixed order, so that bars, areas, tables and exports
## agree. Constants that are mapped from the file are named but do not count: the system may drop them at any time.

const PARTS: PackedStringArray = ["Program", "Delegate", "Planned", "Method allocator", "Temporary peak"]
const EXPLANATIONS: PackedStringArray = [
	"The program itself, without the weights that are mapped from the file.",
	"What backends keep (packed weights, workspaces): how much the process grew while they loaded.",
	"Arenas for activations, laid out when the model was converted.",
	"Tensors' and operators' own data, made when a method is loaded.",
	"The most that kernels borrowed during a call.",
]


## Bytes of each part; what is missing or malformed counts as 0.
static func parts(info: Dictionary) -> PackedInt64Array:
	var planned: int = 0
	var arenas: Variant = info.get("planned", [])
	if typeof(arenas) >= TYPE_ARRAY:
		for bytes: Variant in Array(arenas):
			planned += _count(bytes)
	return [
		_count(info.get("program", 0)),
		_count(info.get("delegate", 0)),
		planned,
		_count(info.get("method_allocator_used", 0)),
		_count(info.get("temporary_peak", 0)),
	]


## Bytes of the model's own weights in the file.
static func constants(info: Dictionary) -> int:
	return _count(info.get("constants", 0))


static func total(info: Dictionary) -> int:
	var sum: int = 0
	for bytes: int in parts(info):
		sum += bytes
	return sum


## What each part is of the total, 0 to 1.
static func shares(info: Dictionary) -> PackedFloat64Array:
	var whole: float = maxf(total(info), 1.0)
	var result: PackedFloat64Array = []
	for bytes: int in parts(info):
		result.append(bytes / whole)
	return result


static func _count(value: Variant) -> int:
	return maxi(int(value), 0) if value is int or value is float else 0
