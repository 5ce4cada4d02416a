@tool
extends RefCounted
## Inputs in the form of the native library.

const _VECTORS: PackedInt32Array = [
	TYPE_VECTOR2,
	TYPE_VECTOR2I,
	TYPE_VECTOR3,
	TYPE_VECTOR3I,
	TYPE_VECTOR4,
	TYPE_VECTOR4I,
	TYPE_QUATERNION,
	TYPE_COLOR,
]
## Arrays that are nested deeper, or hold themselves, are left to the native library, which refuses them.
const _MAX_DEPTH: int = 16
const _ARRAYS_OF_VECTORS: PackedInt32Array = [
	TYPE_PACKED_VECTOR2_ARRAY, TYPE_PACKED_VECTOR3_ARRAY, TYPE_PACKED_VECTOR4_ARRAY, TYPE_PACKED_COLOR_ARRAY
]


## Whether any value is of a kind that the native library does not know.
static func has_foreign(inputs: Dictionary) -> bool:
	return inputs.values().any(_is_foreign)


## The same inputs as numbers, arrays and `{data, shape, dtype}`.
static func plain(inputs: Dictionary) -> Dictionary:
	if not has_foreign(inputs):
		return inputs
	var changed: Dictionary = {}
	for key: Variant in inputs:
		changed[key] = plain_value(inputs[key])
	return changed


## The numbers of vectors and colours stand one after the other.
static func plain_value(value: Variant, depth: int = 0) -> Variant:
	if not _is_foreign(value) or depth > _MAX_DEPTH:
		return value
	if value is Array:
		return (value as Array).map(plain_value.bind(depth + 1))
	if value is Dictionary:
		return (value as Dictionary).merged({"data": plain_value((value as Dictionary)["data"])}, true)
	if typeof(value) in _ARRAYS_OF_VECTORS:
		return _numbers_of_many(value)
	if typeof(value) in _VECTORS:
		return _numbers_of(value)
	return (value as ExecuTorchTensor).to_dictionary()


## A copy that the caller cannot change any more. Packed arrays share their memory until one of both is written.
static func take_over(inputs: Dictionary) -> Dictionary:
	return plain(inputs).duplicate(true)


## The error of the module's last call, or null.
static func error_of(module: RefCounted) -> ExecuTorchError:
	var told: Dictionary = module.get_last_error()
	return null if told.is_empty() else ExecuTorchError.from_dictionary(told)


## The first element decides the type of an Array, and the data that of a Dictionary `{data, shape, dtype}`.
static func _is_foreign(value: Variant) -> bool:
	var first: Variant = value
	for depth: int in _MAX_DEPTH:
		if first is Dictionary:
			first = (first as Dictionary).get("data")
		if not first is Array or (first as Array).is_empty():
			break
		first = first[0]
	if typeof(first) == TYPE_OBJECT:
		return is_instance_valid(first) and first is ExecuTorchTensor
	return typeof(first) in _VECTORS or typeof(first) in _ARRAYS_OF_VECTORS


static func _numbers_of(vector: Variant) -> PackedFloat32Array:
	var count: int = 4
	if vector is Vector2 or vector is Vector2i:
		count = 2
	elif vector is Vector3 or vector is Vector3i:
		count = 3
	var numbers: PackedFloat32Array = []
	for index: int in count:
		numbers.append(vector[index])
	return numbers


static func _numbers_of_many(vectors: Variant) -> Variant:
	var bytes: PackedByteArray = vectors.to_byte_array()
	var sizes: Dictionary[int, int] = {TYPE_PACKED_VECTOR2_ARRAY: 2, TYPE_PACKED_VECTOR3_ARRAY: 3}
	var count: int = len(vectors) * sizes.get(typeof(vectors), 4)
	# A Godot that was built with double precision has vectors of doubles.
	if bytes.size() == count * 8:
		return bytes.to_float64_array()
	return bytes.to_float32_array()
