@tool
extends VBoxContainer
## A foldable part of the inspector with a title, drawn as the inspector draws its own sections.

## Titles that the person has folded, kept while the editor runs.
static var folded_titles: Dictionary = {}

var body: VBoxContainer = VBoxContainer.new()

var _title: String = ""
var _summary: Label = Label.new()
var _button: Button = Button.new()


func _init(title: String = "", folded: bool = false) -> void:
	_title = title
	if not folded_titles.has(title):
		folded_titles[title] = folded
	_button.text = title
	_button.alignment = HORIZONTAL_ALIGNMENT_LEFT
	_button.clip_text = true
	_button.focus_mode = Control.FOCUS_ALL
	_button.pressed.connect(_toggle)
	add_child(_button)
	_summary.horizontal_alignment = HORIZONTAL_ALIGNMENT_RIGHT
	_summary.vertical_alignment = VERTICAL_ALIGNMENT_CENTER
	_summary.mouse_filter = Control.MOUSE_FILTER_IGNORE
	_summary.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
	_button.add_child(_summary)
	var margin: MarginContainer = MarginContainer.new()
	margin.name = "Margin"
	add_child(margin)
	margin.add_child(body)
	margin.visible = not folded_titles[title]


## A word or two at the right end of the title, seen also when the section is folded.
func set_summary(words: String) -> void:
	_summary.text = words


func _notification(what: int) -> void:
	if what == NOTIFICATION_THEME_CHANGED and is_inside_tree():
		_apply_theme()
	elif what == NOTIFICATION_ENTER_TREE:
		_apply_theme()


func _apply_theme() -> void:
	var scale_of: float = EditorInterface.get_editor_scale()
	var style: StyleBoxFlat = StyleBoxFlat.new()
	style.bg_color = get_theme_color(&"prop_subsection", &"Editor")
	style.set_corner_radius_all(roundi(3 * scale_of))
	style.set_content_margin_all(4 * scale_of)
	style.content_margin_left = 6 * scale_of
	var hover: StyleBoxFlat = style.duplicate()
	hover.bg_color = style.bg_color.lerp(get_theme_color(&"font_color", &"Label"), 0.08)
	_button.add_theme_stylebox_override(&"normal", style)
	for state: StringName in [&"hover", &"pressed", &"hover_pressed"]:
		_button.add_theme_stylebox_override(state, hover)
	_button.add_theme_font_override(&"font", get_theme_font(&"bold", &"EditorFonts"))
	_button.add_theme_constant_override(&"h_separation", roundi(4 * scale_of))
	_summary.set_anchors_and_offsets_preset(Control.PRESET_FULL_RECT)
	_summary.offset_right = -8 * scale_of
	var font: Font = get_theme_font(&"bold", &"EditorFonts")
	var font_size: int = _button.get_theme_font_size(&"font_size")
	var title_width: float = font.get_string_size(_title, HORIZONTAL_ALIGNMENT_LEFT, -1, font_size).x
	# The arrow stands before the title.
	_summary.offset_left = title_width + 36 * scale_of
	_summary.add_theme_color_override(&"font_color", Color(get_theme_color(&"font_color", &"Label"), 0.7))
	var margin: MarginContainer = get_node("Margin")
	for side: StringName in [&"margin_left", &"margin_right"]:
		margin.add_theme_constant_override(side, roundi(6 * scale_of))
	margin.add_theme_constant_override(&"margin_top", roundi(2 * scale_of))
	margin.add_theme_constant_override(&"margin_bottom", roundi(6 * scale_of))
	body.add_theme_constant_override(&"separation", roundi(6 * scale_of))
	_update_arrow()


func _toggle() -> void:
	folded_titles[_title] = not folded_titles[_title]
	(get_node("Margin") as Control).visible = not folded_titles[_title]
	_update_arrow()


func _update_arrow() -> void:
	_button.icon = get_theme_icon(&"arrow_collapsed" if folded_titles[_title] else &"arrow", &"Tree")
