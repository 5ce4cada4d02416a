@tool
extends HBoxContainer
## Python in a line: how far its set-up is, or the process's state, version and memory; with buttons for restart, stop
## and set-up.

signal setup_requested

const Quantity := preload("res://addons/executorch/editor/shared/quantity.gd")
const Backend := preload("res://addons/executorch/editor/backend/python_backend.gd")
const Interpreters := preload("res://addons/executorch/editor/backend/interpreters.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const POLL_SECONDS: float = 2.0
const WORDS: PackedStringArray = [
	"Python starts when a model needs it", "Python is starting…", "Python is ready", "Python did not start"
]
const ICONS: PackedStringArray = ["Pause", "Time", "StatusSuccess", "StatusError"]
const LACKS_PACKAGES: String = "Python lacks packages: press Set Up"

var _jobs: Jobs
var _icon: TextureRect = TextureRect.new()
var _state: Label = Label.new()
var _detail: Label = Label.new()
var _start: Button
var _stop: Button
var _restart: Button
var _memory_bytes: int = 0
var _asking: bool = false
var _timer: Timer = Timer.new()


func _init(jobs: Jobs = null) -> void:
	_jobs = jobs
	_icon.stretch_mode = TextureRect.STRETCH_KEEP_CENTERED
	add_child(_icon)
	add_child(_state)
	_detail.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_detail.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
	_detail.mouse_filter = Control.MOUSE_FILTER_PASS
	add_child(_detail)
	_start = _add_button("Start", "Play", "Starts the Python process now.", func() -> void: _jobs.start_backend())
	_restart = _add_button(
		"", "Reload", "Restarts the Python process. Conversions begin again.", func() -> void: _jobs.restart_backend()
	)
	_stop = _add_button(
		"",
		"Stop",
		"Stops the Python process; it starts again when a model needs it.",
		func() -> void: _jobs.stop_backend()
	)
	_add_button("Set Up…", "Tools", "Chooses the Python interpreter, or installs the packages.", setup_requested.emit)
	_timer.wait_time = POLL_SECONDS
	_timer.timeout.connect(_poll)
	add_child(_timer)


func _ready() -> void:
	_detail.add_theme_color_override(&"font_color", Color(get_theme_color(&"font_color", &"Label"), 0.65))
	for child: Node in get_children():
		if child is Button:
			(child as Button).icon = get_theme_icon(StringName(str(child.get_meta(&"icon_name"))), &"EditorIcons")
	if _jobs != null:
		_jobs.backend_state_changed.connect(refresh)
		_jobs.python_wait.setup_changed.connect(refresh)
		_timer.start()
	refresh()


## Shows the state as it is now.
func refresh() -> void:
	var state: int = _jobs.get_backend_state() if _jobs != null else Backend.State.STOPPED
	_show_state(state)
	_start.visible = state in [Backend.State.STOPPED, Backend.State.FAILED]
	_restart.visible = state == Backend.State.READY
	_stop.visible = state in [Backend.State.STARTING, Backend.State.READY]
	var words: PackedStringArray = []
	var tip: String = ""
	var info: Dictionary = _jobs.get_backend_info() if _jobs != null else {}
	if state == Backend.State.READY:
		words.append(str(info.get("python", "")))
		tip = Interpreters.with_short_home(str(info.get("executable", "")))
		if _memory_bytes > 0:
			words.append(Quantity.size(_memory_bytes))
	elif state == Backend.State.FAILED:
		words.append(str(_jobs.get_backend_error().get("cause", "")))
		tip = str(_jobs.get_backend_error().get("remedy", ""))
	_detail.text = "  ·  ".join(words)
	_detail.tooltip_text = "\n".join(words + PackedStringArray([tip]))


func _show_state(state: int) -> void:
	var icon_name: String = ICONS[state]
	_state.text = WORDS[state]
	if _jobs != null and _jobs.python_wait.is_setting_up():
		icon_name = "Time"
		_state.text = "Setting up Python: %d %%" % floori(_jobs.python_wait.get_setup_fraction() * 100.0)
	elif state == Backend.State.READY and not _has_packages():
		icon_name = "StatusWarning"
		_state.text = LACKS_PACKAGES
	_icon.texture = get_theme_icon(icon_name, &"EditorIcons")


func _has_packages() -> bool:
	return (_jobs.get_backend_info().get("environment", {}) as Dictionary).get("ok", false)


func _poll() -> void:
	if _asking or not is_visible_in_tree() or _jobs.get_backend_state() != Backend.State.READY:
		return
	_asking = true
	var answer: Dictionary = await _jobs.call_backend("status", {})
	_asking = false
	_memory_bytes = int((answer.get("result", {}) as Dictionary).get("memory_bytes", 0))
	refresh()


func _add_button(title: String, icon_name: String, tip: String, pressed: Callable) -> Button:
	var button: Button = Button.new()
	button.text = title
	button.tooltip_text = tip
	button.flat = true
	button.set_meta(&"icon_name", icon_name)
	button.pressed.connect(pressed)
	add_child(button)
	return button
