@tool
extends VBoxContainer
## The options of a model that one changes often. Each change is a reimport with undo; one that touches only run time
## finds its artifact in the cache and is there at once.

const RecordedInputs := preload("res://addons/executorch/editor/profiler/data/recorded_inputs.gd")
const Settings := preload("res://addons/executorch/editor/shared/import_settings.gd")
const Check := preload("res://addons/executorch/editor/import/options_check.gd")
const Facts := preload("res://addons/executorch/editor/shared/model_facts.gd")
const FileChooser := preload("res://addons/executorch/editor/shared/file_chooser.gd")
const Options := preload("res://addons/executorch/editor/shared/import_options.gd")
const Links := preload("res://addons/executorch/editor/watching/links.gd")
const Rows := preload("option_rows.gd")
const Section := preload("section.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const APPLIES_AT_ONCE: String = "Applies at once: the program stays the same."
const NEEDS_SAMPLES: String = (
	"Static int8 measures the range of each tensor. Choose a folder with 20 to 200 real inputs first: images, .npy or "
	+ ".npz. Without them the results may be far off."
)

var _settings: Settings
var _links: Links
var _path: String = ""
var _facts: Facts = Facts.new()
var _files: FileChooser = FileChooser.new()
var _check: Check
## Option -> the label under its field; "" is for options without a field here.
var _complaints: Dictionary[String, Label] = {}
## Texts that a person typed and that are not valid yet: option -> text.
var _typed: Dictionary = {}
var _apply_title: String = ""
## A selected recipe that waits for a folder of samples; empty = none.
var _waiting_recipe: String = ""
## The container of the next row.
var _rows: Control = self


func _init(settings: Settings = null, links: Links = null, jobs: Jobs = null) -> void:
	_settings = settings
	_links = links
	_check = Check.new(jobs)
	_check.checked.connect(_show_problems)
	add_child(_check)
	add_child(_files)


## Shows the options of the model at `path`; none when the file is not imported (a `.tres` of the importer).
func show_options(path: String, facts: Facts) -> void:
	if path != _path:
		_typed.clear()
		_apply_title = ""
		_waiting_recipe = ""
	_path = path
	_facts = facts
	_build()


## Asks for the folder of calibration samples; the model is then converted with it.
func choose_calibration() -> void:
	_files.choose_folder("Calibration Samples", _take_calibration)


## Whether inputs of a game that ran this model were recorded.
func has_recording() -> bool:
	return not RecordedInputs.list(_path).is_empty()


## Calibrates with the newest recording, which is copied into the project.
func use_recording() -> void:
	var place: String = RecordedInputs.list(_path)[0]
	var folder: String = RecordedInputs.copy_beside(place, _path)
	if folder.is_empty():
		push_error("ExecuTorch: %s cannot be copied into the project." % place)
	else:
		_take_calibration(folder)


func _build() -> void:
	var focused: LineEdit = _find_focused()
	for child: Node in get_children():
		if child != _check and child != _files:
			remove_child(child)
			child.queue_free()
	_complaints.clear()
	if not Settings.has_options(_path):
		return
	var is_program: bool = _path.get_extension().to_lower() == "pte"
	if not is_program:
		_add_conversion()
	_add_run_time()
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
	_check.check(_path, _typed, not _apply_title.is_empty())
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
	var current: String = _recipe()
	var recipes: PackedStringArray = []
	var tips: PackedStringArray = []
	for recipe: String in Options.RECIPES.split(","):
		if recipe == current or Options.runs_here(recipe) or recipe == "coreml_fp16":  # which Linux can make
			recipes.append(recipe)
			tips.append(Options.RECIPE_TIPS[recipe])
	var menu: OptionButton = Rows.menu(recipes, Array(recipes), current, tips, _on_recipe_chosen)
	_rows.add_child(Rows.wide("Recipe", menu, Options.RECIPE_TIPS.get(current, "") as String))
	_add_complaint("recipe")
	var further: String = "Recipes of further programs in this asset. The game chooses one by its level."
	_add_text("Variants", "variants", "xnnpack_int8_static, portable", further)
	if _applies("calibration"):
		_add_calibration()
	if _applies("group_size"):
		_add_values("Group size", "group_size", "Weights that share a scale. Fewer are more exact.")
	if _applies("float_layers"):
		var layers: String = "Layers that stay fp32 or fp16, for more exact results."
		_add_text("Float layers", "float_layers", "head, features.0: fp16", layers)
	_add_text("Inputs", "inputs", "x: float32[1,3,224,224]", "Names, types and shapes of the model's inputs.")
	if _applies("factory"):
		var browse: Button = Button.new()
		browse.icon = get_theme_icon(&"Folder", &"EditorIcons")
		browse.tooltip_text = "Chooses the Python file."
		browse.pressed.connect(func() -> void: _files.choose_file("Python File", ["*.py"], _take_factory))
		var tip: String = "The Python class or function that builds the model, when the file has only its weights."
		_add_text("Factory", "factory", "res://models/net.py:Net", tip, [browse])
	if _applies("factory_arguments"):
		_add_text(
			"Factory arguments", "factory_arguments", '{"hidden": 64}', "Arguments of the factory, as a JSON object."
		)
	if _applies("weights"):
		_add_text(
			"Weights",
			"weights",
			"params_ema",
			"Which weights of a checkpoint to use, if it has several. Empty: averaged ones first."
		)


func _add_run_time() -> void:
	var level: Array = [Options.LEVELS, range(Options.LEVELS.size()), _read("optimization_level"), Options.LEVEL_TIPS]
	_add_menu("Optimization", "optimization_level", level)
	var policy: Array = [Options.POLICIES, range(Options.POLICIES.size()), _read("memory_policy"), Options.POLICY_TIPS]
	_add_menu("Memory policy", "memory_policy", policy)
	if _applies("memory_limit_bytes"):
		var limit: EditorSpinSlider = Rows.spin(
			"MiB",
			0.0625,
			4096.0,
			float(_read("memory_limit_bytes")) / 1048576.0,
			func(value: float) -> void: _change({"memory_limit_bytes": roundi(value * 1048576.0)}, "Memory limit")
		)
		_rows.add_child(Rows.narrow("Memory limit", limit, "Memory limit of the model. 0 means no limit."))


func _add_checks() -> void:
	var section: Section = Section.new("Checks and Limits", true)
	add_child(section)
	_rows = section.body
	var relative: String = "The largest error that is accepted, relative to the largest output."
	_add_text(
		"Absolute error", "max_absolute_error", "the recipe's own", "The largest error that is accepted.", [], false
	)
	_add_text("Relative error", "max_relative_error", "the recipe's own", relative, [], false)
	var data: String = "Labelled data, a folder or .npz, on which the program and PyTorch are compared by a metric."
	_add_text("Evaluate on", "evaluate", "res://data/test.npz", data)
	if _applies("metric"):
		_add_text(
			"Metric", "metric", "top1 for classes, else rmse", "top1, top5, iou, cosine, mae, rmse or a function."
		)
	var kernels: String = "own: uses this project's kernels, which are faster. stock: any ExecuTorch can run the program."
	_add_values("Kernels", "kernels", kernels)
	var recurrent: String = "How LSTM and GRU layers are exported: one kernel, a loop, one step per call, or unrolled."
	_add_values("Recurrent layers", "recurrent", recurrent)
	var slices: String = "Milliseconds that no part of a call may exceed here, for submit_sliced(). Empty: no limit."
	_add_text("Longest slice", "slice", "2, in milliseconds", slices, [], false)
	_add_number("Deadline", "deadline_seconds", "s", "A conversion that takes longer is ended.")
	var memory: String = "Memory limit for a conversion. 0 means three quarters of this machine's memory."
	_add_number("Memory", "memory_limit_megabytes", "MB", memory)
	var apart: CheckBox = CheckBox.new()
	apart.text = "On"
	apart.button_pressed = bool(_read("external_weights"))
	apart.toggled.connect(func(on: bool) -> void: _change({"external_weights": on}, "External weights"))
	_rows.add_child(Rows.narrow("External weights", apart, "Stores the weights in a file beside the program."))
	_rows = self


func _add_calibration() -> void:
	var folder: String = str(_read("calibration"))
	var button: Button = Button.new()
	button.name = "Calibration"
	button.clip_text = true
	button.text = folder if not folder.is_empty() else "Choose Folder…"
	button.icon = get_theme_icon(&"Folder", &"EditorIcons")
	button.pressed.connect(choose_calibration)
	_rows.add_child(Rows.wide("Calibration", button, "A folder with real inputs: images, .npy or .npz."))
	_add_recorded_inputs()
	_add_complaint("calibration")
	if not _waiting_recipe.is_empty():
		_rows.add_child(Rows.note(NEEDS_SAMPLES, get_theme_color(&"warning_color", &"Editor")))
		var without: Button = Button.new()
		without.text = "Convert Without Samples"
		without.tooltip_text = "For a first try, or when the factory's file has a function calibration()."
		without.pressed.connect(func() -> void: _change({"recipe": _waiting_recipe}, "Recipe"))
		_rows.add_child(without)


# Recordings lie outside of the project, where the import does not read.
func _add_recorded_inputs() -> void:
	var recordings: PackedStringArray = RecordedInputs.list(_path)
	if recordings.is_empty():
		return
	var button: Button = Button.new()
	button.name = "RecordedInputs"
	button.text = "Use Recorded Inputs"
	button.tooltip_text = "Copies the newest recording of Model Profiler > Live into the project: real inputs of the game."
	button.pressed.connect(use_recording)
	_rows.add_child(button)


func _add_menu(title: String, option: String, of: Array) -> void:
	var chosen: Callable = func(value: int) -> void: _change({option: value}, title)
	var names: PackedStringArray = of[0]
	var menu: OptionButton = Rows.menu(names, of[1] as Array, int(of[2]), of[3] as PackedStringArray, chosen)
	_rows.add_child(Rows.narrow(title, menu, APPLIES_AT_ONCE))


func _add_values(title: String, option: String, tip: String) -> void:
	var values: Array = Options.choices(option)
	var names: PackedStringArray = []
	for value: Variant in values:
		names.append(str(value))
	var chosen: Callable = func(value: Variant) -> void: _change({option: value}, title)
	var menu: OptionButton = Rows.menu(names, values, _read(option), [], chosen)
	menu.name = option.capitalize()
	_rows.add_child(Rows.narrow(title, menu, tip))
	_add_complaint(option)


func _add_number(title: String, option: String, suffix: String, tip: String) -> void:
	var changed: Callable = func(value: float) -> void: _change({option: roundi(value)}, title)
	var field: EditorSpinSlider = Rows.spin(suffix, 1.0, 86400.0, float(_read(option)), changed)
	field.name = option.capitalize()
	_rows.add_child(Rows.narrow(title, field, tip))
	_add_complaint(option)


func _add_text(
	title: String, option: String, example: String, tip: String, buttons: Array[Button] = [], is_wide: bool = true
) -> void:
	var field: LineEdit = LineEdit.new()
	field.name = option.capitalize()
	field.text = str(_typed.get(option, _read(option)))
	field.placeholder_text = example
	field.text_changed.connect(func(text: String) -> void: _note_typed(option, text, ""))
	field.text_submitted.connect(func(text: String) -> void: _note_typed(option, text, title))
	var words: String = tip + " Press Enter to import the model again with it."
	_rows.add_child(Rows.wide(title, field, words, buttons) if is_wide else Rows.narrow(title, field, words))
	_add_complaint(option)


func _add_link() -> void:
	var target: String = _links.get_target(_path)
	var button: Button = Button.new()
	button.clip_text = true
	button.text = target.get_file() if not target.is_empty() else "Choose File…"
	button.tooltip_text = (
		"Follows %s: each new version is copied into the project and imported.\nPress to stop." % target
		if not target.is_empty()
		else "Follows a file outside of the project, such as the checkpoint of a running training."
	)
	if not _links.get_problem(_path).is_empty():
		button.icon = get_theme_icon(&"StatusWarning", &"EditorIcons")
		button.tooltip_text += "\n%s" % _links.get_problem(_path).get("cause", "")
	button.pressed.connect(_choose_link if target.is_empty() else _links.unlink.bind(_path))
	_rows.add_child(Rows.narrow("Follows", button, "The model is imported again whenever that file changes."))


func _add_complaint(option: String) -> void:
	var label: Label = Rows.note("", get_theme_color(&"error_color", &"Editor"))
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


func _note_typed(option: String, text: String, apply_title: String) -> void:
	_typed[option] = text
	_apply_title = apply_title
	_check.check(_path, _typed, true)


func _recipe() -> String:
	return _waiting_recipe if not _waiting_recipe.is_empty() else str(_read("recipe"))


func _on_recipe_chosen(recipe: String) -> void:
	_waiting_recipe = ""
	if Options.needs_samples(recipe) and str(_read("calibration")).is_empty():
		_waiting_recipe = recipe
		_build()
	else:
		_change({"recipe": recipe}, "Recipe")


func _take_calibration(folder: String) -> void:
	var values: Dictionary = {"calibration": folder}
	if not _waiting_recipe.is_empty():
		values["recipe"] = _waiting_recipe
	_change(values, "Calibration")


func _take_factory(file: String) -> void:
	_note_typed("factory", file, "Factory")


func _choose_link() -> void:
	_files.choose_outside("Follow a File", func(target: String) -> void: _links.link(_path, target))


func _applies(option: String) -> bool:
	if option == "factory" and _facts.get_kind_id() == "exported_program":
		return not str(_read("factory")).is_empty()
	var values: Dictionary = {"recipe": _recipe()}
	for name_of: String in ["variants", "factory", "memory_policy"]:
		values[name_of] = _read(name_of)
	return Options.applies(_path, option, values)


func _read(option: String) -> Variant:
	return Settings.read(_path, option, Options.default_of(option))


func _change(values: Dictionary, title: String) -> void:
	_waiting_recipe = ""
	_settings.change(_path, values, "ExecuTorch: %s of %s" % [title, _path.get_file()])


func _show_import_dock() -> void:
	EditorInterface.get_file_system_dock().navigate_to_path(_path)
	for tabs: Node in EditorInterface.get_base_control().find_children("*", "TabContainer", true, false):
		for index: int in (tabs as TabContainer).get_tab_count():
			if (tabs as TabContainer).get_tab_control(index).get_class() == "ImportDock":
				(tabs as TabContainer).current_tab = index
