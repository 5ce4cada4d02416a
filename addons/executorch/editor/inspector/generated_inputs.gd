@tool
extends RefCounted
## Inputs that a model accepts, made from its signature: for trying it out, never for judging what it says.

## The most elements a generated tensor may have.
const MOST_ELEMENTS: int = 64 * 1024 * 1024


## Values by input name for a method of the metadata; the same seed gives the same values. Floats are in -1 to 1,
## integers are 0 or 1
## (they may be indices of a small table). Dimensions that may change get their smallest size. Empty when a tensor
## is too large.
static func make(method: Dictionary, seed_value: int = 1) -> Dictionary:
	var random: RandomNumberGenerator = RandomNumberGenerator.new()
	random.seed = seed_value
	var values: Dictionary = {}
	var inputs: Array = method.get("inputs", [])
	for index: int in inputs.size():
		var tensor: Dictionary = inputs[index]
		var shape: PackedInt64Array = smallest_shape(tensor)
		var count: int = 1
		for size: int in shape:
			count *= size
		if count > MOST_ELEMENTS:
			return {}
		var data: Variant = _fill(str(tensor.get("dtype", "float32")), count, random)
		values[tensor.get("name", "input_%d" % index)] = {
			"data": data, "shape": shape, "dtype": tensor.get("dtype", "float32")
		}
	return values


## The shape of a tensor whose dimensions that may change have their smallest size, at least 1.
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


static func _fill(dtype: String, count: int, random: RandomNumberGenerator) -> Variant:
	if dtype.contains("float"):
		var floats: PackedFloat32Array = []
		floats.resize(count)
		for index: int in count:
			floats[index] = random.randf_range(-1.0, 1.0)
		return floats
	if dtype in ["uint8", "bool"]:
		var bytes: PackedByteArray = []
		bytes.resize(count)
		for index: int in count:
			bytes[index] = random.randi() & 1
		return bytes
	var integers: PackedInt64Array = []
	integers.resize(count)
	for index: int in count:
		integers[index] = random.randi() & 1
	return integers
