@tool
extends AcceptDialog
## Explains why Python is needed, and offers to choose an interpreter or to make an environment.

const EnvironmentSetup := preload("environment_setup.gd")
const Interpreters := preload("res://addons/executorch/editor/backend/interpreters.gd")
const Backend := preload("res://addons/executorch/editor/backend/python_backend.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const COLUMNS: PackedStringArray = ["Interpreter", "Version", "Found in"]
## How the window calls where an interpreter was found.
const PLACES: Dictionary[String, String] = {
	"environment": "EXECUTORCH_PYTHON",
	"setting": "Editor setting",
	"user folder": "Made by Set Up",
	"PATH": "PATH",
	"usual place": "Usual place",
}
## The button's text for the state of an earlier set-up.
const TITLES: Dictionary[String, String] = {"begun": "Continue Set-Up", "finished": "Set Up Again"}
const WHY: String = (
	"Python converts models with the packages torch and executorch."
	+ " Games do not need Python, nor does a project whose models are all in the cache."
)
const OFFER: String = (
	"Set Up installs the packages into a separate environment, about 2 GB in %s."
	+ " The project and the installed Python are not changed."
)
const CHOICE: String = "Choose the Python to make it with, or use one that has the packages:"

var _setup: EnvironmentSetup
var _jobs: Jobs
var _why: Label = _paragraph(WHY)
var _offer: Label = _paragraph("")
var _choice_words: Label = _paragraph(CHOICE)
var _icon: TextureRect = TextureRect.new()
var _state: Label = Label.new()
var _choice: VBoxContainer = VBoxContainer.new()
var _table: Tree = Tree.new()
var _use: Button = Button.new()
## What came of the choice of an interpreter.
var _used: Label = Label.new()
var _is_asked: bool = false
var _install: Button = Button.new()
var _cancel: Button = Button.new()
var _browse: Button = Button.new()
var _progress: ProgressBar = ProgressBar.new()
var _doing: Label = Label.new()
var _log: RichTextLabel = RichTextLabel.new()
var _files: EditorFileDialog = EditorFileDialog.new()


func _init(jobs: Jobs = null) -> void:
	_jobs = jobs
	_setup = EnvironmentSetup.new(jobs)
	title = "Python for ExecuTorch"
	ok_button_text = "Close"
	exclusive = false
	var column: VBoxContainer = VBoxContainer.new()
	add_child(column)
	_build_state(column)
	_build_install(column)
	_build_choice(column)
	_setup.candidates_found.connect(_show_candidates)
	_setup.progressed.connect(_on_progressed)
	_setup.finished.connect(_on_finished)
	# Without the margin that Godot gives labels, texts begin where the buttons do.
	for label: Label in [_why, _state, _offer, _doing, _choice_words, _used]:
		label.add_theme_stylebox_override(&"normal", StyleBoxEmpty.new())


func _build_state(column: VBoxContainer) -> void:
	column.add_child(_why)
	var row: HBoxContainer = HBoxContainer.new()
	_icon.stretch_mode = TextureRect.STRETCH_KEEP_CENTERED
	row.add_child(_icon)
	_state.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_state.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	row.add_child(_state)
	column.add_child(row)
	column.add_child(HSeparator.new())


func _build_choice(column: VBoxContainer) -> void:
	_choice.size_flags_vertical = Control.SIZE_EXPAND_FILL
	column.add_child(_choice)
	_choice.add_child(HSeparator.new())
	_choice.add_child(_choice_words)
	_table.columns = COLUMNS.size()
	_table.hide_root = true
	_table.select_mode = Tree.SELECT_ROW
	_table.column_titles_visible = true
	for index: int in COLUMNS.size():
		_table.set_column_title(index, COLUMNS[index])
		_table.set_column_title_alignment(index, HORIZONTAL_ALIGNMENT_LEFT)
		_table.set_column_clip_content(index, true)
	_table.set_column_expand_ratio(0, 4)
	_table.set_column_expand_ratio(2, 2)
	_table.size_flags_vertical = Control.SIZE_EXPAND_FILL
	_table.item_selected.connect(_update_buttons)
	_choice.add_child(_table)
	var row: HBoxContainer = HBoxContainer.new()
	_use.text = "Use Selected"
	_use.tooltip_text = "Uses this interpreter, which must have the packages. It is a setting of this machine's editor."
	_use.pressed.connect(func() -> void: _use_interpreter(_selected_path()))
	row.add_child(_use)
	_browse.text = "Browse…"
	_browse.pressed.connect(func() -> void: _files.popup_file_dialog())
	row.add_child(_browse)
	_choice.add_child(row)
	_used.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	_used.hide()
	_choice.add_child(_used)
	_files.file_mode = EditorFileDialog.FILE_MODE_OPEN_FILE
	_files.access = EditorFileDialog.ACCESS_FILESYSTEM
	_files.title = "Choose a Python Interpreter"
	_files.file_selected.connect(_use_interpreter)
	add_child(_files)


func _build_install(column: VBoxContainer) -> void:
	_offer.text = OFFER % Interpreters.with_short_home(EnvironmentSetup.get_folder())
	column.add_child(_offer)
	var row: HBoxContainer = HBoxContainer.new()
	_install.text = "Set Up"
	_install.tooltip_text = "Makes the environment with the selected interpreter. It can be cancelled and continued."
	_install.pressed.connect(_start)
	row.add_child(_install)
	_cancel.text = "Cancel"
	_cancel.pressed.connect(_setup.cancel)
	_cancel.hide()
	row.add_child(_cancel)
	_progress.max_value = 1.0
	_progress.step = 0.001
	_progress.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_progress.size_flags_vertical = Control.SIZE_SHRINK_CENTER
	_progress.hide()
	row.add_child(_progress)
	column.add_child(row)
	_doing.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
	_doing.hide()
	column.add_child(_doing)
	_log.size_flags_vertical = Control.SIZE_EXPAND_FILL
	_log.scroll_following = true
	_log.selection_enabled = true
	_log.context_menu_enabled = true
	_log.focus_mode = Control.FOCUS_CLICK
	_log.hide()
	column.add_child(_log)


## Opens the window in the middle of the editor.
func open() -> void:
	var wanted: Vector2i = Vector2i(Vector2(640, 520) * EditorInterface.get_editor_scale())
	_refresh()
	popup_centered(wanted)
	# Labels that wrap know their height only after the first layout; until then the window is too high.
	await get_tree().process_frame
	size = wanted
	move_to_center()
	if not (_jobs.get_backend_info().get("environment", {}) as Dictionary).get("ok", false):
		_install.grab_focus()


func _ready() -> void:
	_jobs.backend_state_changed.connect(_refresh_state)


func _exit_tree() -> void:
	_setup.abandon_search()


func _refresh() -> void:
	var scale_of: float = EditorInterface.get_editor_scale()
	# A label that wraps is as high as a column of single letters until it has a width.
	_used.hide()
	for label: Label in [_state, _why, _offer, _choice_words, _used]:
		label.custom_minimum_size.x = 560 * scale_of
		label.size = Vector2(560 * scale_of, 0)
	_table.custom_minimum_size.y = 110 * scale_of
	_log.custom_minimum_size.y = 110 * scale_of
	_log.add_theme_font_override(&"normal_font", get_theme_font(&"output_source", &"EditorFonts"))
	_browse.icon = get_theme_icon(&"Folder", &"EditorIcons")
	_install.icon = get_theme_icon(&"AssetLib", &"EditorIcons")
	if _table.get_root() == null:
		_show_note("Looking for Python…")
	_setup.find_candidates()
	_refresh_state()
	_update_buttons()


func _use_interpreter(path: String) -> void:
	_is_asked = true
	_used.text = "%s is starting…" % Interpreters.with_short_home(path)
	_used.show()
	_setup.choose(path)
	_setup.find_candidates()


func _refresh_state() -> void:
	var info: Dictionary = _jobs.get_backend_info()
	var environment: Dictionary = info.get("environment", {})
	var icon_name: String = "StatusWarning"
	var words: String = "Python has not been started yet."
	if _jobs.get_backend_state() == Backend.State.FAILED:
		icon_name = "StatusError"
		words = _words_of(_jobs.get_backend_error())
	elif _jobs.get_backend_state() == Backend.State.STARTING:
		icon_name = "Time"
		words = "Python is starting…"
	elif not info.is_empty() and environment.get("ok", false):
		icon_name = "StatusSuccess"
		words = "Ready: Python %s, %s" % [info.get("python", ""), info.get("executable", "")]
	elif not info.is_empty():
		var why: String = _words_of_problems(environment.get("problems", []) as Array)
		words = "No models can be converted yet. %s" % why
	if not EnvironmentSetup.get_forced_interpreter().is_empty():
		words += "\nThe environment variable %s decides which Python is used." % Interpreters.VARIABLE
	_icon.texture = get_theme_icon(icon_name, &"EditorIcons")
	_state.text = Interpreters.with_short_home(words)
	if _is_asked and _jobs.get_backend_state() in [Backend.State.READY, Backend.State.FAILED]:
		_is_asked = false
		_tell_use(not info.is_empty() and environment.get("ok", false))


func _tell_use(can_convert: bool) -> void:
	var words: String = "It can convert models and is used from now on."
	if not can_convert:
		words = "It is chosen, but it cannot convert models: see above. Press Set Up, or choose another."
	_used.text = words
	_used.add_theme_color_override(
		&"font_color", get_theme_color(&"success_color" if can_convert else &"warning_color", &"Editor")
	)


func _words_of_problems(problems: Array) -> String:
	var causes: PackedStringArray = problems.map(
		func(problem: Dictionary) -> String: return str(problem.get("cause", ""))
	)
	return "\n".join(causes)


func _show_candidates(candidates: Array[Dictionary]) -> void:
	_table.clear()
	var root: TreeItem = _table.create_item()
	for candidate: Dictionary in candidates:
		var row: TreeItem = _table.create_item(root)
		row.set_text(0, Interpreters.with_short_home(str(candidate["path"])))
		row.set_metadata(0, candidate["path"])
		row.set_tooltip_text(0, str(candidate["path"]))
		row.set_text(1, str(candidate["version"]) if str(candidate["version"]).length() > 0 else "does not start")
		row.set_text(2, PLACES[candidate["source"]])
		if not candidate["supported"]:
			row.set_custom_color(1, get_theme_color(&"warning_color", &"Editor"))
			row.set_tooltip_text(1, "Python %s are supported." % Interpreters.VERSIONS)
		elif _table.get_selected() == null:
			row.select(0)
	if candidates.is_empty():
		_show_note("No Python was found. Install Python %s, or browse to it." % Interpreters.VERSIONS)
	_update_buttons()


func _show_note(words: String) -> void:
	var note: TreeItem = _table.create_item(_table.get_root() if _table.get_root() != null else _table.create_item())
	note.set_text(0, words)
	note.set_expand_right(0, true)
	for column: int in COLUMNS.size():
		note.set_selectable(column, false)


func _start() -> void:
	_log.clear()
	_progress.value = 0.0
	_doing.text = ""
	_setup.set_up(_selected_path())
	_update_buttons()


func _on_progressed(stage: String, fraction: float, line: String) -> void:
	_progress.value = fraction
	_progress.tooltip_text = stage.capitalize()
	_doing.text = Interpreters.with_short_home(line)
	# Lines with the bytes of a download would fill the log.
	if not line.ends_with(" MB"):
		_log.add_text(_doing.text + "\n")


func _on_finished(error: Dictionary) -> void:
	if not error.is_empty():
		# A person who cancelled it did nothing wrong.
		var color: StringName = &"font_color" if error.get("code", "") == "CANCELLED" else &"error_color"
		_log.push_color(get_theme_color(color, &"Editor"))
		_log.add_text(_words_of(error) + "\n")
		_log.pop()
	_setup.find_candidates()
	_update_buttons()


func _update_buttons() -> void:
	var running: bool = _setup.is_running()
	_cancel.visible = running
	_progress.visible = running
	_doing.visible = running
	_log.visible = running or not _log.get_parsed_text().is_empty()
	_choice.visible = not running
	_install.visible = not running
	_install.text = TITLES.get(Interpreters.get_user_folder_mark(), "Set Up")
	_install.disabled = _selected_path().is_empty()
	_use.disabled = _selected_path().is_empty()


func _selected_path() -> String:
	var row: TreeItem = _table.get_selected()
	return str(row.get_metadata(0)) if row != null else ""


func _words_of(error: Dictionary) -> String:
	return "%s\n%s" % [error.get("cause", ""), error.get("remedy", "")]


func _paragraph(words: String) -> Label:
	var label: Label = Label.new()
	label.text = words
	label.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	return label
