@tool
extends Control
## A picture as wide as the inspector, with what a model found drawn on it.

const TALLEST: float = 360.0

## `[{corners, text}]`: places in pixels of the picture, each closed by a line, and what is written at the first.
var marks: Array[Dictionary] = []:
	set(value):
		marks = value
		queue_redraw()
## Is drawn over the part [member overlay_region] of the picture, in its pixels.
var overlay: Texture2D
var overlay_region: Rect2

var _picture: Texture2D


func _init(picture: Texture2D = null) -> void:
	_picture = picture
	size_flags_horizontal = Control.SIZE_EXPAND_FILL
	clip_contents = true
	resized.connect(_fit)


func _ready() -> void:
	_fit()


func _fit() -> void:
	if _picture == null or not is_inside_tree():
		return
	var own: Vector2 = _picture.get_size().max(Vector2.ONE)
	var tallest: float = TALLEST * EditorInterface.get_editor_scale()
	custom_minimum_size.y = clampf(size.x * own.y / own.x, 1.0, tallest)
	queue_redraw()


func _draw() -> void:
	if _picture == null:
		return
	var own: Vector2 = _picture.get_size().max(Vector2.ONE)
	var zoom: float = minf(size.x / own.x, size.y / own.y)
	var place: Rect2 = Rect2((size - own * zoom) / 2.0, own * zoom)
	draw_texture_rect(_picture, place, false)
	if overlay != null:
		var region: Rect2 = Rect2(place.position + overlay_region.position * zoom, overlay_region.size * zoom)
		draw_texture_rect(overlay, region, false, Color(1.0, 1.0, 1.0, 0.6))
	var scale_of: float = EditorInterface.get_editor_scale()
	var color: Color = get_theme_color(&"accent_color", &"Editor")
	var font: Font = get_theme_font(&"font", &"Label")
	var height: int = get_theme_font_size(&"font_size", &"Label") - roundi(2.0 * scale_of)
	var taken: Array[Rect2] = []
	for mark: Dictionary in marks:
		var corners: PackedVector2Array = []
		for corner: Vector2 in mark["corners"] as PackedVector2Array:
			corners.append(place.position + corner * zoom)
		if corners.is_empty():
			continue
		corners.append(corners[0])
		draw_polyline(corners, color, 2.0 * scale_of)
		var words: String = mark["text"]
		if words.is_empty():
			continue
		var room: Vector2 = (
			font.get_string_size(words, HORIZONTAL_ALIGNMENT_LEFT, -1, height) + Vector2(6, 0) * scale_of
		)
		var at: Vector2 = corners[0] - Vector2(0.0, room.y)
		at = at.clamp(Vector2.ZERO, (size - room).max(Vector2.ZERO))
		var covered: Rect2 = Rect2(at, room)
		if not take(covered, taken):
			continue
		draw_rect(covered, color)
		var written: Color = Color.BLACK if color.get_luminance() > 0.4 else Color.WHITE
		var baseline: Vector2 = at + Vector2(3.0 * scale_of, font.get_ascent(height))
		draw_string(font, baseline, words, HORIZONTAL_ALIGNMENT_LEFT, -1, height, written)


## Whether a text has a place of its own beside those that are taken; then it is one of them.
static func take(wanted: Rect2, taken: Array[Rect2]) -> bool:
	if taken.any(wanted.intersects):
		return false
	taken.append(wanted)
	return true
