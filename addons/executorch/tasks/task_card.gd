@tool
extends RefCounted
## The task card of a model, as the importer stored it (docs/tasks.md). A resource may come from anyone, so the type of
## each value is checked.

const SIZES: PackedInt32Array = [TYPE_ARRAY, TYPE_PACKED_INT32_ARRAY, TYPE_PACKED_INT64_ARRAY]

## The kind of the card; empty without a card.
var kind: String = ""

var _parts: Dictionary = {}


func _init(model: ExecuTorchModelDescription = null) -> void:
	var card: Variant = model.metadata.get("task", {}) if model != null else {}
	if card is Dictionary:
		_parts = card
		kind = str(_parts.get("kind", ""))


func text(part: String, field: String, otherwise: String = "") -> String:
	var value: Variant = _value(part, field)
	return value if value is String else otherwise


func whole(part: String, field: String, otherwise: int) -> int:
	var value: Variant = _value(part, field)
	return int(value) if value is int or value is float else otherwise


func number(part: String, field: String, otherwise: float) -> float:
	var value: Variant = _value(part, field)
	return float(value) if value is int or value is float else otherwise


func flag(part: String, field: String, otherwise: bool) -> bool:
	var value: Variant = _value(part, field)
	return value if value is bool else otherwise


func numbers(part: String, field: String) -> PackedFloat32Array:
	var found: PackedFloat32Array = []
	for value: Variant in _list(part, field):
		found.append(float(value) if value is int or value is float else 0.0)
	return found


func texts(part: String, field: String) -> PackedStringArray:
	var found: PackedStringArray = []
	for value: Variant in _list(part, field):
		found.append(str(value))
	return found


## The ids of a voice's symbols: `{symbol: id}`.
func symbols() -> Dictionary:
	var found: Variant = _value("input", "symbols")
	return found if found is Dictionary else {}


## The shape of an input or an output of `forward` as the model describes it; empty when it does not.
static func shape_of(model: ExecuTorchModelDescription, side: String, wanted: String = "") -> PackedInt64Array:
	var entry: Dictionary = value_of(model, side, wanted)
	var shape: Variant = entry.get("shape", [])
	return PackedInt64Array(Array(shape)) if typeof(shape) in SIZES else PackedInt64Array()


## The description of an input or an output by its name, or of the first; empty when there is none.
static func value_of(model: ExecuTorchModelDescription, side: String, wanted: String = "") -> Dictionary:
	for method: Dictionary in model.metadata.get("methods", []) if model != null else []:
		if str(method.get("name", "")) == "forward":
			for entry: Dictionary in method.get(side, []):
				if wanted.is_empty() or str(entry.get("name", "")) == wanted:
					return entry
	return {}


## The smallest and the largest last size of an input, such as how many tokens it takes; zeros when they are unknown.
static func limits_of(model: ExecuTorchModelDescription, wanted: String) -> Vector2i:
	var entry: Dictionary = value_of(model, "inputs", wanted)
	var shape: PackedInt64Array = shape_of(model, "inputs", wanted)
	if shape.is_empty():
		return Vector2i.ZERO
	var ranges: Variant = entry.get("ranges")
	var last: Variant = ranges[-1] if ranges is Array and ranges.size() == shape.size() else null
	if last is Array and last.size() == 2:
		return Vector2i(int(last[0]), int(last[1]))
	return Vector2i(1 if entry.get("dynamic", false) else shape[-1], shape[-1])


func _value(part: String, field: String) -> Variant:
	var values: Variant = _parts.get(part, {})
	return (values as Dictionary).get(field) if values is Dictionary else null


func _list(part: String, field: String) -> Array:
	var values: Variant = _value(part, field)
	var is_list: bool = typeof(values) >= TYPE_ARRAY and typeof(values) <= TYPE_PACKED_STRING_ARRAY
	return Array(values) if is_list else []
