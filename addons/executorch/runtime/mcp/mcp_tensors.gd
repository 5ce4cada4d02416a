@tool
extends RefCounted
## Tensors as JSON: an assistant's inputs in the order that a method wants, and outputs that fit an answer.

const MAX_ELEMENTS: int = 16 * 1024 * 1024
const JsonText = preload("json_text.gd")
const McpContent = preload("mcp_content.gd")


## `{inputs: Array}` in the method's order, or `{error: String}`. Names are the method's own or `input_0`, `input_1`.
static func order_inputs(meta: Dictionary, given: Dictionary) -> Dictionary:
	var ordered: Array = []
	var used: Dictionary = {}
	var wanted: Array = meta.get("inputs", [])
	for index: int in wanted.size():
		var key: String = str(wanted[index].get("name", ""))
		if not given.has(key):
			key = "input_%d" % index
		if not given.has(key):
			return {"error": "The input '%s' is missing. %s" % [wanted[index].get("name", key), _wanted_inputs(wanted)]}
		used[key] = true
		var is_whole: bool = not str(wanted[index].get("dtype", "")).contains("float")
		ordered.append(_with_integers(given[key]) if is_whole else given[key])
	for key: Variant in given:
		if not used.has(key):
			return {"error": "There is no input '%s'. %s" % [key, _wanted_inputs(wanted)]}
	return {"inputs": ordered}


## Zeros of each input's upper-bound shape.
static func zeros(meta: Dictionary) -> Dictionary:
	var inputs: Array = []
	for wanted: Dictionary in meta.get("inputs", []):
		var count: int = 1
		for size: int in wanted.get("shape", []):
			count *= maxi(size, 0)
		if count > MAX_ELEMENTS:
			return {"error": "The input '%s' is too large to be made up; give inputs." % wanted.get("name", "")}
		var dtype: String = str(wanted.get("dtype", "float32"))
		inputs.append({"data": _zero_data(dtype, count), "shape": wanted.get("shape", []), "dtype": dtype})
	return {"inputs": inputs}


## An output `{data, shape, dtype}` as JSON: at most `max_values` values, and what can be said of all of them.
static func describe(output: Dictionary, max_values: int) -> Dictionary:
	var data: Variant = output["data"]
	var count: int = data.size()
	var described: Dictionary = {
		"dtype": output["dtype"],
		"shape": Array(output["shape"]),
		"count": count,
		"data": McpContent.plain(data.slice(0, max_values)),
		"truncated": count > max_values,
	}
	described.merge(_summary(data))
	return described


## JSON has no integers in Godot; a value with a fraction stays as it is, and the native module says what is wrong.
static func _with_integers(value: Variant) -> Variant:
	if value is float:
		return JsonText.whole_number(value)
	if value is Array:
		return value.map(_with_integers)
	if value is Dictionary and value.has("data"):
		var tensor: Dictionary = value.duplicate()
		tensor["data"] = _with_integers(value["data"])
		return tensor
	return value


static func _summary(data: Variant) -> Dictionary:
	var lowest: float = INF
	var highest: float = -INF
	var sum: float = 0.0
	var position: int = -1
	var finite: int = 0
	for index: int in data.size():
		var value: float = float(data[index])
		if not is_finite(value):
			continue
		finite += 1
		sum += value
		lowest = minf(lowest, value)
		if value > highest:
			highest = value
			position = index
	if finite == 0:
		return {"not_finite": data.size()}
	return {
		"minimum": lowest,
		"maximum": highest,
		"mean": sum / finite,
		"argmax": position,
		"not_finite": data.size() - finite,
	}


static func _zero_data(dtype: String, count: int) -> Variant:
	if dtype in ["float32", "float16", "bfloat16"]:
		var floats: PackedFloat32Array = []
		floats.resize(count)
		return floats
	if dtype == "float64":
		var doubles: PackedFloat64Array = []
		doubles.resize(count)
		return doubles
	if dtype in ["uint8", "bool"]:
		var bytes: PackedByteArray = []
		bytes.resize(count)
		return bytes
	if dtype in ["int64", "uint32", "uint64"]:
		var longs: PackedInt64Array = []
		longs.resize(count)
		return longs
	var integers: PackedInt32Array = []
	integers.resize(count)
	return integers


static func _wanted_inputs(wanted: Array) -> String:
	var words: PackedStringArray = []
	for one: Dictionary in wanted:
		words.append("%s: %s%s" % [one.get("name", "?"), one.get("dtype", "?"), Array(one.get("shape", []))])
	return "The method takes %s." % ", ".join(words)
