class_name DigitPad
extends Control
## A pad to draw on. What is drawn is counted in blocks as scikit-learn's digits were: a grid of 32 x 32 points becomes
## 8 x 8 grey values of 0..1.

signal drawing_changed(pixels: PackedFloat32Array)

const POINTS: int = 32
const PIXELS: int = 8
const BRUSH: float = 2.1

var _points: PackedByteArray = []
var _pixels: PackedFloat32Array = []


func _ready() -> void:
	clear()


## Empties the pad.
func clear() -> void:
	_points = []
	_points.resize(POINTS * POINTS)
	_publish(_count())


## Shows 64 grey values of 0..1 instead of a drawing.
func show_pixels(pixels: PackedFloat32Array) -> void:
	_points.fill(0)
	_publish(pixels)


func _gui_input(event: InputEvent) -> void:
	var motion: InputEventMouse = event as InputEventMouse
	if motion == null or not motion.button_mask & MOUSE_BUTTON_MASK_LEFT:
		return
	if event is InputEventMouseButton:
		_points.fill(0)
	var center: Vector2 = motion.position / size * POINTS
	for y: int in POINTS:
		for x: int in POINTS:
			if Vector2(x + 0.5, y + 0.5).distance_to(center) < BRUSH:
				_points[y * POINTS + x] = 1
	_publish(_count())


func _draw() -> void:
	var cell: Vector2 = size / PIXELS
	draw_rect(Rect2(Vector2.ZERO, size), Color(0.06, 0.07, 0.09))
	for index: int in _pixels.size():
		var corner: Vector2 = Vector2(index % PIXELS, floori(float(index) / PIXELS)) * cell
		draw_rect(Rect2(corner, cell), Color(0.55, 0.66, 0.96, _pixels[index]))
	for line: int in range(1, PIXELS):
		draw_line(Vector2(line * cell.x, 0), Vector2(line * cell.x, size.y), Color(1, 1, 1, 0.05))
		draw_line(Vector2(0, line * cell.y), Vector2(size.x, line * cell.y), Color(1, 1, 1, 0.05))


func _count() -> PackedFloat32Array:
	var block: int = floori(float(POINTS) / PIXELS)
	var pixels: PackedFloat32Array = []
	pixels.resize(PIXELS * PIXELS)
	for y: int in POINTS:
		for x: int in POINTS:
			var pixel: int = floori(float(y) / block) * PIXELS + floori(float(x) / block)
			pixels[pixel] += float(_points[y * POINTS + x]) / (block * block)
	return pixels


func _publish(pixels: PackedFloat32Array) -> void:
	_pixels = pixels
	queue_redraw()
	drawing_changed.emit(pixels)
