@tool
extends VBoxContainer
## The options of a model that one changes often. Each change is a reimport with undo; those that touch only run
## time find their
## artifact in the cache and are there at once.

const Settings := preload("import_settings.gd")
const Check := preload("options_check.gd")
const Section := preload("section.gd")
const Options := preload("res://addons/executorch/editor/import/import_options.gd")
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
	"One thread.", "The default.", "A warm-up call, a workspace shared by models, cached packed weights."
]
const POLICIES: PackedStringArray = ["Automatic", "Static", "Custom"]
const POLICY_TIPS: PackedStringArray = [
	"Buffers are as large as the program says.",
	"All memory comes from one block of the limit's size; a model that does not fit is refused.",
	"Planned memory comes from a pool that several models share.",
]

const GROUP_SIZES: PackedInt32Array = [32, 64, 128, 256]
const RECURRENT: PackedStringArray = ["scan", "step", "unroll"]

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
## Where the next row goes.
var _rows: Control = self


func _init(settings: Settings = null, links: Links = null, jobs: ExecuTorchJobs = null) -> void:
	_settings = settings
	_links = links
	_check = Check.new(jobs)
	_check.checked.connect(_show_problems)
	add_child(_check)


## Shows the options of the model at `path`; empty when the file is not imported (a `.tres` of the importer).
func show_options(path: String, is_program: bool) -> void:
	var focused: LineEdit = _find_focused()
	for child: Node in get_children():
		if child != _check:
			remove_child(child)
			child.queue_free()
	if path != _path:
		_typed.clear()
		_apply_title = ""
	_path = path
	_complaints.clear()
	if not Settings.has_options(path):
		return
	if not is_program:
		_add_conversion()
	_add_choice("Optimization", "optimization_level", LEVELS, LEVEL_TIPS, 1)
	_add_choice("Memory policy", "memory_policy", POLICIES, POLICY_TIPS, 0)
	if _applies("memory_limit_bytes"):
		_add_limit()
	if _links != null:
		_add_link()
	if not is_program:
		_add_checks()
	var more: Button = Button.new()
	more.text = "All Import Options"
	more.tooltip_text = "Shows this file in the Import dock."
	more.size_flags_horizontal = Control.SIZE_SHRINK_BEGIN
	more.pressed.connect(_show_import_dock)
	add_child(more)
	_add_complaint("")
	_check.check(path, _typed, not _apply_title.is_empty())
	if focused != null:
		_focus_again(focused)


## The field that a person writes into.
func _find_focused() -> LineEdit:
	var focused: Control = get_viewport().gui_get_focus_owner() if is_inside_tree() else null
	return focused as LineEdit if focused != null and is_ancestor_of(focused) else null


## The model may be imported in the middle of a word.
func _focus_again(former: LineEdit) -> void:
	var field: LineEdit = find_child(former.name, true, false) as LineEdit
	if field != null and _typed.has(str(field.name).to_snake_case()):
		field.grab_focus()
		field.edit()
		field.caret_column = former.caret_column


func _add_conversion() -> void:
	_add_recipe()
	if _applies("calibration"):
		_add_calibration()
	if _applies("group_size"):
		_add_value_choice(
			"Group size", "group_size", Array(GROUP_SIZES), "Weights that share a scale; fewer are closer."
		)
	_add_text("Inputs", "inputs", "x: float32[1,3,224,224]", "Names, types and shapes of the example inputs.")
	_add_text("Factory", "factory", "res://models/net.py:build", "The function that builds a model of these weights.")
	if _applies("factory_arguments"):
		_add_text("Arguments", "factory_arguments", '{"hidden": 64}', "What the factory is called with, as JSON.")


func _add_checks() -> void:
	var section: Section = Section.new("Checks and Limits", true)
	add_child(section)
	_rows = section.body
	_add_text("Absolute error", "max_absolute_error", "the recipe's own", "The most that an output may be off.")
	_add_text("Relative error", "max_relative_error", "the recipe's own", "The same, relative to the largest output.")
	_add_value_choice("Recurrent layers", "recurrent", Array(RECURRENT), "How an LSTM or GRU is written down.")
	_add_number("Deadline", "deadline_seconds", 600.0, "s", "A conversion that takes longer is ended.")
	_add_number("Memory", "memory_limit_megabytes", 0.0, "MB", "What a conversion may take; 0 is three quarters.")
	var apart: CheckBox = CheckBox.new()
	apart.text = "On"
	apart.button_pressed = bool(Settings.read(_path, "external_weights", false))
	apart.toggled.connect(func(on: bool) -> void: _change({"external_weights": on}, "External weights"))
	_add_row("External weights", apart, "Puts the weights into a file beside the program.")
	_rows = self


func _applies(option: String) -> bool:
	var values: Dictionary = {}
	for name_of: String in ["recipe", "factory", "memory_policy"]:
		values[name_of] = Settings.read(_path, name_of, Options.CONVERSION.merged(Options.RUN_TIME)[name_of])
	return Options.applies(_path, option, values)


func _add_calibration() -> void:
	var button: Button = Button.new()
	button.name = "Calibration"
	button.clip_text = true
	var folder: String = str(Settings.read(_path, "calibration", ""))
	button.text = folder if not folder.is_empty() else "Choose a Folder…"
	button.icon = get_theme_icon(&"Folder", &"EditorIcons")
	button.pressed.connect(
		func() -> void:
			var files: EditorFileDialog = _open_files("Calibration Samples", EditorFileDialog.FILE_MODE_OPEN_DIR)
			files.access = EditorFileDialog.ACCESS_RESOURCES
			files.dir_selected.connect(func(chosen: String) -> void: _change({"calibration": chosen}, "Calibration"))
			files.popup_file_dialog()
	)
	_add_row("Calibration", button, "Samples (.npy, .npz, images) that show how large the numbers get.")
	_add_complaint("calibration")


func _add_value_choice(title: String, option: String, values: Array, tip: String) -> void:
	var choice: OptionButton = OptionButton.new()
	choice.name = option.capitalize()
	for value: Variant in values:
		choice.add_item(str(value).capitalize())
		choice.set_item_metadata(choice.item_count - 1, value)
		if value == Settings.read(_path, option, Options.CONVERSION[option]):
			choice.select(choice.item_count - 1)
	choice.item_selected.connect(func(index: int) -> void: _change({option: choice.get_item_metadata(index)}, title))
	_add_row(title, choice, tip)
	_add_complaint(option)


func _add_number(title: String, option: String, normal: float, suffix: String, tip: String) -> void:
	var field: EditorSpinSlider = _make_spin(suffix, 1.0)
	field.name = option.capitalize()
	field.max_value = 86400.0
	field.value = float(Settings.read(_path, option, normal))
	_when_resting(field, func() -> void: _change({option: roundi(field.value)}, title))
	_add_row(title, field, tip)
	_add_complaint(option)


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
	field.text = str(_typed.get(option, Settings.read(_path, option, "")))
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
	_rows.add_child(label)
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
	var limit: EditorSpinSlider = _make_spin("MiB", 0.0625)
	limit.max_value = 4096.0
	limit.value = float(Settings.read(_path, "memory_limit_bytes", 0)) / 1048576.0
	_when_resting(
		limit, func() -> void: _change({"memory_limit_bytes": roundi(limit.value * 1048576.0)}, "Memory limit")
	)
	_add_row("Memory limit", limit, "What Static and Custom may take; 0 is no limit.")


func _make_spin(suffix: String, step: float) -> EditorSpinSlider:
	var spin: EditorSpinSlider = EditorSpinSlider.new()
	spin.min_value = 0.0
	spin.step = step
	spin.allow_greater = true
	spin.hide_slider = true
	spin.suffix = suffix
	return spin


## Dragging changes a value many times; one reimport follows when it rests, or when the field goes away.
func _when_resting(spin: EditorSpinSlider, apply: Callable) -> void:
	var timer: Timer = Timer.new()
	timer.one_shot = true
	timer.wait_time = 0.6
	timer.timeout.connect(apply)
	spin.add_child(timer)
	spin.value_changed.connect(func(_value: float) -> void: timer.start())
	timer.tree_exiting.connect(
		func() -> void:
			if not timer.is_stopped():
				timer.stop()
				apply.call()
	)


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
	var files: EditorFileDialog = _open_files("Follow a File", EditorFileDialog.FILE_MODE_OPEN_FILE)
	files.access = EditorFileDialog.ACCESS_FILESYSTEM
	files.add_filter("*.pt, *.pt2, *.pth, *.pte, *.safetensors", "Models")
	files.file_selected.connect(func(target: String) -> void: _links.link(_path, target))
	files.popup_file_dialog()


func _open_files(title: String, mode: EditorFileDialog.FileMode) -> EditorFileDialog:
	_exit_tree()
	_files = EditorFileDialog.new()
	_files.file_mode = mode
	_files.title = title
	EditorInterface.get_base_control().add_child(_files)
	return _files


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
	_rows.add_child(row)


func _change(values: Dictionary, title: String) -> void:
	_settings.change(_path, values, "ExecuTorch: %s of %s" % [title, _path.get_file()])


func _show_import_dock() -> void:
	EditorInterface.get_file_system_dock().navigate_to_path(_path)
	for tabs: Node in EditorInterface.get_base_control().find_children("*", "TabContainer", true, false):
		for index: int in (tabs as TabContainer).get_tab_count():
			if (tabs as TabContainer).get_tab_control(index).get_class() == "ImportDock":
				(tabs as TabContainer).current_tab = index
