@tool
extends VBoxContainer
## The log of a conversion, as text that can be selected and copied. An error comes first, with its remedy.

const Job := preload("res://addons/executorch/editor/jobs/job.gd")

var _job: Job
var _shown_lines: int = -1
var _text: RichTextLabel = RichTextLabel.new()
var _copy: Button = Button.new()
var _title: Label = Label.new()
var _head: HBoxContainer = HBoxContainer.new()


func _init() -> void:
	add_child(_head)
	_title.text = "No conversion is selected."
	_title.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
	_title.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_head.add_child(_title)
	_copy.text = "Copy"
	_copy.disabled = true
	_copy.tooltip_text = "Copies the whole log."
	_copy.pressed.connect(func() -> void: DisplayServer.clipboard_set(get_text()))
	_head.add_child(_copy)
	_text.selection_enabled = true
	_text.context_menu_enabled = true
	_text.focus_mode = Control.FOCUS_CLICK
	_text.scroll_following = true
	_text.size_flags_vertical = Control.SIZE_EXPAND_FILL
	add_child(_text)


## Shows a job's log, or an empty page for null.
func show_job(job: Job) -> void:
	if job == _job and job != null and job.log_lines.size() == _shown_lines and job.state < Job.State.DONE:
		return
	_job = job
	_copy.disabled = job == null
	_title.text = job.path.get_file() if job != null else "No conversion is selected."
	_shown_lines = job.log_lines.size() if job != null else 0
	_text.clear()
	# A failure is shown from its beginning; a running log is followed.
	var is_told: bool = job != null and (job.state == Job.State.FAILED or not job.warning.is_empty())
	_text.scroll_following = not is_told and (job == null or not job.waits_for_python())
	if job == null:
		return
	if job.state == Job.State.FAILED:
		_add_message("%s: %s" % [job.error.get("code", ""), job.error.get("cause", "")], job.error, &"error_color")
	elif job.waits_for_python() and not job.lack.is_empty():
		_add_message("Waiting for Python: %s" % job.lack["cause"], job.lack, &"warning_color")
	elif not job.warning.is_empty():
		_add_message("%s: %s" % [job.warning["title"], job.warning["cause"]], job.warning, &"warning_color")
	_text.add_text("\n".join(job.log_lines))
	if not _text.scroll_following:
		_text.scroll_to_line(0)


func _add_message(words: String, message: Dictionary, color: StringName) -> void:
	_text.push_color(get_theme_color(color, &"Editor"))
	_text.add_text(words + "\n")
	_text.pop()
	_text.add_text("%s\n\n" % message.get("remedy", ""))


## Adds a button beside Copy.
func add_button(button: Button) -> void:
	_head.add_child(button)


## All that is shown, as plain text.
func get_text() -> String:
	return _text.get_parsed_text()


func _notification(what: int) -> void:
	if what == NOTIFICATION_ENTER_TREE or (what == NOTIFICATION_THEME_CHANGED and is_inside_tree()):
		_text.add_theme_font_override(&"normal_font", get_theme_font(&"output_source", &"EditorFonts"))
		_text.add_theme_font_size_override(
			&"normal_font_size", get_theme_font_size(&"output_source_size", &"EditorFonts")
		)
		_copy.icon = get_theme_icon(&"ActionCopy", &"EditorIcons")
