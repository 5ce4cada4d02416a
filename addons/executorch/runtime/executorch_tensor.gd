@tool
@icon("res://addons/executorch/icons/tensor.svg")
class_name ExecuTorchTensor
extends RefCounted
## A tensor: values with a dtype and a shape. Models accept it for every input.
##
## [codeblock]
## var image: ExecuTorchTensor = ExecuTorchTensor.from_image(texture.get_image(), Vector2i(224, 224))
## var scores: Dictionary = model.forward({"image": image})
## [/codeblock]

const Native := preload("library/native_library.gd")
## The names of all dtypes. Values of [code]float16[/code] and [code]bfloat16[/code] are stored as 32-bit floats here,
## and converted when a model is called.
const DTYPES: PackedStringArray = [
	"float32",
	"float64",
	"float16",
	"bfloat16",
	"int8",
	"int16",
	"int32",
	"int64",
	"uint8",
	"uint16",
	"uint32",
	"uint64",
	"bool",
]

## The values as a packed array, flat and row-major.
var data: Variant = PackedFloat32Array()
## The dtype of the values, one of [constant DTYPES].
var dtype: String = "float32"
## The sizes of the dimensions. Empty for a single number.
var shape: PackedInt64Array = []


## Returns a tensor with the values of a packed array. If [param of_shape] is empty, the tensor has one dimension. If
## [param of_dtype] is empty, the dtype is that of the array: [code]float32[/code], [code]float64[/code],
## [code]int32[/code], [code]int64[/code], or [code]uint8[/code] for a [PackedByteArray]. Returns [code]null[/code] if
## the shape does not fit the number of values.
static func from_packed(
	values: Variant, of_shape: PackedInt64Array = PackedInt64Array(), of_dtype: String = ""
) -> ExecuTorchTensor:
	var natural: Dictionary = {
		TYPE_PACKED_FLOAT32_ARRAY: "float32",
		TYPE_PACKED_FLOAT64_ARRAY: "float64",
		TYPE_PACKED_INT32_ARRAY: "int32",
		TYPE_PACKED_INT64_ARRAY: "int64",
		TYPE_PACKED_BYTE_ARRAY: "uint8",
	}
	if not natural.has(typeof(values)):
		return _refuse("Expected a packed array of numbers, got %s." % type_string(typeof(values)))
	var tensor: ExecuTorchTensor = ExecuTorchTensor.new()
	tensor.data = values
	tensor.dtype = of_dtype if not of_dtype.is_empty() else str(natural[typeof(values)])
	if not tensor.dtype in DTYPES:
		return _refuse("Expected a dtype of %s, got %s." % [", ".join(DTYPES), tensor.dtype])
	tensor.shape = of_shape if not of_shape.is_empty() else PackedInt64Array([len(values)])
	if Array(tensor.shape).any(func(size: int) -> bool: return size < 0):
		return _refuse("Expected sizes of 0 or more, got a shape of %s." % tensor.shape)
	if tensor.get_element_count() != len(values):
		return _refuse(
			"A shape of %s needs %d values, got %d." % [tensor.shape, tensor.get_element_count(), len(values)]
		)
	return tensor


## Returns a tensor with the numbers of nested arrays, for example [code][[1, 2], [3, 4]][/code]. Returns
## [code]null[/code] if arrays of one level have different sizes, if a value is not a number, or if [param of_dtype]
## cannot represent a number.
static func from_array(values: Array, of_dtype: String = "float32") -> ExecuTorchTensor:
	var sizes: PackedInt64Array = []
	var level: Variant = values
	while level is Array:
		sizes.append(len(level))
		level = level[0] if len(level) > 0 else null
	var flat: Array = []
	if not _flatten(values, sizes, 0, flat):
		return _refuse("The nested arrays have different sizes, or contain a value that is not a number.")
	var packed: Variant = _pack(flat, of_dtype)
	if not packed is PackedFloat32Array and not packed is PackedFloat64Array:
		for index: int in flat.size():
			if packed[index] != flat[index]:
				return _refuse("Expected values of %s, got %s at index %d." % [of_dtype, flat[index], index])
	return from_packed(packed, sizes, of_dtype)


## Returns a tensor with the fields of a [Dictionary] [code]{data, shape, dtype}[/code]; see [method to_dictionary].
static func from_dictionary(values: Dictionary) -> ExecuTorchTensor:
	var sizes: Variant = values.get("shape", [])
	if not typeof(sizes) in [TYPE_ARRAY, TYPE_PACKED_INT32_ARRAY, TYPE_PACKED_INT64_ARRAY]:
		return _refuse("Expected an array as the shape, got %s." % type_string(typeof(sizes)))
	var tensor: ExecuTorchTensor = ExecuTorchTensor.new()
	tensor.data = values.get("data", PackedFloat32Array())
	tensor.dtype = str(values.get("dtype", "float32"))
	tensor.shape = PackedInt64Array(Array(sizes))
	return tensor


## Returns a [code]float32[/code] tensor with the pixels of an image. The image is resized to [param size], or keeps its
## size if [param size] is zero. Pixel values are 0 to 1; each channel is then [code](value - mean) / deviation[/code].
## [param channels] is [code]"rgb"[/code], [code]"bgr"[/code], [code]"rgba"[/code] or [code]"gray"[/code].
## [param layout] is [code]"NCHW"[/code] or [code]"NHWC"[/code]; the shape begins with a batch of 1. Returns
## [code]null[/code] if the image cannot be converted, and without the native library.
static func from_image(
	image: Image,
	size: Vector2i = Vector2i.ZERO,
	channels: String = "rgb",
	mean: PackedFloat32Array = PackedFloat32Array(),
	deviation: PackedFloat32Array = PackedFloat32Array(),
	layout: String = "NCHW"
) -> ExecuTorchTensor:
	var library: RefCounted = Native.statics()
	if library == null:
		Native.missing_error().report("")
		return null
	if image == null:
		return _refuse("Expected an Image, got null.")
	if size == Vector2i.ZERO:
		size = image.get_size()
	var values: PackedFloat32Array = library.image_to_tensor(image, size.x, size.y, channels, mean, deviation, layout)
	if values.is_empty():
		return _refuse("The image cannot be converted to %s, %s, %s." % [size, channels, layout])
	var count: int = floori(float(values.size()) / maxi(size.x * size.y, 1))
	# The library accepts lower case too.
	var is_last: bool = layout.to_upper() == "NHWC"
	var sizes: PackedInt64Array = [1, size.y, size.x, count] if is_last else [1, count, size.y, size.x]
	return from_packed(values, sizes)


## Returns a [code]float32[/code] tensor with audio frames, as [method AudioEffectCapture.get_buffer] returns them. If
## [param mono] is [code]true[/code], the shape is [code][1, frames][/code] and the values are the mean of both
## channels. Otherwise the shape is [code][2, frames][/code]. With both rates, in Hz from 8,000 to 192,000, the sound is
## converted from [param from_rate] to [param to_rate]. Returns [code]null[/code] for other rates, and with rates when
## there is no native library.
static func from_audio(
	frames: PackedVector2Array, mono: bool = true, from_rate: int = 0, to_rate: int = 0
) -> ExecuTorchTensor:
	var left: PackedFloat32Array = []
	var right: PackedFloat32Array = []
	left.resize(frames.size())
	right.resize(0 if mono else frames.size())
	for index: int in frames.size():
		var frame: Vector2 = frames[index]
		left[index] = (frame.x + frame.y) * 0.5 if mono else frame.x
		if not mono:
			right[index] = frame.y
	if from_rate != 0 or to_rate != 0:
		left = _resampled(left, from_rate, to_rate)
		if left.is_empty() and not frames.is_empty():
			return null
		right = _resampled(right, from_rate, to_rate)
	var count: int = left.size()
	left.append_array(right)
	return from_packed(left, PackedInt64Array([1 if mono else 2, count]))


## Returns an image with the values as pixels. This reverses [method from_image], with the same [param mean],
## [param deviation] and [param layout]. The shape is [code][1, channels, height, width][/code], or the same without the
## 1; with [code]"NHWC"[/code] the channels come last. If [param channels] is empty, their number decides. Values below
## 0 and above 1 are clamped. Returns [code]null[/code] if the shape is not that of one image, and without the native
## library.
func to_image(
	channels: String = "",
	mean: PackedFloat32Array = PackedFloat32Array(),
	deviation: PackedFloat32Array = PackedFloat32Array(),
	layout: String = "NCHW"
) -> Image:
	var sizes: PackedInt64Array = shape.slice(1) if shape.size() == 4 and shape[0] == 1 else shape
	if sizes.size() != 3:
		_refuse("Expected the shape of one image, got %s." % shape)
		return null
	var library: RefCounted = Native.statics()
	if library == null:
		Native.missing_error().report("")
		return null
	var is_last: bool = layout.to_upper() == "NHWC"
	var count: int = sizes[2] if is_last else sizes[0]
	var height: int = sizes[0] if is_last else sizes[1]
	var width: int = sizes[1] if is_last else sizes[2]
	if channels.is_empty():
		channels = str({1: "gray", 4: "rgba"}.get(count, "rgb"))
	var pixels: PackedByteArray = library.tensor_to_pixels(
		to_floats(), width, height, channels, mean, deviation, layout
	)
	if pixels.is_empty():
		_refuse("A tensor of the shape %s cannot be converted to an image of %s, %s." % [shape, channels, layout])
		return null
	var formats: Dictionary[int, Image.Format] = {1: Image.FORMAT_L8, 3: Image.FORMAT_RGB8, 4: Image.FORMAT_RGBA8}
	return Image.create_from_data(width, height, false, formats[count], pixels)


## Returns the values as audio frames for [method AudioStreamGeneratorPlayback.push_buffer]. The shape is
## [code][frames][/code] or [code][1, frames][/code], which gives two equal channels, or [code][2, frames][/code].
## Returns an empty array for any other shape.
func to_audio() -> PackedVector2Array:
	var frames: PackedVector2Array = []
	var tracks: int = shape[0] if shape.size() == 2 else 1
	if shape.is_empty() or shape.size() > 2 or tracks < 1 or tracks > 2:
		_refuse("Expected a shape of [1 or 2, frames], got %s." % shape)
		return frames
	var values: PackedFloat32Array = to_floats()
	frames.resize(shape[-1])
	for index: int in frames.size():
		frames[index] = Vector2(values[index], values[index + (tracks - 1) * frames.size()])
	return frames


## Returns a [Dictionary] [code]{data, shape, dtype}[/code], which models accept too.
func to_dictionary() -> Dictionary:
	return {"data": data, "shape": shape, "dtype": dtype}


## Returns the values as 32-bit floats. The dtype may be any.
func to_floats() -> PackedFloat32Array:
	return data if data is PackedFloat32Array else PackedFloat32Array(Array(data))


## Returns a [code]uint8[/code] tensor of the same shape, for a model that takes a picture's bytes: 0 to 1, as
## [method from_image] has them, become 0 to 255. Values below 0 and above 1 are clamped. Returns [code]null[/code]
## without the native library.
func to_bytes() -> ExecuTorchTensor:
	var library: RefCounted = Native.statics()
	if library == null:
		Native.missing_error().report("")
		return null
	var width: int = shape[-1] if not shape.is_empty() else 1
	var height: int = floori(float(get_element_count()) / maxi(width, 1))
	var none: PackedFloat32Array = []
	# A picture of one channel has its values in their order.
	var bytes: PackedByteArray = library.tensor_to_pixels(to_floats(), width, height, "gray", none, none, "NCHW")
	return from_packed(bytes, shape)


## Returns the values as nested arrays of the tensor's shape.
func to_array() -> Array:
	return _nest(0, 0, get_element_count())


## Returns the number of values of the shape.
func get_element_count() -> int:
	var count: int = 1
	for size: int in shape:
		count *= size
	return count


## Returns a tensor with the same values and another shape. One size of [param to_shape] may be [code]-1[/code]; it
## follows from the number of values. Returns [code]null[/code] if the shape does not fit the number of values.
func reshaped(to_shape: PackedInt64Array) -> ExecuTorchTensor:
	var sizes: PackedInt64Array = to_shape.duplicate()
	var known: int = 1
	for size: int in sizes:
		known *= size if size != -1 else 1
	var open: int = sizes.find(-1)
	if open >= 0 and known > 0:
		sizes[open] = floori(float(get_element_count()) / known)
	return from_packed(data, sizes, dtype)


## Returns the index of the largest value in [member data], the first of equal ones. [constant @GDScript.NAN] counts as
## the smallest value. Returns [code]-1[/code] if the tensor is empty.
func argmax() -> int:
	var best: int = -1
	for index: int in len(data):
		if best < 0 or data[index] > data[best] or (is_nan(data[best]) and not is_nan(data[index])):
			best = index
	return best


## Returns the softmax along the last dimension: the values of each row become probabilities that sum to 1. Returns
## [code]null[/code] without the native library.
func softmax() -> ExecuTorchTensor:
	var library: RefCounted = Native.statics()
	if library == null:
		Native.missing_error().report("")
		return null
	var width: int = shape[-1] if not shape.is_empty() else 1
	return from_packed(library.softmax(to_floats(), width), shape)


## Returns the [param count] largest values of [member data] as [code]{index, value}[/code], largest first. Equal values
## keep their order. [constant @GDScript.NAN] counts as the smallest value.
func topk(count: int) -> Array[Dictionary]:
	var entries: Array[Dictionary] = []
	for index: int in len(data):
		entries.append({"index": index, "value": data[index]})
	entries.sort_custom(_is_larger)
	return entries.slice(0, maxi(count, 0))


func _to_string() -> String:
	return "%s%s" % [dtype, Array(shape)]


func _nest(dimension: int, first: int, count: int) -> Array:
	if dimension >= shape.size():
		return Array(data.slice(first, first + count))
	if dimension == shape.size() - 1:
		return Array(data.slice(first, first + count))
	var rows: Array = []
	var step: int = floori(float(count) / maxi(shape[dimension], 1))
	for row: int in shape[dimension]:
		rows.append(_nest(dimension + 1, first + row * step, step))
	return rows


# Empty when it fails.
static func _resampled(samples: PackedFloat32Array, from_rate: int, to_rate: int) -> PackedFloat32Array:
	var library: RefCounted = Native.create_audio_intake()
	if library == null:
		Native.missing_error().report("")
		return PackedFloat32Array()
	var result: Dictionary = library.convert(samples, 1, from_rate, to_rate)
	if result.has("error"):
		ExecuTorchError.from_dictionary(result["error"] as Dictionary).report("")
	return result.get("samples", PackedFloat32Array())


static func _is_larger(left: Dictionary, right: Dictionary) -> bool:
	var first: float = left["value"]
	var second: float = right["value"]
	if left["value"] == right["value"] or (is_nan(first) and is_nan(second)):
		return left["index"] < right["index"]
	return is_nan(second) or left["value"] > right["value"]


static func _flatten(value: Variant, sizes: PackedInt64Array, depth: int, flat: Array) -> bool:
	if depth == sizes.size():
		if not (value is int or value is float or value is bool):
			return false
		flat.append(int(value as bool) if value is bool else value)
		return true
	if not value is Array or len(value) != sizes[depth]:
		return false
	for item: Variant in value as Array:
		if not _flatten(item, sizes, depth + 1, flat):
			return false
	return true


static func _pack(values: Array, of_dtype: String) -> Variant:
	match of_dtype:
		"float64":
			return PackedFloat64Array(values)
		"int64", "uint32", "uint64":
			return PackedInt64Array(values)
		"int8", "int16", "int32", "uint16":
			return PackedInt32Array(values)
		"uint8", "bool":
			return PackedByteArray(values)
	return PackedFloat32Array(values)


static func _refuse(cause: String) -> ExecuTorchTensor:
	(
		ExecuTorchError
		. create(
			ExecuTorchError.Code.NOT_A_TENSOR, cause, "Pass as many numbers as the shape needs, of one of the dtypes."
		)
		. report("")
	)
	return null
