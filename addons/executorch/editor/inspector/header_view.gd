@tool
extends VBoxContainer
## A model's name, where it comes from, and its state: ready, being converted, or failed with what mends it.

signal cancel_requested
signal retry_requested
signal log_requested

enum State { READY, PENDING, FAILED }

const SvgIcon := preload("res://addons/executorch/editor/preview/svg_icon.gd")

var _title: Label = Label.new()
var _subtitle: Label = Label.new()
var _icon: TextureRect = TextureRect.new()
var _state_icon: TextureRect = TextureRect.new()
var _state: Label = Label.new()
var _progress_row: HBoxContainer = HBoxContainer.new()
var _progress: ProgressBar = ProgressBar.new()
var _error_panel: PanelContainer = PanelContainer.new()
var _cause: Label = Label.new()
var _remedy: Label = Label.new()
var _code: Label = Label.new()
var _buttons: HFlowContainer = HFlowContainer.new()
var _current: State = State.READY


func _init() -> void:
	var head: HBoxContainer = HBoxContainer.new()
	add_child(head)
	_icon.expand_mode = TextureRect.EXPAND_IGNORE_SIZE
	_icon.stretch_mode = TextureRect.STRETCH_KEEP_ASPECT_CENTERED
	head.add_child(_icon)
	var words: VBoxContainer = VBoxContainer.new()
	words.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	words.size_flags_vertical = Control.SIZE_SHRINK_CENTER
	head.add_child(words)
	var first_line: HBoxContainer = HBoxContainer.new()
	words.add_child(first_line)
	for label: Label in [_title, _subtitle]:
		label.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
		label.mouse_filter = Control.MOUSE_FILTER_PASS
		label.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	first_line.add_child(_title)
	words.add_child(_subtitle)
	_state_icon.stretch_mode = TextureRect.STRETCH_KEEP_CENTERED
	first_line.add_child(_state_icon)
	first_line.add_child(_state)
	_build_progress()
	_build_error()


## Names the model. `subtitle` is its kind, size and recipe in a line.
func show_model(title: String, subtitle: String, path: String) -> void:
	_title.text = title
	_subtitle.text = subtitle
	_title.tooltip_text = path
	_subtitle.tooltip_text = "%s\n%s" % [path, subtitle]


func show_ready() -> void:
	_set_state(State.READY, "Ready")


## A conversion that waits or runs. `fraction` 0 to 1, below 0 when unknown.
func show_pending(stage: String, fraction: float, elapsed_seconds: float) -> void:
	_set_state(State.PENDING, stage)
	_progress.indeterminate = fraction < 0.0
	_progress.value = clampf(fraction, 0.0, 1.0)
	_progress.tooltip_text = "%s, %.0f s" % [stage, elapsed_seconds]


## A conversion that failed: `error` is `{code, cause, remedy}`. `keeps_artifact`: the model of before is still
## used.
func show_failed(error: Dictionary, keeps_artifact: bool) -> void:
	_set_state(State.FAILED, "Failed")
	_cause.text = str(error.get("cause", "The model could not be imported."))
	_remedy.text = str(error.get("remedy", ""))
	_remedy.visible = not _remedy.text.is_empty()
	_code.text = str(error.get("code", ""))
	if keeps_artifact:
		_code.text += "  ·  the last good conversion is still in use"
	_code.visible = not _code.text.is_empty()


func _build_progress() -> void:
	_progress.max_value = 1.0
	_progress.step = 0.001
	_progress.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_progress.size_flags_vertical = Control.SIZE_SHRINK_CENTER
	_progress_row.add_child(_progress)
	var cancel: Button = Button.new()
	cancel.text = "Cancel"
	cancel.tooltip_text = "Ends the conversion. The last good one, if there is any, stays."
	cancel.pressed.connect(cancel_requested.emit)
	_progress_row.add_child(cancel)
	add_child(_progress_row)


func _build_error() -> void:
	var column: VBoxContainer = VBoxContainer.new()
	_error_panel.add_child(column)
	for label: Label in [_cause, _remedy, _code]:
		label.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
		column.add_child(label)
	column.add_child(_buttons)
	var retry: Button = Button.new()
	retry.text = "Try Again"
	retry.pressed.connect(retry_requested.emit)
	_buttons.add_child(retry)
	var log_button: Button = Button.new()
	log_button.text = "Show Log"
	log_button.pressed.connect(log_requested.emit)
	_buttons.add_child(log_button)
	var copy: Button = Button.new()
	copy.text = "Copy"
	copy.tooltip_text = "Copies the error as text."
	copy.pressed.connect(
		func() -> void: DisplayServer.clipboard_set("%s: %s\n%s" % [_code.text, _cause.text, _remedy.text])
	)
	_buttons.add_child(copy)
	add_child(_error_panel)


func _set_state(state: State, words: String) -> void:
	_current = state
	_state.text = words
	_progress_row.visible = state == State.PENDING
	_error_panel.visible = state == State.FAILED
	if is_inside_tree():
		_apply_theme()


func _notification(what: int) -> void:
	if what == NOTIFICATION_ENTER_TREE or (what == NOTIFICATION_THEME_CHANGED and is_inside_tree()):
		_apply_theme()


func _apply_theme() -> void:
	var scale_of: float = EditorInterface.get_editor_scale()
	var text: Color = get_theme_color(&"font_color", &"Label")
	_icon.custom_minimum_size = Vector2.ONE * 32.0 * scale_of
	_icon.texture = SvgIcon.make("resource", roundi(32.0 * scale_of), text)
	_title.add_theme_font_override(&"font", get_theme_font(&"bold", &"EditorFonts"))
	_subtitle.add_theme_color_override(&"font_color", Color(text, 0.65))
	_remedy.add_theme_color_override(&"font_color", Color(text, 0.8))
	_code.add_theme_color_override(&"font_color", Color(text, 0.55))
	var icons: PackedStringArray = ["StatusSuccess", "Progress1", "StatusError"]
	_state_icon.texture = get_theme_icon(icons[_current], &"EditorIcons")
	var colors: PackedColorArray = [
		get_theme_color(&"success_color", &"Editor"), text, get_theme_color(&"error_color", &"Editor")
	]
	_state.add_theme_color_override(&"font_color", colors[_current])
	var box: StyleBoxFlat = StyleBoxFlat.new()
	box.bg_color = Color(get_theme_color(&"error_color", &"Editor"), 0.12)
	box.border_color = get_theme_color(&"error_color", &"Editor")
	box.border_width_left = roundi(3 * scale_of)
	box.set_corner_radius_all(roundi(3 * scale_of))
	box.set_content_margin_all(8 * scale_of)
	_error_panel.add_theme_stylebox_override(&"panel", box)
