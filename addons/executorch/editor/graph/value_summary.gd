@tool
extends RefCounted
## What the values of a tensor say at a glance: their range, a histogram, and pictures of what has two dimensions.

const BINS: int = 48
## A dimension shorter than this makes no picture.
const LEAST_SIDE: int = 2
const MOST_SIDE: int = 4096

var name: String = ""
var dtype: String = ""
var shape: PackedInt64Array = []
var count: int = 0
## Of the finite values.
var least: float = INF
var most: float = -INF
var mean: float = 0.0
var deviation: float = 0.0
var zeros: int = 0
## Values that are infinite or not a number.
var unreal: int = 0
## How many values lie in each of BINS equal parts of the range.
var histogram: PackedInt32Array = []

var _values: PackedFloat64Array = []


## `tensor`: `{name, data, shape, dtype}`.
func _init(tensor: Dictionary) -> void:
	name = str(tensor.get("name", ""))
	dtype = str(tensor.get("dtype", ""))
	shape = PackedInt64Array(Array(tensor.get("shape", [])))
	_values = PackedFloat64Array(Array(tensor.get("data", [])))
	count = _values.size()
	var sum: float = 0.0
	for value: float in _values:
		if not is_finite(value):
			unreal += 1
			continue
		least = minf(least, value)
		most = maxf(most, value)
		sum += value
		zeros += 1 if value == 0.0 else 0
	var real: int = count - unreal
	if real > 0:
		mean = sum / real
		_count_bins()
		deviation = sqrt(deviation / real)


## The number of pictures: one for each matrix of the last two dimensions, or the first three channels as colours.
func get_picture_count() -> int:
	var sides: Vector2i = _sides()
	return floori(float(count) / (sides.x * sides.y)) if sides.x > 0 else 0


## Whether the value is a picture with three channels of colour.
func is_colour() -> bool:
	return shape.size() >= 3 and shape[-3] == 3 and get_picture_count() == 3


## A picture of a matrix, the range from black to white; null when there is none. `index` -1: in colours.
func get_picture(index: int) -> Image:
	var sides: Vector2i = _sides()
	if sides.x == 0 or least > most or index >= get_picture_count() or (index < 0 and not is_colour()):
		return null
	var plane: int = sides.x * sides.y
	var pixels: PackedByteArray = []
	var channels: int = 3 if index < 0 else 1
	pixels.resize(plane * channels)
	var span: float = maxf(most - least, 1e-30)
	for channel: int in channels:
		var first: int = (maxi(index, 0) + channel) * plane
		for place: int in plane:
			var value: float = _values[first + place]
			var level: float = (value - least) / span if is_finite(value) else 0.0
			pixels[place * channels + channel] = clampi(roundi(level * 255.0), 0, 255)
	var format: Image.Format = Image.FORMAT_RGB8 if channels == 3 else Image.FORMAT_L8
	return Image.create_from_data(sides.x, sides.y, false, format, pixels)


## Such as "float32 1 × 8 × 16 × 16".
func get_form() -> String:
	var sizes: PackedStringArray = []
	for size: int in shape:
		sizes.append(str(size))
	return "%s %s" % [dtype, " × ".join(sizes) if not sizes.is_empty() else "scalar"]


func _count_bins() -> void:
	histogram.resize(BINS)
	histogram.fill(0)
	var span: float = most - least
	for value: float in _values:
		if is_finite(value):
			deviation += (value - mean) * (value - mean)
			var bin: int = int((value - least) / span * BINS) if span > 0.0 else 0
			histogram[mini(bin, BINS - 1)] += 1


func _sides() -> Vector2i:
	if shape.size() < 2 or count == 0:
		return Vector2i.ZERO
	var sides: Vector2i = Vector2i(shape[-1], shape[-2])
	var fits: bool = mini(sides.x, sides.y) >= LEAST_SIDE and maxi(sides.x, sides.y) <= MOST_SIDE
	return sides if fits else Vector2i.ZERO
