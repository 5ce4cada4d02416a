@tool
extends RefCounted
## Adds to Godot's Import dock for models: options that appear with other options, and a wrong value reported before the
## import. `inspector_views.gd` starts and stops it.

const Check := preload("options_check.gd")
const Options := preload("res://addons/executorch/editor/shared/import_options.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")

## More of a complaint is in its tooltip: the dock is small.
const MOST_LINES: int = 4

var _dock: Control
var _inspector: EditorInspector
var _check: Check
var _panel: PanelContainer = PanelContainer.new()
var _words: Label = Label.new()


## Finds the dock and adds the message above its button. Does nothing if Godot does not have this dock.
func start(jobs: Jobs) -> void:
	var docks: Array[Node] = EditorInterface.get_base_control().find_children("*", "ImportDock", true, false)
	var inspectors: Array[Node] = docks[0].find_children("*", "EditorInspector", true, false) if docks else []
	if inspectors.is_empty():
		return
	_dock = docks[0]
	_inspector = inspectors[0]
	_check = Check.new(jobs)
	_dock.add_child(_check)
	_check.checked.connect(_show_problems)
	_words.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	_words.max_lines_visible = MOST_LINES
	_words.text_overrun_behavior = TextServer.OVERRUN_TRIM_WORD_ELLIPSIS
	_words.mouse_filter = Control.MOUSE_FILTER_PASS
	_panel.add_child(_words)
	_panel.name = "ExecuTorchProblems"
	_panel.hide()
	# The inspector may lie in a margin, where a sibling would cover it.
	var above: Control = _inspector
	while not above.get_parent() is VBoxContainer and above.get_parent() != _dock:
		above = above.get_parent()
	above.add_sibling(_panel)
	_inspector.property_edited.connect(_on_edited)
	_inspector.edited_object_changed.connect(_panel.hide)


func stop() -> void:
	if _inspector != null:
		_inspector.property_edited.disconnect(_on_edited)
		_inspector.edited_object_changed.disconnect(_panel.hide)
		_check.queue_free()
		_inspector = null
	_panel.queue_free()


func _on_edited(_property: String) -> void:
	var path: String = _path()
	if path.is_empty():
		return
	var edited: Object = _inspector.get_edited_object()
	var values: Dictionary = {}
	for option: String in Options.CONVERSION:
		var value: Variant = edited.get(option)
		if typeof(value) == typeof(Options.CONVERSION[option]):
			values[option] = value
	_check.check(path, values, true)
	# Godot reads which options apply only when the file is selected again.
	edited.notify_property_list_changed.call_deferred()


## The one model whose options the dock shows; empty when it shows something else.
func _path() -> String:
	var paths: PackedStringArray = EditorInterface.get_selected_paths()
	if paths.size() != 1 or _inspector.get_edited_object() == null:
		return ""
	var file: ConfigFile = ConfigFile.new()
	var known: bool = file.load(paths[0] + ".import") == OK
	return paths[0] if known and file.get_value("remap", "importer", "") == "executorch.model" else ""


func _show_problems(problems: Array[Dictionary]) -> void:
	var lines: PackedStringArray = []
	for problem: Dictionary in problems:
		var option: String = str(problem.get("option", "")).capitalize()
		lines.append("%s: %s %s" % [option, problem.get("cause", ""), problem.get("remedy", "")])
	_words.text = "\n".join(lines)
	_words.tooltip_text = _words.text
	_panel.visible = not lines.is_empty()
	var scale_of: float = EditorInterface.get_editor_scale()
	var box: StyleBoxFlat = StyleBoxFlat.new()
	var color: Color = _dock.get_theme_color(&"error_color", &"Editor")
	box.bg_color = Color(color, 0.12)
	box.border_color = color
	box.border_width_left = roundi(3 * scale_of)
	box.set_corner_radius_all(roundi(3 * scale_of))
	box.set_content_margin_all(6 * scale_of)
	_panel.add_theme_stylebox_override(&"panel", box)
