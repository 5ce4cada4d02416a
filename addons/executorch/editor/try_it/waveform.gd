@tool
extends Control
## A sound as its waveform over time, with marked stretches and a curve.

const HEIGHT: float = 72.0

## Stretches as begin and end in seconds.
var marks: PackedVector2Array = []:
	set(value):
		marks = value
		queue_redraw()
## Points as seconds and height, 0 (bottom) to 1.
var curve: PackedVector2Array = []:
	set(value):
		curve = value
		queue_redraw()

var _samples: PackedFloat32Array = []
var _rate: int = 1


## `samples` of one channel.
func _init(samples: PackedFloat32Array = PackedFloat32Array(), rate: int = 1) -> void:
	_samples = samples
	_rate = maxi(rate, 1)
	size_flags_horizontal = Control.SIZE_EXPAND_FILL
	resized.connect(queue_redraw)


func _ready() -> void:
	custom_minimum_size.y = HEIGHT * EditorInterface.get_editor_scale()


## The length in seconds.
func get_length() -> float:
	return float(_samples.size()) / _rate


func _draw() -> void:
	draw_rect(Rect2(Vector2.ZERO, size), get_theme_color(&"dark_color_2", &"Editor"))
	if _samples.is_empty():
		return
	var accent: Color = get_theme_color(&"accent_color", &"Editor")
	for mark: Vector2 in marks:
		var begin: float = mark.x / get_length() * size.x
		draw_rect(Rect2(begin, 0.0, maxf(mark.y / get_length() * size.x - begin, 1.0), size.y), Color(accent, 0.35))
	var line: Color = get_theme_color(&"font_color", &"Label")
	var columns: int = maxi(floori(size.x), 1)
	var loudest: float = 1e-6
	for sample: float in _samples:
		loudest = maxf(loudest, absf(sample))
	for column: int in columns:
		var begin: int = floori(float(column) * _samples.size() / columns)
		var end: int = maxi(floori((column + 1.0) * _samples.size() / columns), begin + 1)
		var part: Array = Array(_samples.slice(begin, end))
		var low: float = part.min() / loudest
		var high: float = part.max() / loudest
		var middle: float = size.y / 2.0
		var x: float = column + 0.5
		draw_line(Vector2(x, middle - high * middle), Vector2(x, middle - low * middle + 1.0), Color(line, 0.7))
	for point: Vector2 in curve:
		var at: Vector2 = Vector2(point.x / get_length() * size.x, (1.0 - clampf(point.y, 0.0, 1.0)) * size.y)
		draw_circle(at, 1.5 * EditorInterface.get_editor_scale(), accent)
