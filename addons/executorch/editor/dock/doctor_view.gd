@tool
extends VBoxContainer
## The backend's checks of Python and its packages: each with its result, and the remedy of a failed one.

signal setup_requested

const Interpreters := preload("res://addons/executorch/editor/backend/interpreters.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")

var _jobs: Jobs
var _words: Label = Label.new()
var _set_up: Button = Button.new()
var _table: Tree = Tree.new()
var _checking: bool = false


func _init(jobs: Jobs = null) -> void:
	_jobs = jobs
	var head: HBoxContainer = HBoxContainer.new()
	add_child(head)
	_words.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_words.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
	head.add_child(_words)
	var again: Button = Button.new()
	again.text = "Check"
	again.pressed.connect(check)
	head.add_child(again)
	_set_up.text = "Set Up…"
	_set_up.tooltip_text = "Chooses the Python interpreter, or installs what is needed."
	_set_up.pressed.connect(setup_requested.emit)
	_set_up.hide()
	head.add_child(_set_up)
	var copy: Button = Button.new()
	copy.text = "Copy"
	copy.pressed.connect(func() -> void: DisplayServer.clipboard_set(get_text()))
	head.add_child(copy)
	_table.columns = 2
	_table.hide_root = true
	_table.size_flags_vertical = Control.SIZE_EXPAND_FILL
	_table.set_column_clip_content(0, true)
	_table.set_column_clip_content(1, true)
	_table.set_column_expand(0, false)
	add_child(_table)


func _ready() -> void:
	_table.set_column_custom_minimum_width(0, roundi(170 * EditorInterface.get_editor_scale()))


## Whether the checks were requested.
func has_checked() -> bool:
	return _checking or _table.get_root() != null


## Asks the backend, which is started for it when it is not running.
func check() -> void:
	if _checking:
		return
	_checking = true
	_words.text = "Checking…"
	var answer: Dictionary = await _jobs.call_backend("doctor", {})
	_checking = false
	if answer.has("error"):
		var error: Dictionary = answer["error"]
		show_checks(
			[{"name": "Python", "ok": false, "found": error.get("cause", ""), "remedy": error.get("remedy", "")}]
		)
	else:
		show_checks((answer["result"] as Dictionary).get("checks", []))


## Shows checks `[{name, ok, found, remedy}]`; a remedy of several checks once.
func show_checks(checks: Array) -> void:
	_table.clear()
	var root: TreeItem = _table.create_item()
	var failed: int = 0
	var told: Dictionary[String, bool] = {}
	for check_of: Dictionary in checks:
		var ok: bool = check_of.get("ok", false)
		failed += 0 if ok else 1
		var row: TreeItem = _table.create_item(root)
		row.set_text(0, str(check_of.get("name", "")))
		row.set_icon(0, get_theme_icon(&"StatusSuccess" if ok else &"StatusError", &"EditorIcons"))
		row.set_text(1, Interpreters.with_short_home(str(check_of.get("found", ""))))
		row.set_tooltip_text(1, str(check_of.get("found", "")))
		var remedy: String = str(check_of.get("remedy", ""))
		if not ok and not remedy.is_empty() and not told.has(remedy):
			told[remedy] = true
			var remedy_row: TreeItem = _table.create_item(row)
			remedy_row.set_text(0, "What to do")
			remedy_row.set_text(1, remedy)
			remedy_row.set_autowrap_mode(1, TextServer.AUTOWRAP_WORD_SMART)
			remedy_row.set_tooltip_text(1, remedy)
	_set_up.visible = failed > 0
	_words.text = (
		"Python and its packages are complete." if failed == 0 else "%d of %d checks failed." % [failed, checks.size()]
	)


## The checks as lines of text.
func get_text() -> String:
	var lines: PackedStringArray = []
	var row: TreeItem = _table.get_root().get_first_child() if _table.get_root() != null else null
	while row != null:
		lines.append("%s: %s" % [row.get_text(0), row.get_text(1)])
		row = row.get_next_visible()
	return "\n".join(lines)
