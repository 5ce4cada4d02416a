@tool
extends "res://tests/editor/views.gd"
## Import options: which apply, their fields in the inspector, and what the Import dock says of a wrong value.

const OtherFormats := preload("res://addons/executorch/editor/import/other_formats.gd")
const Options := preload("res://addons/executorch/editor/shared/import_options.gd")
const Settings := preload("res://addons/executorch/editor/shared/import_settings.gd")
const CONVNET: String = "res://models/convnet.pt2"


func test_only_options_that_apply_are_shown() -> void:
	var cases: Array[Array] = [
		["calibration", {"recipe": "xnnpack_fp32"}, false],
		["calibration", {"recipe": "xnnpack_int8_static"}, true],
		["calibration", {"recipe": "xnnpack_int8_static_per_tensor"}, true],
		["group_size", {"recipe": "xnnpack_int8_static"}, false],
		["group_size", {"recipe": "xnnpack_int8_int4"}, true],
		["calibration", {"recipe": "fastest"}, true],
		["calibration", {"recipe": "auto"}, false],
		["float_layers", {"recipe": "xnnpack_int8_static"}, true],
		["float_layers", {"recipe": "xnnpack_int8_int4"}, false],
		["factory_arguments", {}, false],
		["factory_arguments", {"factory": "res://net.py:build"}, true],
		["memory_limit_bytes", {"memory_policy": 0}, false],
		["memory_limit_bytes", {"memory_policy": 1}, true],
		["inputs", {}, true],
	]
	for case: Array in cases:
		check_equal(Options.applies("res://a.pt", case[0] as String, case[1] as Dictionary), case[2], str(case))
	for option: String in Options.CONVERSION:
		check(not Options.applies("res://a.pte", option, {"recipe": "xnnpack_int8_int4"}), option)
	check(Options.applies("res://a.pte", "memory_policy", {}), "memory_policy of a program")


func test_presets_are_different_conversions() -> void:
	var seen: Array[Dictionary] = []
	for preset: int in Options.PRESETS.size():
		var values: Dictionary = {}
		for option: Dictionary in Options.describe(preset):
			values[option["name"]] = option["default_value"]
		check(not Options.get_changed(values) in seen, "%s is another preset" % Options.PRESETS[preset]["name"])
		seen.append(Options.get_changed(values))


func test_fields_follow_the_recipe_and_a_value_goes_into_the_import() -> void:
	var settings: Settings = Settings.new(EditorInterface.get_editor_undo_redo(), find_jobs().import_again)
	var view: Control = await inspect(CONVNET)
	check(view.find_child("Group Size", true, false) == null, "a group size without int4")
	settings.change(CONVNET, {"recipe": "xnnpack_int8_int4"}, "test")
	var field: Callable = func() -> OptionButton:
		var shown: Control = find_by_script(EditorInterface.get_inspector(), MODEL_VIEW) as Control
		return shown.find_child("Group Size", true, false) as OptionButton if shown != null else null
	if await wait_until(func() -> bool: return field.call() != null, 60.0, "a field for the group size"):
		var choice: OptionButton = field.call()
		choice.select(1)
		choice.item_selected.emit(1)
		await wait_until(
			func() -> bool: return int(Settings.read(CONVNET, "group_size", 32)) == 64, 60.0, "group size 64"
		)
	settings.change(CONVNET, {"recipe": "xnnpack_int8_static", "group_size": 32}, "test")
	var folder: Callable = func() -> bool:
		var shown: Control = find_by_script(EditorInterface.get_inspector(), MODEL_VIEW) as Control
		return shown != null and shown.find_child("Calibration", true, false) != null
	await wait_until(folder, 60.0, "a field for the calibration")
	settings.change(CONVNET, {"recipe": "auto"}, "test")
	var model: ExecuTorchResource = load(CONVNET)
	var is_back: Callable = func() -> bool:
		return model.state == ExecuTorchResource.State.READY and model.metadata["recipe"] == "xnnpack_fp32"
	await wait_until(is_back, 240.0, "the model of before")


func test_a_number_is_kept_when_another_model_is_selected_at_once() -> void:
	var settings: Settings = Settings.new(EditorInterface.get_editor_undo_redo(), find_jobs().import_again)
	var view: Control = await inspect(CONVNET)
	(view.find_child("Deadline Seconds", true, false) as EditorSpinSlider).value = 333.0
	await inspect("res://models/policy.pt2")
	check_equal(int(Settings.read(CONVNET, "deadline_seconds", 600)), 333)
	settings.change(CONVNET, {"deadline_seconds": 600}, "test")
	var model: ExecuTorchResource = load(CONVNET)
	await wait_until(func() -> bool: return model.state == ExecuTorchResource.State.READY, 240.0, "ready")


func test_text_is_kept_when_the_model_is_imported_in_the_middle_of_it() -> void:
	var view: Control = await inspect(CONVNET)
	var field: LineEdit = view.find_child("Inputs", true, false)
	field.grab_focus()
	field.edit()
	field.text = "float32[1,"
	field.caret_column = 7
	field.text_changed.emit(field.text)
	load(CONVNET).emit_changed()
	field = view.find_child("Inputs", true, false)
	check_equal(field.text, "float32[1,")
	check(field.has_focus() and field.is_editing(), "the next letter goes elsewhere")
	check_equal(field.caret_column, 7)
	view = await inspect("res://models/policy.pt2")
	check_equal((view.find_child("Inputs", true, false) as LineEdit).text, "", "of another model")


func test_static_int8_asks_for_samples_before_it_converts() -> void:
	var settings: Settings = Settings.new(EditorInterface.get_editor_undo_redo(), find_jobs().import_again)
	var view: Control = await inspect(CONVNET)
	var menu: OptionButton = null
	for node: Node in view.find_children("*", "OptionButton", true, false):
		if (node as OptionButton).get_item_text(0) == "auto":
			menu = node as OptionButton
	menu.item_selected.emit(Array(Options.RECIPES.split(",")).find("xnnpack_int8_static"))
	check_equal(str(Settings.read(CONVNET, "recipe", "auto")), "auto", "it was converted without a question")
	check(text_of(view).contains("Choose a folder with 20 to 200 real inputs"), text_of(view))
	find_button(view, "Convert Without Samples").pressed.emit()
	check_equal(str(Settings.read(CONVNET, "recipe", "auto")), "xnnpack_int8_static")
	var model: ExecuTorchResource = load(CONVNET)
	var is_converted: Callable = func() -> bool:
		return model.state == ExecuTorchResource.State.READY and model.metadata["recipe"] == "xnnpack_int8_static"
	if await wait_until(is_converted, 240.0, "the model in int8"):
		view = await inspect(CONVNET)
		check(text_of(view).contains("Not calibrated"), text_of(view))
		check(find_button(view, "Choose Folder…") != null, "nothing to press")
	settings.change(CONVNET, {"recipe": "auto"}, "test")
	await wait_until(func() -> bool: return model.metadata["recipe"] == "xnnpack_fp32", 240.0, "the model of before")


func test_the_import_dock_shows_a_wrong_value_before_the_import() -> void:
	var dock: Node = EditorInterface.get_base_control().find_children("*", "ImportDock", true, false)[0]
	var panel: Control = dock.find_child("ExecuTorchProblems", true, false) as Control
	if panel == null:
		check(false, "nothing was added to the Import dock")
		return
	EditorInterface.get_file_system_dock().navigate_to_path(CONVNET)
	var inspector: EditorInspector = dock.find_children("*", "EditorInspector", true, false)[0]
	var shown: Callable = func() -> bool:
		EditorInterface.select_file(CONVNET)
		var edited: Object = inspector.get_edited_object()
		return edited != null and edited.get("max_relative_error") != null
	if not await wait_until(shown, 30.0, "the options in the Import dock"):
		return
	var words: Label = panel.get_child(0) as Label
	var parameters: Object = inspector.get_edited_object()
	parameters.set("max_relative_error", "a lot")
	inspector.property_edited.emit("max_relative_error")
	await wait_until(func() -> bool: return words.text.contains("a lot"), 90.0, "the reason")
	parameters.set("max_relative_error", "")
	inspector.property_edited.emit("max_relative_error")
	await wait_until(func() -> bool: return words.text.is_empty(), 30.0, "the end of the complaint")
	parameters.set("recipe", "xnnpack_int8_int4")
	inspector.property_edited.emit("recipe")
	await get_tree().process_frame
	await get_tree().process_frame
	var names: Array = parameters.get_property_list().map(func(of: Dictionary) -> String: return of["name"])
	check(names.has("group_size") and not names.has("calibration"), str(names))
	parameters.set("recipe", "auto")


func test_a_model_of_another_framework_is_told() -> void:
	var notice: String = OtherFormats.find_notice(["downloads/notes.txt", "downloads/net.H5"])
	check(notice.begins_with("net.H5 is a model of Keras") and notice.contains("ONNX"), notice)
	notice = OtherFormats.find_notice(["downloads/spiece.model"])
	check(notice.begins_with("spiece.model holds the tokens of") and notice.contains("importer tokenizer"), notice)
	check_equal(OtherFormats.find_notice(["downloads/net.pth", "downloads/a.png"]), "")
