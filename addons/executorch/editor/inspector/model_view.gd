@tool
extends VBoxContainer
## Everything that the inspector shows of one model, from top to bottom.

signal graph_requested(model: ExecuTorchResource, method_name: String)
signal profiler_requested(path: String)
signal log_requested(path: String)
signal setup_requested

const Facts := preload("res://addons/executorch/editor/shared/model_facts.gd")
const Settings := preload("res://addons/executorch/editor/shared/import_settings.gd")
const ProjectSetup := preload("res://addons/executorch/editor/shared/settings.gd")
const Links := preload("res://addons/executorch/editor/watching/links.gd")
const Header := preload("header_view.gd")
const TrialView := preload("res://addons/executorch/editor/trial/trial_view.gd")
const Section := preload("section.gd")
const Frame := preload("inspector_frame.gd")
const TensorList := preload("tensor_list.gd")
const NumbersView := preload("numbers_view.gd")
const VariantsView := preload("variants_view.gd")
const OptionsView := preload("options_view.gd")
const TryIt := preload("res://addons/executorch/editor/try_it/try_it_view.gd")
const PermissionDialog := preload("permission_dialog.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const Job := preload("res://addons/executorch/editor/jobs/job.gd")
const REFRESH_SECONDS: float = 0.25

var _model: ExecuTorchResource
var _jobs: Jobs
var _settings: Settings
var _links: Links
var _facts: Facts = Facts.new()
var _header: Header = Header.new()
var _trial: TrialView = TrialView.new()
var _try_it: TryIt = TryIt.new()
var _try_section: Section = Section.new("Try It")
var _method_row: HBoxContainer = HBoxContainer.new()
var _method_choice: OptionButton = OptionButton.new()
var _tensors: TensorList = TensorList.new()
var _numbers: NumbersView = NumbersView.new()
var _variants: VariantsView = VariantsView.new()
var _options: OptionsView
var _option_section: Section = Section.new("Import and Run Time")
var _sections: VBoxContainer = VBoxContainer.new()
## Shown only of a model that has methods.
var _of_methods: Array[Control] = []
var _timer: Timer = Timer.new()


## `jobs` is the editor's Jobs, or null.
func _init(model: ExecuTorchResource = null, settings: Settings = null, jobs: Jobs = null, links: Links = null) -> void:
	_model = model
	_settings = settings
	_jobs = jobs
	_options = OptionsView.new(settings, links, jobs)
	_links = links
	name = "ExecuTorchModel"
	add_child(_header)
	add_child(_trial)
	_build_method_row()
	add_child(_sections)
	_try_section.body.add_child(_try_it)
	_sections.add_child(_try_section)
	var tensors: Section = Section.new("Inputs and Outputs")
	tensors.body.add_child(_tensors)
	_sections.add_child(tensors)
	_option_section.body.add_child(_options)
	_sections.add_child(_option_section)
	_sections.add_child(_variants)
	var numbers: VBoxContainer = VBoxContainer.new()
	_numbers.add_sections(numbers)
	_sections.add_child(numbers)
	_of_methods = [tensors, numbers]
	_timer.wait_time = REFRESH_SECONDS
	_timer.timeout.connect(_refresh_state)
	add_child(_timer)
	_header.cancel_requested.connect(_cancel)
	_header.retry_requested.connect(_retry)
	_header.calibration_requested.connect(_options.choose_calibration)
	_header.recording_requested.connect(_options.use_recording)
	_header.setup_requested.connect(setup_requested.emit)
	_header.guess_taken.connect(_take_guess)
	_header.permission_given.connect(_permit)
	_header.log_requested.connect(func() -> void: log_requested.emit(_model.resource_path))
	_trial.graph_requested.connect(
		func() -> void: graph_requested.emit(_model, str(_current_method().get("name", "forward")))
	)
	_trial.profiler_requested.connect(func() -> void: profiler_requested.emit(_model.resource_path))


func _ready() -> void:
	add_theme_constant_override(&"separation", roundi(8 * EditorInterface.get_editor_scale()))
	for column: Control in [_sections, _of_methods[1]]:
		column.add_theme_constant_override(&"separation", roundi(4 * EditorInterface.get_editor_scale()))
	_model.changed.connect(refresh)
	if _links != null:
		_links.changed.connect(refresh)
	EditorInterface.get_resource_filesystem().resources_reimported.connect(_on_reimported)
	refresh()
	_timer.start()
	if Settings.has_options(_model.resource_path):
		Frame.hide_the_rest.call_deferred(self)


func _exit_tree() -> void:
	EditorInterface.get_resource_filesystem().resources_reimported.disconnect(_on_reimported)
	_model.changed.disconnect(refresh)
	if _links != null:
		_links.changed.disconnect(refresh)


## Reads the model anew.
func refresh() -> void:
	_facts = Facts.new(_model.metadata)
	var words: PackedStringArray = []
	for word: String in [_facts.get_kind(), _facts.get_recipe()]:
		if not word.is_empty():
			words.append(word)
	_header.show_model(_model.resource_path.get_file(), ", ".join(words), _model.resource_path)
	var chosen: String = str(_current_method().get("name", "forward"))
	_method_choice.clear()
	for method_name: String in _facts.get_method_names():
		_method_choice.add_item(method_name)
		if method_name == chosen:
			_method_choice.select(_method_choice.item_count - 1)
	_method_row.visible = _method_choice.item_count > 1
	for part: Control in _of_methods:
		part.visible = _method_choice.item_count > 0
	_show_method()
	_try_it.show_model(_model)
	_try_section.visible = _try_it.visible
	_try_section.set_summary(_try_it.get_task())
	_variants.show_model(_model.metadata)
	_option_section.visible = Settings.has_options(_model.resource_path)
	_options.show_options(_model.resource_path, _facts)
	_refresh_state()


func _show_method() -> void:
	var method: Dictionary = _current_method()
	_trial.show_model(_model, method)
	_tensors.show_method(method)
	_numbers.show_method(_facts, method, _model)


func _build_method_row() -> void:
	var label: Label = Label.new()
	label.text = "Method"
	label.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_method_row.add_child(label)
	_method_choice.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_method_choice.clip_text = true
	_method_choice.item_selected.connect(func(_index: int) -> void: _show_method())
	_method_row.add_child(_method_choice)
	add_child(_method_row)


func _current_method() -> Dictionary:
	if _method_choice.selected >= 0:
		return _facts.get_method(_method_choice.get_item_text(_method_choice.selected))
	var methods: Array[Dictionary] = _facts.get_methods()
	return methods[0] if not methods.is_empty() else {}


func _on_reimported(paths: PackedStringArray) -> void:
	if paths.has(_model.resource_path):
		refresh()


func _refresh_state() -> void:
	# The editor shows its banner again when the same model was imported anew.
	if is_inside_tree() and Settings.has_options(_model.resource_path):
		Frame.hide_the_rest(self)
	var job: Job = _find_job()
	# A resource whose conversion failed keeps what the last one that worked wrote.
	var keeps_former: bool = _method_choice.item_count > 0
	if job != null and job.waits_for_python() and not job.lack.is_empty():
		_header.show_waiting(job.get_stage_title(), job.lack, keeps_former)
	elif job != null and not job.is_ended():
		_header.show_pending(job.get_stage_title(), job.fraction, job.get_elapsed_seconds())
	elif _model.state == ExecuTorchResource.State.FAILED:
		_header.show_failed(_model.error, keeps_former)
	elif job != null and job.state == Job.State.FAILED:
		_header.show_failed(job.error, keeps_former)
	elif _model.state == ExecuTorchResource.State.PENDING:
		_header.show_pending("Waiting", -1.0, 0.0)
	else:
		var warning: Dictionary = _facts.get_warning()
		_header.show_ready(warning, warning.get("needs_samples", false) and _options.has_recording())


func _find_job() -> Job:
	return _jobs.find_job(_model.resource_path) if _jobs != null else null


func _take_guess(options: Dictionary) -> void:
	_settings.change(_model.resource_path, options, "ExecuTorch: Options of %s" % _model.resource_path.get_file())


func _permit(code: String) -> void:
	var job: Job = _find_job()
	var is_model: bool = _model.state == ExecuTorchResource.State.FAILED or job == null
	var path: String = _model.resource_path
	# What is allowed is the file that was asked about.
	var given: Callable = _give_permission.bind(_jobs, path, code, FileAccess.get_sha256(path))
	PermissionDialog.ask(path, _model.error if is_model else job.error, given)


# Static: the inspector may free this view while a person or Python is thinking.
static func _give_permission(jobs: Jobs, path: String, code: String, sha256: String) -> void:
	if code == "PICKLE_NEEDS_PERMISSION":
		ProjectSetup.trust_pickle(sha256)
		_convert_again(jobs, path)
	elif jobs != null:
		_approve(jobs, path)


static func _approve(jobs: Jobs, path: String) -> void:
	var params: Dictionary = {
		"project": ProjectSettings.globalize_path("res://").trim_suffix("/"),
		"factory": Settings.read(path, "factory", ""),
		"metric": Settings.read(path, "metric", ""),
	}
	await jobs.call_backend("approve_factory", params)
	_convert_again(jobs, path)


func _cancel() -> void:
	var job: Job = _find_job()
	if job != null:
		_jobs.cancel(job)


func _retry() -> void:
	_convert_again(_jobs, _model.resource_path)


static func _convert_again(jobs: Jobs, path: String) -> void:
	var job: Job = jobs.find_job(path) if jobs != null else null
	if job != null:
		jobs.retry(job)
	elif jobs != null:
		jobs.import_again(path)
