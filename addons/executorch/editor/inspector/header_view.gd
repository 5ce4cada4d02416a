@tool
extends VBoxContainer
## A model's name, where it comes from, and its state: ready, not calibrated, waiting for Python, being converted, or
## failed, with what can be done about it.

signal cancel_requested
signal retry_requested
signal log_requested
signal calibration_requested
## The newest recorded inputs of the game are to calibrate the model.
signal recording_requested
signal setup_requested
## Emitted when a person allows the code of this model or of its factory, as the shown error asks.
signal permission_given(code: String)
## A guess of the error was taken: the import options that it sets.
signal guess_taken(options: Dictionary)

enum State { READY, WARNING, PENDING, FAILED, WAITING }

const Icons := preload("res://addons/executorch/editor/shared/icons.gd")
const Job := preload("res://addons/executorch/editor/jobs/job.gd")
const MessagePanel := preload("message_panel.gd")
## Errors that a permission resolves, with the tooltip of the button.
const PERMISSIONS: Dictionary[String, String] = {
	"PICKLE_NEEDS_PERMISSION": "Allows this file to run its code, confined. Only for a file whose origin you trust.",
	"FACTORY_NEEDS_APPROVAL": "Allows this factory to run on this machine without a sandbox, until its code changes.",
}
const STATE_ICONS: PackedStringArray = ["StatusSuccess", "StatusWarning", "Progress1", "StatusError", "Pause"]
const SETUP_TIP: String = "Chooses the Python interpreter, or installs the packages."
const FORMER: String = "The last version that worked is still used, and shown below."

var _title: Label = Label.new()
var _subtitle: Label = Label.new()
var _icon: TextureRect = TextureRect.new()
var _state_icon: TextureRect = TextureRect.new()
var _state: Label = Label.new()
var _progress_row: HBoxContainer = HBoxContainer.new()
var _progress: ProgressBar = ProgressBar.new()
var _error: MessagePanel = MessagePanel.new()
var _warning: MessagePanel = MessagePanel.new()
var _wait: MessagePanel = MessagePanel.new()
var _choose: Button
var _record: Button
var _set_up: Button
var _allow: Button
var _current: State = State.READY


func _init() -> void:
	_build_head()
	_build_progress()
	_error.guess_taken.connect(guess_taken.emit)
	_error.add_button("Try Again", "Converts the file once more with the same options.", retry_requested.emit)
	_error.add_button("Show Log", "Opens the ExecuTorch panel at this conversion.", log_requested.emit)
	_error.add_button("Copy", "Copies this message.", func() -> void: DisplayServer.clipboard_set(_error.get_text()))
	_set_up = _error.add_button("Set Up Python…", SETUP_TIP, setup_requested.emit)
	_allow = _error.add_button("Allow This Code", "", func() -> void: permission_given.emit(_asked_for()))
	add_child(_error)
	_choose = _warning.add_button("Choose Folder…", "Chooses the folder with samples.", calibration_requested.emit)
	_record = _warning.add_button(
		"Use Recorded Inputs",
		"Copies the newest recording of Model Profiler > Live into the project: real inputs of the game.",
		recording_requested.emit
	)
	add_child(_warning)
	_wait.add_button("Set Up Python…", SETUP_TIP, setup_requested.emit)
	_wait.add_button("Show Log", "Opens the ExecuTorch panel at this conversion.", log_requested.emit)
	add_child(_wait)


## Names the model. `subtitle` is its kind and recipe in a line.
func show_model(title: String, subtitle: String, path: String) -> void:
	_title.text = title
	_subtitle.text = subtitle
	_subtitle.visible = not subtitle.is_empty()
	_title.tooltip_text = path
	_subtitle.tooltip_text = "%s\n%s" % [path, subtitle]


## A model that can be run. `warning` about its results is `{title, cause, remedy, needs_samples}`, or empty.
## `has_recording`: inputs of the game were recorded.
func show_ready(warning: Dictionary = {}, has_recording: bool = false) -> void:
	if warning.is_empty():
		_set_state(State.READY, "Ready")
		return
	_choose.visible = warning.get("needs_samples", false)
	_record.visible = _choose.visible and has_recording
	_warning.show_message(MessagePanel.Severity.WARNING, warning)
	_set_state(State.WARNING, str(warning.get("title", "")))


## A conversion that waits for Python: `lack` is `{cause, remedy}`. `keeps_artifact`: the former model is still used.
func show_waiting(words: String, lack: Dictionary, keeps_artifact: bool) -> void:
	var message: Dictionary = {"cause": lack["cause"], "remedy": lack["remedy"]}
	if keeps_artifact:
		message["note"] = FORMER
	if _current != State.WAITING or _wait.get_meta(&"message", {}) != message:
		_wait.set_meta(&"message", message)
		_wait.show_message(MessagePanel.Severity.WARNING, message)
	_set_state(State.WAITING, words)


## A conversion that waits or runs. `fraction` 0 to 1, below 0 when unknown.
func show_pending(stage: String, fraction: float, elapsed_seconds: float) -> void:
	_set_state(State.PENDING, stage)
	_progress.indeterminate = fraction < 0.0
	_progress.value = clampf(fraction, 0.0, 1.0)
	_progress.tooltip_text = "%s, %.0f s" % [stage, elapsed_seconds]


## A conversion that failed: `error` is `{code, cause, remedy, guesses}`. `keeps_artifact`: the former model is still
## used.
func show_failed(error: Dictionary, keeps_artifact: bool) -> void:
	var message: Dictionary = error.duplicate()
	message.merge({"cause": "The model could not be imported.", "code": ""})
	_allow.set_meta(&"code", str(message["code"]))
	_allow.visible = PERMISSIONS.has(_asked_for())
	_allow.tooltip_text = PERMISSIONS.get(_asked_for(), "")
	_set_up.visible = Job.lacks_python(error)
	if keeps_artifact:
		message["note"] = FORMER
	if _current != State.FAILED or _error.get_meta(&"message", {}) != message:
		_error.set_meta(&"message", message)
		_error.show_message(MessagePanel.Severity.ERROR, message)
	_set_state(State.FAILED, "Failed")


func _asked_for() -> String:
	return _allow.get_meta(&"code", "")


func _build_head() -> void:
	var head: HBoxContainer = HBoxContainer.new()
	add_child(head)
	_icon.expand_mode = TextureRect.EXPAND_IGNORE_SIZE
	_icon.stretch_mode = TextureRect.STRETCH_KEEP_ASPECT_CENTERED
	_icon.size_flags_vertical = Control.SIZE_SHRINK_BEGIN
	head.add_child(_icon)
	var words: VBoxContainer = VBoxContainer.new()
	words.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	words.size_flags_vertical = Control.SIZE_SHRINK_CENTER
	head.add_child(words)
	for label: Label in [_title, _subtitle]:
		label.mouse_filter = Control.MOUSE_FILTER_PASS
		label.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	# A file name has no spaces to wrap at.
	_title.autowrap_mode = TextServer.AUTOWRAP_ARBITRARY
	_subtitle.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	words.add_child(_title)
	words.add_child(_subtitle)
	var state_row: HBoxContainer = HBoxContainer.new()
	words.add_child(state_row)
	_state_icon.stretch_mode = TextureRect.STRETCH_KEEP_CENTERED
	state_row.add_child(_state_icon)
	state_row.add_child(_state)


func _build_progress() -> void:
	_progress.max_value = 1.0
	_progress.step = 0.001
	_progress.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_progress.size_flags_vertical = Control.SIZE_SHRINK_CENTER
	_progress_row.add_child(_progress)
	var cancel: Button = Button.new()
	cancel.text = "Cancel"
	cancel.tooltip_text = "Cancels the conversion. The last version that worked, if there is one, stays in use."
	cancel.pressed.connect(cancel_requested.emit)
	_progress_row.add_child(cancel)
	add_child(_progress_row)


func _set_state(state: State, words: String) -> void:
	_current = state
	_state.text = words
	_progress_row.visible = state == State.PENDING
	_error.visible = state == State.FAILED
	_warning.visible = state == State.WARNING
	_wait.visible = state == State.WAITING
	if is_inside_tree():
		_apply_theme()


func _notification(what: int) -> void:
	if what == NOTIFICATION_ENTER_TREE or (what == NOTIFICATION_THEME_CHANGED and is_inside_tree()):
		_apply_theme()


func _apply_theme() -> void:
	var unit: float = EditorInterface.get_editor_scale()
	var text: Color = get_theme_color(&"font_color", &"Label")
	_icon.custom_minimum_size = Vector2.ONE * 32.0 * unit
	_icon.texture = Icons.make("resource", roundi(32.0 * unit), text)
	_title.add_theme_font_override(&"font", get_theme_font(&"bold", &"EditorFonts"))
	_subtitle.add_theme_color_override(&"font_color", Color(text, 0.65))
	_state_icon.texture = get_theme_icon(STATE_ICONS[_current], &"EditorIcons")
	var colors: PackedColorArray = [
		get_theme_color(&"success_color", &"Editor"),
		get_theme_color(&"warning_color", &"Editor"),
		text,
		get_theme_color(&"error_color", &"Editor"),
		text,
	]
	_state.add_theme_color_override(&"font_color", colors[_current])
