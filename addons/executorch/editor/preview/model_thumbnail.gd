@tool
extends RefCounted
## A model's picture: its operators in their order as a strip of bars in the colours of who runs them, under the icon.

const Facts := preload("res://addons/executorch/editor/shared/model_facts.gd")
const BACKEND_COLOR: String = "#56b4e9"
const KERNEL_COLOR: String = "#e69f00"
const PLATE_COLOR: String = "#2b2f36"
## State of a resource -> the badge that marks it.
const BADGE_COLORS: Dictionary[int, String] = {
	ExecuTorchResource.State.FAILED: "#ff5f5f", ExecuTorchResource.State.PENDING: "#8a8f98"
}
const BADGE_MARKS: Dictionary[int, String] = {
	ExecuTorchResource.State.FAILED: "M53 6h2v5h-2zM53 12h2v2h-2z",
	ExecuTorchResource.State.PENDING: "M53 6h2v4h3v2h-5z"
}
const SIDE: int = 64
const MOST_BARS: int = 18


## The picture with this many pixels on a side. `state` is the resource's. May be called from any thread.
static func draw(metadata: Dictionary, state: int, pixels: int) -> Image:
	var image: Image = Image.new()
	image.load_svg_from_string(make_svg(metadata, state), float(pixels) / SIDE)
	return image


## The picture without operators, for a few pixels. May be called from any thread.
static func draw_icon(state: int, pixels: int) -> Image:
	var parts: PackedStringArray = [
		'<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16">',
		'<rect width="16" height="16" rx="2" fill="%s"/>' % PLATE_COLOR,
		'<g transform="translate(1.6 1.6) scale(0.8)">' + _icon_body() + "</g>",
	]
	if BADGE_COLORS.has(state):
		parts.append('<circle cx="12.5" cy="3.5" r="3.5" fill="%s"/>' % BADGE_COLORS[state])
	parts.append("</svg>")
	var image: Image = Image.new()
	image.load_svg_from_string("".join(parts), pixels / 16.0)
	return image


## The picture as SVG, 64 units on a side.
static func make_svg(metadata: Dictionary, state: int) -> String:
	var parts: PackedStringArray = [
		'<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d">' % [SIDE, SIDE],
		'<rect x="2" y="2" width="60" height="60" rx="6" fill="%s"/>' % PLATE_COLOR,
		'<g transform="translate(16 %d) scale(2)">' % (8 if metadata.has("methods") else 16),
		_icon_body(),
		"</g>",
	]
	parts.append_array(_bars(metadata))
	if BADGE_COLORS.has(state):
		parts.append('<circle cx="54" cy="10" r="7" fill="%s"/>' % BADGE_COLORS[state])
		parts.append('<path d="%s" fill="#fff"/>' % BADGE_MARKS[state])
	parts.append("</svg>")
	return "".join(parts)


static func _bars(metadata: Dictionary) -> PackedStringArray:
	var bars: PackedStringArray = []
	var methods: Array[Dictionary] = Facts.new(metadata).get_methods()
	if methods.is_empty():
		return bars
	var delegated: int = 0
	var total: int = 0
	for part: Dictionary in Facts.new(metadata).get_delegation(methods[0]):
		total += int(part["count"])
		delegated += int(part["count"]) if part["delegated"] else 0
	var share: float = float(delegated) / maxi(total, 1)
	var count: int = clampi(total, 1, MOST_BARS)
	var width: float = 52.0 / count
	for index: int in count:
		var color: String = BACKEND_COLOR if (index + 0.5) / count <= share else KERNEL_COLOR
		bars.append(
			(
				'<rect x="%.2f" y="47" width="%.2f" height="9" fill="%s"/>'
				% [6.0 + index * width, maxf(width - 1.0, 0.5), color]
			)
		)
	return bars


static func _icon_body() -> String:
	var text: String = FileAccess.get_file_as_string("res://addons/executorch/icons/resource.svg")
	var begin: int = text.find(">") + 1
	return text.substr(begin, text.rfind("</svg>") - begin)
