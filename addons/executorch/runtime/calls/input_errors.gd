@tool
extends RefCounted
## Errors of values that a model does not accept, with a remedy. The native library knows only the type of a value.

## Errors of names, types and sizes: their remedy says what the model takes.
const OF_INPUTS: PackedStringArray = [
	"UNKNOWN_INPUT",
	"MISSING_INPUT",
	"WRONG_INPUT_COUNT",
	"WRONG_DTYPE",
	"WRONG_SHAPE",
	"NotSupported",
	"InvalidArgument",
	"InvalidType",
]


## The error of a call with these inputs, more to the point where that is possible.
static func explained(error: ExecuTorchError, inputs: Dictionary, meta: Dictionary) -> ExecuTorchError:
	for key: Variant in inputs:
		var value: Variant = inputs[key]
		if typeof(value) == TYPE_OBJECT and str(value) == "<Freed Object>":
			return _not_a_tensor(
				"The input %s is an object that was freed." % key, "Give a number, an array or a tensor."
			)
		if value == null:
			return _not_a_tensor(
				"The input %s is null." % key,
				"Give a number, an array or a tensor. A variable that was never set is null."
			)
		if value is Object and not value is ExecuTorchTensor:
			return _not_a_tensor("The input %s is %s, not numbers." % [key, _named(value)], _way_of(value, key, meta))
	return _with_inputs(error, meta)


## The same for the way with one array.
static func explained_array(error: ExecuTorchError, meta: Dictionary) -> ExecuTorchError:
	var names: PackedStringArray = []
	for entry: Dictionary in meta.get("inputs", []) as Array:
		names.append('"%s": ...' % entry.get("name", ""))
	if error == null or error.code_name != "WRONG_INPUT_COUNT" or names.size() < 2:
		return _with_inputs(error, meta)
	error.cause = "A model with %d inputs cannot be run with one array." % names.size()
	error.remedy = "Give each input its value: forward({%s})." % ", ".join(names)
	return error


static func _with_inputs(error: ExecuTorchError, meta: Dictionary) -> ExecuTorchError:
	var inputs: Array = meta.get("inputs", [])
	if error != null and OF_INPUTS.has(error.code_name) and not inputs.is_empty():
		error.remedy += " The model takes %s." % "; ".join(inputs.map(_input_text))
	return error


# Such as `x: float32[1..64,8]`, as the import option `inputs` is written.
static func _input_text(input: Dictionary) -> String:
	var ranges: Array = input.get("ranges", [])
	var sizes: PackedStringArray = []
	for size: int in input.get("shape", []) as Array:
		var limits: Array = (
			ranges[sizes.size()] if sizes.size() < ranges.size() and ranges[sizes.size()] is Array else []
		)
		sizes.append("%d..%d" % limits if limits.size() == 2 and limits[0] != limits[1] else str(size))
	return "%s: %s[%s]" % [input.get("name", ""), input.get("dtype", ""), ",".join(sizes)]


static func _not_a_tensor(cause: String, remedy: String) -> ExecuTorchError:
	return ExecuTorchError.create(ExecuTorchError.Code.NOT_A_TENSOR, cause, remedy)


static func _named(value: Object) -> String:
	return "an %s" % value.get_class() if value is Image else "a %s" % value.get_class()


static func _way_of(value: Object, key: Variant, meta: Dictionary) -> String:
	var picture: String = ""
	if value is Image:
		picture = "image"
	elif value is Texture2D:
		picture = "texture.get_image()"
	elif value is Viewport:
		picture = "viewport.get_texture().get_image()"
	elif value is AudioStream:
		return "Give its samples: ExecuTorchTensor.from_audio(frames)."
	else:
		return "Give a number, an array or an ExecuTorchTensor."
	var input: Dictionary = {}
	for entry: Dictionary in meta.get("inputs", []) as Array:
		if entry.get("name", "") == str(key) or (meta["inputs"] as Array).size() == 1:
			input = entry
	return "Convert it: ExecuTorchTensor.%s." % _from_image(picture, input)


# The call that makes an input's tensor of a picture, as far as its shape says how.
static func _from_image(picture: String, input: Dictionary) -> String:
	var shape: Array = Array(input.get("shape", []))
	var sizes: Array = [1] + shape if shape.size() == 3 else shape
	var arguments: String = picture
	if sizes.size() == 4:
		# [batch, channels, height, width], or the channels last
		var is_last: bool = sizes[3] in [1, 3, 4] and not sizes[1] in [1, 3, 4]
		var channels: String = str({1: "gray", 4: "rgba"}.get(sizes[3 if is_last else 1], "rgb"))
		arguments += ", Vector2i(%d, %d)" % ([sizes[2], sizes[1]] if is_last else [sizes[3], sizes[2]])
		if is_last:
			arguments += ', "%s", [], [], "NHWC"' % channels
		elif channels != "rgb":
			arguments += ', "%s"' % channels
	var code: String = "from_image(%s)" % arguments
	if input.get("dtype", "") == "uint8":
		code += ".to_bytes()"
	return code + ".reshaped(%s)" % [shape] if shape.size() == 3 else code
