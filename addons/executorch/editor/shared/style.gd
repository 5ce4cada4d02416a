@tool
extends RefCounted
## Colours, fonts and sizes of all charts, taken from the editor's theme and scale, so that a chart follows the user's
## theme. The series colours began as Okabe and Ito's and were moved apart until their distances hold for protanopia,
## deuteranopia and tritanopia too, on both themes (tests/profiler/palette_test.gd).

const ON_DARK: PackedColorArray = [
	Color("62bcee"),
	Color("ebb240"),
	Color("0ee8c5"),
	Color("c375a3"),
	Color("f2f060"),
	Color("eb6c31"),
	Color("7284f9")
]
const ON_LIGHT: PackedColorArray = [
	Color("166dba"),
	Color("b37c1e"),
	Color("159898"),
	Color("9b2e6f"),
	Color("6f5705"),
	Color("641d04"),
	Color("2d28aa")
]

var scale: float = 1.0
var font: Font
var font_size: int = 14
var small_size: int = 12
var text: Color = Color.WHITE
var dim_text: Color = Color(1, 1, 1, 0.6)
var background: Color = Color(0.13, 0.15, 0.18)
var grid: Color = Color(1, 1, 1, 0.08)
var accent: Color = Color("56b4e9")
var selection: Color = Color.WHITE
var dark: bool = true


func _init(control: Control) -> void:
	scale = EditorInterface.get_editor_scale() if Engine.is_editor_hint() else 1.0
	font = control.get_theme_font(&"font", &"Label")
	font_size = control.get_theme_font_size(&"font_size", &"Label")
	small_size = maxi(roundi(font_size * 0.86), 8)
	text = control.get_theme_color(&"font_color", &"Label")
	text.a = 1.0
	dim_text = Color(text, 0.62)
	if control.has_theme_color(&"dark_color_2", &"Editor"):
		background = control.get_theme_color(&"dark_color_2", &"Editor")
		accent = control.get_theme_color(&"accent_color", &"Editor")
	dark = background.get_luminance() < 0.5
	grid = Color(text, 0.09)
	selection = text


## Colour of the series with this index; they repeat after seven.
func series(index: int) -> Color:
	var colors: PackedColorArray = ON_DARK if dark else ON_LIGHT
	return colors[posmod(index, colors.size())]


## Colour of text on top of a filled `color`.
func text_on(color: Color) -> Color:
	return Color(0.06, 0.07, 0.09) if color.get_luminance() > 0.4 else Color.WHITE


func good() -> Color:
	return series(0)


func bad() -> Color:
	return series(5)


## A whole number of pixels for a length at 100%.
func px(length: float) -> float:
	return maxf(1.0, roundf(length * scale))


func width_of(words: String, size: int = 0) -> float:
	return font.get_string_size(words, HORIZONTAL_ALIGNMENT_LEFT, -1, size if size > 0 else small_size).x


func line_height() -> float:
	return font.get_height(small_size)


## Draws a line of text whose upper left corner is `at`.
func draw_text(canvas: CanvasItem, at: Vector2, words: String, color: Color, size: int = 0) -> void:
	var used: int = size if size > 0 else small_size
	var base: Vector2 = Vector2(roundf(at.x), roundf(at.y + font.get_ascent(used)))
	canvas.draw_string(font, base, words, HORIZONTAL_ALIGNMENT_LEFT, -1, used, color)


## The same, cut with an ellipsis to `width`; draws nothing when not even that fits.
func draw_clipped(canvas: CanvasItem, at: Vector2, words: String, width: float, color: Color) -> void:
	var shown: String = words
	if width_of(shown) > width:
		var letters: int = int(shown.length() * width / maxf(width_of(shown), 1.0)) - 1
		if letters < 2:
			return
		shown = shown.left(letters) + "…"
	draw_text(canvas, at, shown, color)
