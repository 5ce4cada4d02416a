@tool
extends Control
## The columns of one model in a time line, painted by a shader: one rectangle for the renderer, where two lines for
## each column of pixels took most of a frame on a machine without a graphics card.

const CallColumns := preload("res://addons/executorch/editor/profiler/charts/call_columns.gd")
## `durations` has the shortest call of each column in its first row, the longest in its second, NAN for none. A column
## is full from the longest down to the shortest, and faint below. Nothing compares as true with NAN.
const CODE: String = """
shader_type canvas_item;
uniform sampler2D durations : filter_nearest, repeat_disable;
uniform vec2 pixels;
uniform float top_us;
uniform float thickness;
uniform int reach;
uniform float stem_alpha;

void fragment() {
	int columns = textureSize(durations, 0).x;
	int column = min(int(UV.x * float(columns)), columns - 1);
	float level = (1.0 - UV.y) * pixels.y;
	float per_us = pixels.y / top_us;
	float alpha = 0.0;
	for (int other = max(column - reach, 0); other <= min(column + reach, columns - 1); other++) {
		float high = texelFetch(durations, ivec2(other, 1), 0).r;
		float upper = min(high, top_us) * per_us;
		float lower = min(min(texelFetch(durations, ivec2(other, 0), 0).r, top_us) * per_us, upper - thickness);
		if (high >= 0.0 && level <= upper && level >= lower) {
			alpha = 1.0;
		} else if (high >= 0.0 && level < lower && other == column) {
			alpha = max(alpha, stem_alpha);
		}
	}
	COLOR = vec4(COLOR.rgb, COLOR.a * alpha);
}
"""

static var _shader: Shader

## The columns that are drawn; update() them before show_columns().
var columns: CallColumns = CallColumns.new()

var _material: ShaderMaterial = ShaderMaterial.new()
var _texture: ImageTexture = ImageTexture.new()
var _color: Color


func _init() -> void:
	if _shader == null:
		_shader = Shader.new()
		_shader.code = CODE
	mouse_filter = Control.MOUSE_FILTER_IGNORE
	_material.shader = _shader
	material = _material


## Paints over `area` of the parent, from 0 to `top_us` microseconds. Spans are at least `thickness` pixels high and
## reach so many columns to each side; what is below them has `stem_alpha`.
func show_columns(area: Rect2, top_us: float, color: Color, thickness: float, reach: int, stem_alpha: float) -> void:
	var image: Image = Image.create_from_data(
		columns.lows.size(), 2, false, Image.FORMAT_RF, columns.lows.to_byte_array() + columns.highs.to_byte_array()
	)
	if _texture.get_size() == Vector2(image.get_size()):
		_texture.update(image)
	else:
		_texture.set_image(image)
	_material.set_shader_parameter(&"durations", _texture)
	_material.set_shader_parameter(&"pixels", area.size)
	_material.set_shader_parameter(&"top_us", top_us)
	_material.set_shader_parameter(&"thickness", thickness)
	_material.set_shader_parameter(&"reach", reach)
	_material.set_shader_parameter(&"stem_alpha", stem_alpha)
	position = area.position
	size = area.size
	if color != _color:
		_color = color
		queue_redraw()


func _notification(what: int) -> void:
	if what == NOTIFICATION_RESIZED:
		queue_redraw()


func _draw() -> void:
	draw_rect(Rect2(Vector2.ZERO, size), _color)
