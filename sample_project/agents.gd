class_name Agents
extends Control
## Agents that a small policy steers towards the mouse: all of them in one call of the model each frame.

const COUNT: int = 1000
const UNIT: float = 160.0  # pixels for one unit of the policy's world
const SPEED: float = 3.0

@export var model: ExecuTorchResource

## Time of the last call, milliseconds.
var milliseconds: float = 0.0

var _positions: PackedVector2Array = []
var _velocities: PackedVector2Array = []
var _offsets: PackedVector2Array = []


func _ready() -> void:
	for index: int in COUNT:
		_positions.append(Vector2(randf(), randf()) * Vector2(640, 480))
		_velocities.append(Vector2.from_angle(randf() * TAU) * 0.5)
		_offsets.append(Vector2.from_angle(randf() * TAU) * sqrt(randf()) * 170.0)


func _process(delta: float) -> void:
	var target: Vector2 = get_local_mouse_position()
	if not Rect2(Vector2.ZERO, size).has_point(target):
		target = size * (Vector2(0.5, 0.5) + Vector2.from_angle(Time.get_ticks_msec() / 1500.0) * Vector2(0.3, 0.25))
	var observations: PackedFloat32Array = []
	observations.resize(COUNT * 4)
	for index: int in COUNT:
		var offset: Vector2 = (target + _offsets[index] - _positions[index]) / UNIT
		observations[index * 4] = offset.x
		observations[index * 4 + 1] = offset.y
		observations[index * 4 + 2] = _velocities[index].x
		observations[index * 4 + 3] = _velocities[index].y
	var accelerations: PackedFloat32Array = model.forward_array(observations)
	if accelerations.size() != COUNT * 2:
		set_process(false)
		return
	milliseconds = model.get_last_inference_time()
	var step: float = minf(delta, 0.05) * SPEED
	for index: int in COUNT:
		_velocities[index] += Vector2(accelerations[index * 2], accelerations[index * 2 + 1]) * step
		_positions[index] += _velocities[index] * step * UNIT
	queue_redraw()


func _draw() -> void:
	draw_rect(Rect2(Vector2.ZERO, size), Color(0.06, 0.07, 0.09))
	var lines: PackedVector2Array = []
	lines.resize(COUNT * 2)
	var colors: PackedColorArray = []
	colors.resize(COUNT)
	for index: int in COUNT:
		lines[index * 2] = _positions[index]
		var speed: float = minf(_velocities[index].length(), 1.0)
		lines[index * 2 + 1] = _positions[index] - _velocities[index].normalized() * (5.0 + 12.0 * speed)
		colors[index] = Color(0.55, 0.66, 0.96).lerp(Color(0.93, 0.42, 0.3), speed)
	draw_multiline_colors(lines, colors, 3.0)
