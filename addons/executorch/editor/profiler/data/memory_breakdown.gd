@tool
extends RefCounted
## The parts of `ExecuTorchModule.get_memory_info()` in one fixed order, so that bars, areas, tables and exports agree.
## Constants that are mapped from the file are named but do not count: the system may drop them at any time.

const PARTS: PackedStringArray = ["Program", "Delegate", "Planned", "Method allocator", "Temporary peak"]
## How many of the parts, from the first on, the sessions of a model share.
const SHARED_PARTS: int = 2
const EXPLANATIONS: PackedStringArray = [
	"The program itself, without the weights that are mapped from the file.",
	"Weights that backends packed, in the size that they have in the file. Their workspace is not known.",
	"Arenas for activations, laid out when the model was converted.",
	"Data of tensors and operators that is made when a method is loaded.",
	"The most temporary memory that kernels used during a call.",
]


## Bytes of each part; missing or malformed numbers count as 0.
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


## What several sessions of one model hold together, in the fields of one: they share the program, the weights and what
## backends keep.
static func of_sessions(infos: Array[Dictionary]) -> Dictionary:
	if infos.size() == 1:
		return infos[0]
	var sums: PackedInt64Array = [0, 0, 0, 0, 0]
	var weights: int = 0
	for info: Dictionary in infos:
		var own: PackedInt64Array = parts(info)
		for part: int in PARTS.size():
			sums[part] = maxi(sums[part], own[part]) if part < SHARED_PARTS else sums[part] + own[part]
		weights = maxi(weights, constants(info))
	return {
		"program": sums[0],
		"delegate": sums[1],
		"planned": PackedInt64Array([sums[2]]),
		"method_allocator_used": sums[3],
		"temporary_peak": sums[4],
		"constants": weights,
	}


## Bytes of the model's weights in mapped files: its own, and those that a backend packed into a file.
static func constants(info: Dictionary) -> int:
	return _count(info.get("constants", 0)) + _count(info.get("packed_file", 0))


static func total(info: Dictionary) -> int:
	var sum: int = 0
	for bytes: int in parts(info):
		sum += bytes
	return sum


## The share of each part, 0 to 1.
static func shares(info: Dictionary) -> PackedFloat64Array:
	var whole: float = maxf(total(info), 1.0)
	var result: PackedFloat64Array = []
	for bytes: int in parts(info):
		result.append(bytes / whole)
	return result


static func _count(value: Variant) -> int:
	return maxi(int(value), 0) if value is int or value is float else 0
