@tool
extends RefCounted
## The addon's icons at any size, sharp, in the colours of the editor's theme.

const FOLDER: String = "res://addons/executorch/icons/"
## The colour of the icons' neutral parts, which the theme's colour replaces.
const NEUTRAL: String = "#e0e0e0"

static var _made: Dictionary = {}


## The icon `icon_name` (a file's name in icons/ without its ending) with this many pixels on a side, neutral parts in
## `neutral`.
static func make(icon_name: String, pixels: int, neutral: Color) -> Texture2D:
	var key: String = "%s %d %s" % [icon_name, pixels, neutral.to_html(false)]
	if not _made.has(key):
		var text: String = FileAccess.get_file_as_string(FOLDER + icon_name + ".svg")
		var image: Image = Image.new()
		image.load_svg_from_string(text.replace(NEUTRAL, "#" + neutral.to_html(false)), pixels / 16.0)
		_made[key] = ImageTexture.create_from_image(image)
	return _made[key]


## Frees the icons before the editor's renderer ends.
static func clear() -> void:
	_made.clear()
