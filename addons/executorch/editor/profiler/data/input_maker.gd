@tool
extends RefCounted
## Inputs for a benchmark: random numbers from -1 to 1, and integers 0 and 1, which index any table and mask
## anything. The same seed gives the same inputs, so that two runs do the same work.

const SEED: int = 20
const MOST_ELEMENTS: int = 1 << 26


## `{data, shape, dtype}` for each of `get_method_meta().inputs`, by position; empty when one cannot be made.
static func make(meta_inputs: Array) -> Array:
	var random: RandomNumberGenerator = RandomNumberGenerator.new()
	random.seed = SEED
	var inputs: Array = []
	for entry: Dictionary in meta_inputs:
		var elements: int = 1
		for length: int in entry.get("shape", []):
			elements *= length
		if elements < 0 or elements > MOST_ELEMENTS:
			return []
		var dtype: String = entry.get("dtype", "float32")
		inputs.append({"data": _data(dtype, elements, random), "shape": entry.get("shape", []), "dtype": dtype})
	return inputs


static func _data(dtype: String, elements: int, random: RandomNumberGenerator) -> Variant:
	if dtype.begins_with("float") or dtype.begins_with("bfloat"):
		var numbers: PackedFloat32Array = []
		numbers.resize(elements)
		for index: int in elements:
			numbers[index] = random.randf_range(-1.0, 1.0)
		return numbers
	if dtype == "bool" or dtype == "uint8":
		var bytes: PackedByteArray = []
		bytes.resize(elements)
		for index: int in elements:
			bytes[index] = random.randi() & 1
		return bytes
	var integers: PackedInt64Array = []
	integers.resize(elements)
	for index: int in elements:
		integers[index] = random.randi() & 1
	return integers
