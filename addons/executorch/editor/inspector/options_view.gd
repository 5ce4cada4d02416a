@tool
extends VBoxContainer
## The options of a model that one changes often. Each change is a reimport with undo; those that touch only run
## time find their
## artifact in the cache and are there at once.

const Settings := preload("import_settings.gd")
const Check := preload("options_check.gd")
const Links := preload("res://addons/executorch/editor/watching/links.gd")
const RECIPES: Dictionary = {
	"auto": "Automatic",
	"portable": "Portable kernels",
	"xnnpack_fp32": "XNNPACK fp32",
	"xnnpack_fp16": "XNNPACK fp16",
	"xnnpack_int8_dynamic": "XNNPACK int8, dynamic",
	"xnnpack_int8_static": "XNNPACK int8, static",
	"xnnpack_int8_static_per_tensor": "XNNPACK int8, static per tensor",
	"xnnpack_int8_int4": "XNNPACK int8 with int4 weights",
}
const LEVELS: PackedStringArray = ["None", "Basic", "Aggressive"]
const LEVEL_TIPS: PackedStringArray = [
	"One thread.", "The default.", "All performance cores, warm-up, shared workspace and cached packed weights."
]
const POLICIES: PackedStringArray = ["Automatic", "Static", "Custom"]
const POLICY_TIPS: PackedStringArray = [
	"Buffers are as large as the program says.",
	"All memory comes from one block of the limit's size; a model that does not fit is refused.",
	"Planned memory comes from a pool that several models share.",
]

var _settings: Settings
var _links: Links
var _path: String = ""
var _files: EditorFileDialog
var _check: Check
## Option -> the label under its field; "" is for options without a field here.
var _complaints: Dictionary[String, Label] = {}
## What a person typed and the check has not let through yet: option -> text.
var _typed: Dictionary = {}
var _apply_title: String = ""


func _init(settings: Settings = null, links: Links = null, jobs: ExecuTorchJobs = null) -> void:
	_settings = settings
	_links = links
	_check = Check.new(jobs)
	_check.checked.connect(_show_problems)
	add_child(_check)


## Shows the options of the model at `path`; empty when the file is not imported (a `.tres` of the importer).
func show_options(path: String, is_program: bool) -> void:
	_path = path
	_complaints.clear()
	_typed.clear()
	_apply_title = ""
	for child: Node in get_children():
		if child != _check:
			remove_child(child)
			child.queue_free()
	if not Settings.has_options(path):
		return
	if not is_program:
		_add_recipe()
		_add_text("Inputs", "inputs", "x: float32[1,3,224,224]", "Names, types and shapes of the example inputs.")
		_add_text(
			"Factory", "factory", "res://models/net.py:build", "The function that builds a model of these weights."
		)
	_add_choice("Optimization", "optimization_level", LEVELS, LEVEL_TIPS, 1)
	_add_choice("Memory policy", "memory_policy", POLICIES, POLICY_TIPS, 0)
	_add_limit()
	if _links != null:
		_add_link()
	var more: Button = Button.new()
	more.text = "All Import Options"
	more.tooltip_text = "Shows this file in the Import dock."
	more.size_flags_horizontal = Control.SIZE_SHRINK_BEGIN
	more.pressed.connect(_show_import_dock)
	add_child(more)
	_add_complaint("")
	_check.check(path, {}, false)


func _add_recipe() -> void:
	var choice: OptionButton = OptionButton.new()
	for recipe: String in RECIPES:
		choice.add_item(RECIPES[recipe])
		choice.set_item_metadata(choice.item_count - 1, recipe)
		if recipe == str(Settings.read(_path, "recipe", "auto")):
			choice.select(choice.item_count - 1)
	choice.item_selected.connect(
		func(index: int) -> void: _change({"recipe": choice.get_item_metadata(index)}, "Recipe")
	)
	_add_row("Recipe", choice, "How the model is lowered. Another recipe is another conversion.")
	_add_complaint("recipe")


func _add_text(title: String, option: String, example: String, tip: String) -> void:
	var field: LineEdit = LineEdit.new()
	field.name = option.capitalize()
	field.text = str(Settings.read(_path, option, ""))
	field.placeholder_text = example
	field.text_changed.connect(
		func(text: String) -> void:
			_typed[option] = text
			_apply_title = ""
			_check.check(_path, _typed, true)
	)
	field.text_submitted.connect(
		func(text: String) -> void:
			_typed[option] = text
			_apply_title = title
			_check.check(_path, _typed, true)
	)
	_add_row(title, field, tip + " Enter imports the model again, if nothing is wrong with it.")
	_add_complaint(option)


func _add_complaint(option: String) -> void:
	var label: Label = Label.new()
	label.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	label.add_theme_color_override(&"font_color", get_theme_color(&"error_color", &"Editor"))
	label.hide()
	add_child(label)
	_complaints[option] = label


func _show_problems(problems: Array[Dictionary]) -> void:
	if _complaints.is_empty():
		return
	for label: Label in _complaints.values():
		label.text = ""
	for problem: Dictionary in problems:
		var option: String = str(problem.get("option", ""))
		var words: String = "%s %s" % [problem.get("cause", ""), problem.get("remedy", "")]
		var label: Label = _complaints.get(option, _complaints.get(""))
		label.text = words if label.text.is_empty() else "%s\n%s" % [label.text, words]
	for label: Label in _complaints.values():
		label.visible = not label.text.is_empty()
	if problems.is_empty() and not _apply_title.is_empty():
		_change(_typed.duplicate(), _apply_title)
		_typed.clear()
		_apply_title = ""


func _add_choice(title: String, option: String, names: PackedStringArray, tips: PackedStringArray, normal: int) -> void:
	var choice: OptionButton = OptionButton.new()
	for index: int in names.size():
		choice.add_item(names[index])
		choice.set_item_tooltip(index, tips[index])
	choice.select(clampi(int(Settings.read(_path, option, normal)), 0, names.size() - 1))
	choice.item_selected.connect(func(index: int) -> void: _change({option: index}, title))
	_add_row(title, choice, "Applies at once: the program stays the same.")


func _add_limit() -> void:
	var limit: EditorSpinSlider = EditorSpinSlider.new()
	limit.min_value = 0.0
	limit.max_value = 4096.0
	limit.step = 0.0625
	limit.allow_greater = true
	limit.hide_slider = true
	limit.suffix = "MiB"
	limit.value = float(Settings.read(_path, "memory_limit_bytes", 0)) / 1048576.0
	limit.tooltip_text = "0 is no limit."
	limit.read_only = int(Settings.read(_path, "memory_policy", 0)) == 0
	# Dragging changes the value many times; one reimport follows when it rests.
	var timer: Timer = Timer.new()
	timer.one_shot = true
	timer.wait_time = 0.6
	timer.timeout.connect(
		func() -> void: _change({"memory_limit_bytes": roundi(limit.value * 1048576.0)}, "Memory limit")
	)
	limit.add_child(timer)
	limit.value_changed.connect(func(_value: float) -> void: timer.start())
	_add_row("Memory limit", limit, "What Static and Custom may take; 0 is no limit.")


func _add_link() -> void:
	var target: String = _links.get_target(_path)
	var button: Button = Button.new()
	button.clip_text = true
	button.text = target.get_file() if not target.is_empty() else "None"
	button.tooltip_text = (
		"Follows %s: each new version is copied in and imported.\nPress to end that." % target
		if not target.is_empty()
		else "Follows a file outside of the project, such as the checkpoint of a training that runs."
	)
	if not _links.get_problem(_path).is_empty():
		button.icon = get_theme_icon(&"StatusWarning", &"EditorIcons")
		button.tooltip_text += "\n%s" % _links.get_problem(_path).get("cause", "")
	button.pressed.connect(_choose_link if target.is_empty() else _links.unlink.bind(_path))
	_add_row("Follows", button, "The model is imported again whenever that file changes.")


func _choose_link() -> void:
	if _files == null:
		_files = EditorFileDialog.new()
		_files.access = EditorFileDialog.ACCESS_FILESYSTEM
		_files.file_mode = EditorFileDialog.FILE_MODE_OPEN_FILE
		_files.title = "Follow a File"
		_files.add_filter("*.pt, *.pt2, *.pth, *.pte, *.safetensors", "Models")
		_files.file_selected.connect(func(target: String) -> void: _links.link(_path, target))
		EditorInterface.get_base_control().add_child(_files)
	_files.popup_file_dialog()


func _exit_tree() -> void:
	if _files != null:
		_files.queue_free()
		_files = null


func _add_row(title: String, control: Control, tip: String) -> void:
	var row: HBoxContainer = HBoxContainer.new()
	var label: Label = Label.new()
	label.text = title
	label.tooltip_text = tip
	label.mouse_filter = Control.MOUSE_FILTER_PASS
	label.clip_text = true
	label.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	label.size_flags_stretch_ratio = 0.8
	label.add_theme_color_override(&"font_color", get_theme_color(&"property_color", &"EditorProperty"))
	row.add_child(label)
	control.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	if control is OptionButton:
		(control as OptionButton).clip_text = true
		(control as OptionButton).fit_to_longest_item = false
	row.add_child(control)
	add_child(row)


func _change(values: Dictionary, title: String) -> void:
	_settings.change(_path, values, "ExecuTorch: %s of %s" % [title, _path.get_file()])


func _show_import_dock() -> void:
	EditorInterface.get_file_system_dock().navigate_to_path(_path)
	for tabs: Node in EditorInterface.get_base_control().find_children("*", "TabContainer", true, false):
		for index: int in (tabs as TabContainer).get_tab_count():
			if (tabs as TabContainer).get_tab_control(index).get_class() == "ImportDock":
				(tabs as TabContainer).current_tab = index
