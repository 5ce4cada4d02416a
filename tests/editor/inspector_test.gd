@tool
extends "res://tests/editor/views.gd"
## The inspector's view of imported models.

const Section := preload("res://addons/executorch/editor/inspector/section.gd")
const Profiler := preload("res://addons/executorch/editor/profiler/profiler_dock.gd")
const Settings := preload("res://addons/executorch/editor/shared/import_settings.gd")
const Facts := preload("res://addons/executorch/editor/shared/model_facts.gd")
const Header := preload("res://addons/executorch/editor/inspector/header_view.gd")
const MessagePanel := preload("res://addons/executorch/editor/inspector/message_panel.gd")
const OperatorNames := preload("res://addons/executorch/editor/shared/operator_names.gd")
const Options := preload("res://addons/executorch/editor/shared/import_options.gd")
const PermissionDialog := preload("res://addons/executorch/editor/inspector/permission_dialog.gd")
const ProjectSetup := preload("res://addons/executorch/editor/shared/settings.gd")
const ModelView := preload("res://addons/executorch/editor/inspector/model_view.gd")
const LINEAR: String = "res://models/linear.pt"
const POLICY: String = "res://models/policy.pt2"


func test_no_banner_says_read_only_after_another_import() -> void:
	await inspect("res://models/linear.pt")
	var banners: Array[Node] = EditorInterface.get_inspector().get_parent().get_parent().get_children().filter(
		func(node: Node) -> bool: return node is Button and (node as Button).text.contains("read-only")
	)
	check_equal(banners.size(), 1, "the editor has a banner")
	if banners.size() == 1:
		# The editor does this when the model that is shown was imported again.
		(banners[0] as Button).show()
		var is_hidden: Callable = func() -> bool: return not (banners[0] as Button).visible
		await wait_until(is_hidden, 5.0, "the banner is hidden")


func test_kinds_of_files_are_spelt_as_their_makers_do() -> void:
	var kinds: Dictionary[String, String] = {
		"torchscript": "TorchScript",
		"onnx": "ONNX",
		"exported_program": "Exported Program",
		"pte": "ExecuTorch program"
	}
	for kind: String in kinds:
		check_equal(Facts.new({"source": {"kind": kind}}).get_kind(), kinds[kind])
	check_equal(Facts.new({}).get_kind(), "")


func test_model_is_shown() -> void:
	var view: Control = await inspect(POLICY)
	if view == null:
		check(false, "the inspector shows no view of the model")
		return
	var text: String = text_of(view)
	for part: String in [
		"policy", "Ready", "Exported Program", "float32", "1–1024 × 8", "1–1024 × 4", "Run Once", "Delegation"
	]:
		check(text.contains(part), "%s is missing in:\n%s" % [part, text])


func test_nothing_is_cut_at_the_width_that_the_inspector_has_at_first() -> void:
	for path: String in [POLICY, LINEAR, "res://models/two_methods.pte"]:
		var view: Control = await inspect(path)
		var width: float = view.get_combined_minimum_size().x / EditorInterface.get_editor_scale()
		check(width <= 270.0, "%s needs %d pixels" % [path, width])
		for node: Node in view.find_children("*", "Label", true, false):
			var label: Label = node as Label
			if label.text.contains(" × ") and label.is_visible_in_tree():
				check(label.autowrap_mode != TextServer.AUTOWRAP_OFF, "a shape that is cut: " + label.text)
		for node: Node in view.find_children("*", "VBoxContainer", true, false):
			if node is Section:
				_check_title(node as Section)


func _check_title(section: Section) -> void:
	var summary: Label = section.find_children("*", "Label", true, false)[0]
	var font: Font = summary.get_theme_font(&"font")
	var font_size: int = summary.get_theme_font_size(&"font_size")
	var words: float = font.get_string_size(summary.text, HORIZONTAL_ALIGNMENT_LEFT, -1, font_size).x
	var needed: float = (summary.offset_left + words - summary.offset_right) / EditorInterface.get_editor_scale()
	check(needed <= 240.0, "the title with %s needs %d pixels" % [summary.text, needed])


func test_nothing_above_the_fields_says_that_they_cannot_be_edited() -> void:
	await inspect(POLICY)
	await _frames(5)
	var inspector: EditorInspector = EditorInterface.get_inspector()
	for node: Node in inspector.get_parent().get_parent().get_children():
		check(not node is Button or not (node as Button).visible, "a banner: %s" % node.get(&"text"))
	for category: Node in inspector.find_children("*", "EditorInspectorCategory", true, false):
		check(not (category as Control).is_visible_in_tree(), "an empty category")


func test_other_objects_keep_their_properties() -> void:
	await inspect(POLICY)
	await _frames(30)
	var node: Node2D = Node2D.new()
	EditorInterface.edit_node(node)
	await _frames(10)
	var rows: Array[Node] = EditorInterface.get_inspector().find_children("*", "EditorProperty", true, false)
	check(
		rows.any(func(row: Node) -> bool: return (row as Control).is_visible_in_tree()),
		"a node has properties after a model was inspected"
	)
	EditorInterface.edit_node(null)
	node.free()


func test_a_guess_is_taken_with_one_press() -> void:
	var view: Control = await inspect(LINEAR)
	var header: Header = view.get_child(0) as Header
	var guess: Dictionary = {"title": "x: float32[1,1]", "reason": "A guess.", "options": {"inputs": "x: float32[1,1]"}}
	header.show_failed({"code": "INPUTS_NEEDED", "cause": "No inputs.", "guesses": [guess, "broken", {}]}, false)
	find_button(view, "x: float32[1,1]").pressed.emit()
	check_equal(str(Settings.read(LINEAR, "inputs", "")), "x: float32[1,1]")
	var manager: EditorUndoRedoManager = EditorInterface.get_editor_undo_redo()
	manager.get_history_undo_redo(EditorUndoRedoManager.GLOBAL_HISTORY).undo()
	check_equal(str(Settings.read(LINEAR, "inputs", "")), "")
	await wait_until(
		func() -> bool: return (load(LINEAR) as ExecuTorchResource).state == ExecuTorchResource.State.READY,
		120.0,
		"ready"
	)


func test_code_is_allowed_after_a_question_that_names_it() -> void:
	var view: Control = await inspect(LINEAR)
	var header: Header = view.get_child(0) as Header
	var hash_of: String = FileAccess.get_sha256(LINEAR)
	var cause: String = "linear.pt is a pickled module. It names policy_net.Policy."
	header.show_failed({"code": "PICKLE_NEEDS_PERMISSION", "cause": cause}, false)
	find_button(view, "Allow This Code").pressed.emit()
	var dialog: ConfirmationDialog = find_dialog(PermissionDialog)
	check(dialog != null and dialog.visible and dialog.title.contains("linear.pt"), "no question")
	check(not ProjectSetup.is_trusted(hash_of), "allowed without an answer")
	dialog.get_cancel_button().pressed.emit()
	await _frames(3)
	check(find_dialog(PermissionDialog) == null, "the question stays")
	check(not ProjectSetup.is_trusted(hash_of), "allowed though it was refused")
	find_button(view, "Allow This Code").pressed.emit()
	find_dialog(PermissionDialog).get_ok_button().pressed.emit()
	check(ProjectSetup.is_trusted(hash_of), "not allowed")
	ProjectSettings.set_setting(ProjectSetup.TRUSTED_PICKLES, PackedStringArray())
	ProjectSettings.save()
	var text: String = PermissionDialog.describe(LINEAR, {"code": "PICKLE_NEEDS_PERMISSION", "cause": cause})
	for part: String in [LINEAR, "policy_net.Policy", "sandbox: no network"]:
		check(text.contains(part), "%s is missing in: %s" % [part, text])
	text = PermissionDialog.describe(LINEAR, {"code": "FACTORY_NEEDS_APPROVAL"})
	check(text.contains("without a sandbox"), text)
	await wait_until(
		func() -> bool: return (load(LINEAR) as ExecuTorchResource).state == ExecuTorchResource.State.READY,
		120.0,
		"ready"
	)


func test_messages_call_options_as_the_screen_does() -> void:
	check_equal(Options.with_titles("The option 'factory_arguments' is set."), 'The option "Factory arguments" is set.')
	check_equal(Options.with_titles("Option 'max_relative_error': no."), 'Option "Relative error": no.')
	var view: Control = await inspect(LINEAR)
	# Of folded sections too.
	var labels: Array = view.find_children("*", "Label", true, false).map(
		func(node: Node) -> String: return node.get(&"text")
	)
	for option: String in ["inputs", "max_relative_error", "deadline_seconds", "recurrent", "evaluate"]:
		check(labels.has(Options.title_of(option)), "%s is not a label of %s" % [Options.title_of(option), labels])


func test_long_names_of_a_message_break_between_their_parts() -> void:
	var panel: MessagePanel = MessagePanel.new()
	var cause: String = "It names torch.nn.modules.linear.Linear of 1.5 MB."
	panel.show_message(MessagePanel.Severity.ERROR, {"cause": cause, "code": "CODE"})
	var shown: String = (panel.get_child(0).get_child(0) as Label).text
	check(shown.contains("torch." + MessagePanel.BREAK + "nn") and shown.contains("1.5"), shown)
	check_equal(panel.get_text(), "CODE: %s\n" % cause)
	panel.free()


func test_an_operator_has_one_name_on_all_screens() -> void:
	for full_name: String in ["aten::mean.out", "native_call_mean.out", "mean"]:
		check_equal(OperatorNames.title(full_name), "mean")
	check_equal(OperatorNames.title("DELEGATE_CALL", "XnnpackBackend"), "XNNPACK")
	check_equal(Facts.get_backend_title("XnnpackBackend"), "XNNPACK")


func test_weights_of_delegates_are_named_apart() -> void:
	var facts: Facts = Facts.new({"constant_bytes": 8, "payload": {"size": 2000}})
	var parts: Array[Dictionary] = facts.get_memory({"planned_memory": [16], "delegates": [{"bytes": 720}]})
	var named: Dictionary = {}
	for part: Dictionary in parts:
		named[part["label"]] = part["bytes"]
	check_equal(named, {"Planned memory": 16, "Weights": 8, "Delegates": 720, "Program": 1272})


func test_methods_can_be_chosen() -> void:
	var view: Control = await inspect("res://models/two_methods.pte")
	var choice: OptionButton = null
	for node: Node in view.find_children("*", "OptionButton", true, false):
		if (node as OptionButton).get_item_text(0) in ["double", "forward"]:
			choice = node as OptionButton
	check(choice != null and choice.is_visible_in_tree(), "there is no choice of methods")
	for index: int in choice.item_count:
		choice.select(index)
		choice.item_selected.emit(index)
		await get_tree().process_frame
		var two_inputs: bool = text_of(view).contains("product")
		check_equal(two_inputs, choice.get_item_text(index) == "double", choice.get_item_text(index))


func test_run_time_option_changes_at_once_and_is_undone() -> void:
	var view: Control = await inspect(LINEAR)
	check(view != null, "no view")
	var settings: Settings = Settings.new(EditorInterface.get_editor_undo_redo(), find_jobs().import_again)
	settings.change(LINEAR, {"memory_policy": 1, "memory_limit_bytes": 1048576}, "test")
	await _frames(5)
	check_equal(int(Settings.read(LINEAR, "memory_policy", -1)), 1)
	var model: ExecuTorchResource = load(LINEAR)
	check_equal(int(model.memory_policy), 1)
	check_equal(model.memory_limit_bytes, 1048576)
	check_equal(int(model.state), ExecuTorchResource.State.READY)
	view = await inspect(LINEAR)
	check(text_of(view).contains("of 1.00 MiB"), "the limit is not on the memory bar:\n" + text_of(view))
	var manager: EditorUndoRedoManager = EditorInterface.get_editor_undo_redo()
	var history: UndoRedo = manager.get_history_undo_redo(EditorUndoRedoManager.GLOBAL_HISTORY)
	check(history.undo(), "nothing can be undone")
	await _frames(5)
	check_equal(int(Settings.read(LINEAR, "memory_policy", -1)), 0)
	check_equal(int((load(LINEAR) as ExecuTorchResource).memory_policy), 0)
	check(history.redo(), "nothing can be done again")
	await _frames(5)
	check_equal(int(Settings.read(LINEAR, "memory_policy", -1)), 1)
	history.undo()
	await _frames(5)


func test_wrong_option_is_told_before_the_import() -> void:
	var view: Control = await inspect(POLICY)
	var field: LineEdit = view.find_child("Inputs", true, false) as LineEdit
	if field == null:
		check(false, "there is no field for the inputs")
		return
	field.text = "x: float32[1,"
	field.text_submitted.emit(field.text)
	var is_shown: Callable = func() -> bool: return text_of(view).contains("float32[1,")
	await wait_until(is_shown, 90.0, "the reason")
	check_equal(str(Settings.read(POLICY, "inputs", "")), "", "a wrong value went into the import")
	field.text = ""
	field.text_changed.emit("")
	await wait_until(func() -> bool: return not is_shown.call(), 30.0, "the end of the complaint")


func test_failed_model_says_what_to_do() -> void:
	var header: Header = Header.new()
	add_child(header)
	header.show_model("net", "State dict", "res://net.pth")
	header.show_failed({"code": "NEEDS", "cause": "Only weights.", "remedy": "Set Factory."}, true)
	var text: String = text_of(header)
	for part: String in [
		"Failed", "NEEDS", "Only weights.", "Set Factory.", "last version that worked", "Try Again", "Show Log"
	]:
		check(text.contains(part), "%s is missing in:\n%s" % [part, text])
	var asked: Array[bool] = []
	header.retry_requested.connect(func() -> void: asked.append(true))
	find_button(header, "Try Again").pressed.emit()
	check_equal(asked.size(), 1)
	header.show_pending("Compiling", 0.5, 3.0)
	check(text_of(header).contains("Compiling"), text_of(header))
	check(not text_of(header).contains("Only weights."), "the old error is still shown")
	header.queue_free()


func test_a_model_that_waits_for_python_offers_the_set_up() -> void:
	var header: Header = Header.new()
	add_child(header)
	header.show_waiting("Waiting for Python", {"cause": "There is no package torch.", "remedy": "Press Set Up…"}, false)
	for part: String in ["Waiting for Python", "There is no package torch.", "Press Set Up…"]:
		check(text_of(header).contains(part), "%s is missing in:\n%s" % [part, text_of(header)])
	check(not text_of(header).contains("Failed"), text_of(header))
	var asked: Array[bool] = []
	header.setup_requested.connect(func() -> void: asked.append(true))
	find_button(header, "Set Up Python…").pressed.emit()
	check_equal(asked.size(), 1)
	for code: String in ["PACKAGE_MISSING", "INPUTS_NEEDED"]:
		header.show_failed({"code": code, "cause": "c"}, false)
		check_equal(text_of(header).contains("Set Up Python…"), code == "PACKAGE_MISSING", code)
	header.queue_free()


func test_a_model_without_a_known_signature_is_marked() -> void:
	var model: ExecuTorchResource = ExecuTorchResource.new()
	model.metadata = (load(POLICY) as ExecuTorchResource).metadata.merged({"unproved": true})
	var view: ModelView = ModelView.new(model)
	add_child(view)
	check(text_of(view).contains("Not verified"), text_of(view).left(200))
	view.queue_free()


func test_a_program_for_other_systems_says_so() -> void:
	var model: ExecuTorchResource = ExecuTorchResource.new()
	var known: Dictionary = (load(POLICY) as ExecuTorchResource).metadata
	var core_ml: Dictionary = known.duplicate(true)
	core_ml.merge({"recipe": "coreml_fp16", "systems": ["macos", "ios"], "timings": {"eager_us": 1.0}}, true)
	core_ml.erase("accuracy")
	model.metadata = core_ml
	var view: ModelView = ModelView.new(model)
	add_child(view)
	var words: String = text_of(view)
	check(words.contains("Not proved") and words.contains("runs on macOS and iOS only"), words.left(400))
	check(words.contains("import with the recipe auto and coreml_fp16 as a variant"), words.left(400))
	model.metadata = known.merged({"variants": [core_ml]})
	view.refresh()
	words = text_of(view)
	check(words.contains("Ready") and words.contains("Runs on macOS and iOS only; not proved here"), words)
	view.queue_free()


func test_what_a_delegate_runs_may_be_unknown() -> void:
	var method: Dictionary = {
		"name": "forward",
		"delegates": [{"backend": "CoreMLBackend", "calls": 1, "operators": {}}],
		"delegation": {"delegated": 0, "total": 0, "share": 0.0, "opaque": true, "left_behind": []},
	}
	var facts: Facts = Facts.new({"methods": [method]})
	check_equal(facts.get_delegated_share(method), -1.0)
	check(facts.get_delegation(method)[0]["is_opaque"] as bool, "Core ML's operators cannot be counted")


func test_facts_of_broken_metadata() -> void:
	var broken: Array[Dictionary] = [
		{},
		{"methods": [{}]},
		{"methods": [{"name": "forward", "delegation": {}, "planned_memory": []}], "source": 3, "payload": []},
	]
	for metadata: Dictionary in broken:
		var facts: Facts = Facts.new(metadata)
		for method: Dictionary in facts.get_methods():
			check_equal(facts.get_memory_total(method), 0)
			check_equal(facts.get_delegation(method).size(), 0)
			check_equal(facts.get_left_behind(method).size(), 0)
		check_equal(facts.get_payload_bytes(), 0)
		check_equal(facts.get_name("res://a/b.pt"), "b")


func _frames(count: int) -> void:
	for frame: int in count:
		await get_tree().process_frame


func test_profiler_keeps_the_method_when_a_file_of_the_project_changes() -> void:
	var profiler: Profiler = get_tree().root.find_child("ModelProfiler", true, false)
	profiler.benchmark.refresh_models()
	check(profiler.benchmark.select_model("res://models/two_methods.pte"), "the profiler does not have it")
	var method: OptionButton = profiler.benchmark.get("_method")
	check_equal(method.item_count, 2)
	method.select(1)
	EditorInterface.get_resource_filesystem().filesystem_changed.emit()
	check_equal(method.selected, 1)


func test_an_evaluation_with_a_long_name_and_a_wide_range_is_not_cut() -> void:
	var view: ModelView = await inspect(POLICY) as ModelView
	var model: ExecuTorchResource = load(POLICY)
	var known: Dictionary = model.metadata
	var with_evaluation: Dictionary = known.duplicate(true)
	with_evaluation["evaluation"] = {
		"metric": "mean_rank_distance",
		"samples": 360,
		"eager": 0.01,
		"program": 0.02,
		"interval": [-0.000123, 0.000987]
	}
	model.metadata = with_evaluation
	view.refresh()
	var found: Array[String] = []
	for node: Node in view.find_children("*", "Label", true, false):
		var label: Label = node as Label
		if label.text.contains("mean_rank_distance") or label.text.contains(" to 0.00099"):
			found.append(label.text)
			check(label.autowrap_mode != TextServer.AUTOWRAP_OFF, "a text that is cut: " + label.text)
	check_equal(found.size(), 2)
	model.metadata = known
	view.refresh()


# The dialog of a script that is open, or null.
func find_dialog(script: GDScript) -> ConfirmationDialog:
	for node: Node in EditorInterface.get_base_control().get_children():
		if node.get_script() == script and not node.is_queued_for_deletion():
			return node as ConfirmationDialog
	return null
