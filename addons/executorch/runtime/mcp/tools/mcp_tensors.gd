@tool
extends RefCounted
## Tensors as JSON: an assistant's inputs in the order of a method, and outputs that fit into an answer.

const JsonText = preload("../json/json_text.gd")
const McpContent = preload("../calls/mcp_content.gd")
const GeneratedInputs = preload("../../calls/generated_inputs.gd")


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


## Generated inputs of each input's upper-bound shape.
static func generate(meta: Dictionary) -> Dictionary:
	var wanted: Array = meta.get("inputs", [])
	var inputs: Array = GeneratedInputs.make_by_position(wanted)
	if inputs.size() < wanted.size():
		return {"error": "The inputs are too large to be generated; pass them. %s" % _wanted_inputs(wanted)}
	return {"inputs": inputs}


## An output `{data, shape, dtype}` as JSON: at most `max_values` values, and a summary of all of them.
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


## Godot's JSON has no integers; a value with a fraction stays as it is, and the native module reports the error.
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


static func _wanted_inputs(wanted: Array) -> String:
	var words: PackedStringArray = []
	for one: Dictionary in wanted:
		words.append("%s: %s%s" % [one.get("name", "?"), one.get("dtype", "?"), Array(one.get("shape", []))])
	return "The method takes %s." % ", ".join(words)
