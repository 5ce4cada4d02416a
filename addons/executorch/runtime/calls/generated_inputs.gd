@tool
extends RefCounted
## Generated inputs that a model accepts, for trials and measurements. They do not show whether results are right. The
## values are those of importer/inputs/made_up.py, so that the editor and the command line measure the same calls.

## The most elements that a generated tensor may have.
const MOST_ELEMENTS: int = 1 << 26
const _MASK: int = 0xFFFFFFFF


## `{data, shape, dtype}` by input name for a method of the metadata. Sizes that vary are their smallest. Empty when a
## tensor is too large.
static func make(method: Dictionary) -> Dictionary:
	var inputs: Array = method.get("inputs", [])
	var described: Array = []
	for tensor: Dictionary in inputs:
		described.append({"dtype": tensor.get("dtype", "float32"), "shape": smallest_shape(tensor)})
	var made: Array = make_by_position(described)
	var values: Dictionary = {}
	for index: int in made.size():
		values[(inputs[index] as Dictionary).get("name", "input_%d" % index)] = made[index]
	return values


## `{data, shape, dtype}` for each `{shape, dtype}`, such as `get_method_meta().inputs`; empty when one is too large.
static func make_by_position(inputs: Array) -> Array:
	var made: Array = []
	for index: int in inputs.size():
		var entry: Dictionary = inputs[index]
		var count: int = 1
		for length: int in entry.get("shape", []):
			count *= length
		if count < 0 or count > MOST_ELEMENTS:
			return []
		var dtype: String = entry.get("dtype", "float32")
		made.append({"data": fill(dtype, count, index), "shape": entry.get("shape", []), "dtype": dtype})
	return made


## The shape of a tensor whose dimensions that vary have their smallest size, at least 1.
static func smallest_shape(tensor: Dictionary) -> PackedInt64Array:
	var shape: PackedInt64Array = []
	var ranges: Array = tensor.get("ranges", [])
	var bounds: Array = tensor.get("shape", [])
	for index: int in bounds.size():
		var size: int = int(bounds[index])
		if index < ranges.size() and ranges[index] is Array and (ranges[index] as Array).size() == 2:
			size = maxi(int((ranges[index] as Array)[0]), 1)
		shape.append(size)
	return shape


## `count` values of the input at `position`: floats in -1 to 1, uint8 0 to 255, other integers and truth values 0 and
## 1, which are valid indices of any table.
static func fill(dtype: String, count: int, position: int = 0) -> Variant:
	var state: int = (position * 0x9E3779B9 + 0x7F4A7C15) & _MASK
	if dtype.contains("float"):
		var floats: PackedFloat32Array = []
		floats.resize(count)
		for index: int in count:
			floats[index] = (_scramble(state + index) >> 8) / 8388608.0 - 1.0
		return floats
	if dtype in ["uint8", "bool"]:
		var bytes: PackedByteArray = []
		bytes.resize(count)
		var shift: int = 24 if dtype == "uint8" else 31
		for index: int in count:
			bytes[index] = _scramble(state + index) >> shift
		return bytes
	var integers: PackedInt64Array = []
	integers.resize(count)
	for index: int in count:
		integers[index] = _scramble(state + index) >> 31
	return integers


## A number of 32 bits that looks random, for each number.
static func _scramble(number: int) -> int:
	var mixed: int = number & _MASK
	mixed = ((mixed ^ (mixed >> 16)) * 0x21F0AAAD) & _MASK
	mixed = ((mixed ^ (mixed >> 15)) * 0x735A2D97) & _MASK
	return mixed ^ (mixed >> 15)
