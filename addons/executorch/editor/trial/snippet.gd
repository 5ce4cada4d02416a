@tool
extends RefCounted
## GDScript that runs one model, for pasting into a game.

const Inputs := preload("res://addons/executorch/runtime/calls/generated_inputs.gd")
## An input with more elements than this is made by a loop instead of being written out.
const MOST_WRITTEN: int = 8


## GDScript that loads the model at `path` and calls `method`; it parses and runs as it is, inside a script with static
## types.
static func make(path: String, method: Dictionary) -> String:
	var method_name: String = str(method.get("name", "forward"))
	var lines: PackedStringArray = []
	# A name may have a line's end, after which a comment is code.
	lines.append("# Runs %s once; call it from _ready() or wherever the values are." % path.get_file().c_escape())
	lines.append("func run_%s() -> void:" % _identifier(path.get_file().get_basename()))
	lines.append("\tvar model: ExecuTorchResource = load(%s)" % _quoted(path))
	var entries: PackedStringArray = []
	var names: PackedStringArray = []
	var inputs: Array = method.get("inputs", [])
	for index: int in inputs.size():
		var tensor: Dictionary = inputs[index]
		var name_of: String = str(tensor.get("name", "input_%d" % index))
		var variable: String = _add_variable(name_of, names)
		lines.append_array(_declaration(variable, tensor))
		entries.append("%s: %s" % [_quoted(name_of), variable])
	var call_text: String = (
		"model.forward({%s})"
		if method_name == "forward"
		else "model.execute(%s, {%%s})" % _quoted(method_name.replace("%", "%%"))
	)
	lines.append("\tvar result: Dictionary = " + call_text % ", ".join(entries))
	lines.append("\tif result.is_empty():")
	lines.append("\t\treturn  # The output panel and model.get_last_error() say why.")
	var outputs: Array = method.get("outputs", [])
	for index: int in outputs.size():
		var tensor: Dictionary = outputs[index]
		var name_of: String = str(tensor.get("name", "output_%d" % index))
		var variable: String = _add_variable(name_of, names)
		lines.append(
			"\tvar %s: %s = result[%s]" % [variable, _array_type(str(tensor.get("dtype", ""))), _quoted(name_of)]
		)
		lines.append("\tprint(%s.slice(0, 10))  # %s %s" % [variable, _dtype(tensor), Inputs.smallest_shape(tensor)])
	return "\n".join(lines) + "\n"


## A text of the script. What stands on a line of its own would be code.
static func _quoted(words: String) -> String:
	return '"%s"' % words.c_escape()


static func _dtype(tensor: Dictionary) -> String:
	return str(tensor.get("dtype", "")).c_escape()


static func _declaration(variable: String, tensor: Dictionary) -> PackedStringArray:
	var type: String = _array_type(str(tensor.get("dtype", "")))
	var shape: PackedInt64Array = Inputs.smallest_shape(tensor)
	var count: int = 1
	for size: int in shape:
		count *= size
	var comment: String = "  # %s %s" % [_dtype(tensor), shape]
	if count <= MOST_WRITTEN:
		var one: String = "0.5" if type == "PackedFloat32Array" else "1"
		var values: PackedStringArray = []
		for index: int in count:
			values.append(one)
		return ["\tvar %s: %s = [%s]%s" % [variable, type, ", ".join(values), comment]]
	return ["\tvar %s: %s = []%s" % [variable, type, comment], "\t%s.resize(%d)" % [variable, count]]


static func _array_type(dtype: String) -> String:
	match dtype:
		"int64", "uint32", "uint64":
			return "PackedInt64Array"
		"int32", "int16", "int8", "uint16":
			return "PackedInt32Array"
		"uint8", "bool":
			return "PackedByteArray"
	return "PackedFloat32Array"


static func _identifier(words: String) -> String:
	var result: String = RegEx.create_from_string("[^a-z0-9_]").sub(words.to_snake_case(), "_", true)
	return result if result.is_valid_ascii_identifier() else "_" + result


## A variable for an input or output of this name, which is added to those that are `taken`.
static func _add_variable(name_of: String, taken: PackedStringArray) -> String:
	var wanted: String = _identifier(name_of)
	var reserved: PackedStringArray = [
		"model",
		"result",
		"print",
		"load",
		"var",
		"func",
		"class",
		"in",
		"is",
		"as",
		"if",
		"for",
		"while",
		"self",
		"pass",
		"return"
	]
	var candidate: String = wanted
	var number: int = 2
	while taken.has(candidate) or reserved.has(candidate):
		candidate = "%s_%d" % [wanted, number]
		number += 1
	taken.append(candidate)
	return candidate
