@tool
extends RefCounted
## Checks metadata. A resource file may come from anyone, so its metadata may have any form.

const _ARRAYS: PackedInt32Array = [TYPE_ARRAY, TYPE_PACKED_INT32_ARRAY, TYPE_PACKED_INT64_ARRAY]


## The metadata itself, or a copy without the fields whose values have a wrong type.
static func checked(metadata: Dictionary) -> Dictionary:
	var wrong: PackedStringArray = []
	for field: String in ["payload", "source", "constants", "task"]:
		if not metadata.get(field, {}) is Dictionary:
			wrong.append(field)
	if not _are_dictionaries(metadata.get("methods", []), _is_method):
		wrong.append("methods")
	if not _are_dictionaries(metadata.get("variants", []), _is_variant):
		wrong.append("variants")
	if not "payload" in wrong and not _are_dictionaries(_part(metadata, "payload").get("external", []), _is_any):
		wrong.append("payload")
	if wrong.is_empty():
		return metadata
	var left: Dictionary = metadata.duplicate()
	for field: String in wrong:
		left.erase(field)
	return left


static func _part(metadata: Dictionary, field: String) -> Dictionary:
	return metadata.get(field, {})


static func _are_dictionaries(values: Variant, fits: Callable) -> bool:
	if not values is Array:
		return false
	for value: Variant in values as Array:
		if not value is Dictionary or not fits.call(value):
			return false
	return true


static func _is_variant(variant: Dictionary) -> bool:
	return not variant.has("variants") and checked(variant).size() == variant.size()


static func _is_any(_entry: Dictionary) -> bool:
	return true


static func _is_method(method: Dictionary) -> bool:
	return (
		_are_dictionaries(method.get("inputs", []), _is_value)
		and _are_dictionaries(method.get("outputs", []), _is_value)
	)


static func _is_value(entry: Dictionary) -> bool:
	return typeof(entry.get("shape", [])) in _ARRAYS
