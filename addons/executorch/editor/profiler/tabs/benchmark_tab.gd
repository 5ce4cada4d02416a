@tool
extends VBoxContainer
## Runs a model on this machine: how its latencies are spread, how it scales with threads, and how it compares with
## another run, recipe or model.

## A benchmark ended well, or a saved one was opened.
signal result_shown(result: BenchmarkResult)

const Benchmark := preload("res://addons/executorch/editor/profiler/benchmark/benchmark.gd")
const BenchmarkResult := preload("res://addons/executorch/editor/profiler/benchmark/benchmark_result.gd")
const Comparison := preload("res://addons/executorch/editor/profiler/benchmark/comparison.gd")
const OtherRecipe := preload("res://addons/executorch/editor/profiler/benchmark/other_recipe.gd")
const RecordedInputs := preload("res://addons/executorch/editor/profiler/data/recorded_inputs.gd")
const ModelFiles := preload("res://addons/executorch/editor/profiler/data/model_files.gd")
const SavedRuns := preload("res://addons/executorch/editor/profiler/benchmark/saved_runs.gd")
const HistogramChart := preload("res://addons/executorch/editor/profiler/charts/histogram_chart.gd")
const ThroughputChart := preload("res://addons/executorch/editor/profiler/charts/throughput_chart.gd")
const ComparisonList := preload("res://addons/executorch/editor/profiler/tabs/comparison_list.gd")
const AgainstMenu := preload("res://addons/executorch/editor/profiler/tabs/against_menu.gd")
const InputsMenu := preload("res://addons/executorch/editor/profiler/tabs/inputs_menu.gd")
const Toolbar := preload("res://addons/executorch/editor/profiler/tabs/toolbar.gd")
const Quantity := preload("res://addons/executorch/editor/shared/quantity.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const NO_MODELS: String = "This project has no model yet.\nDrop a model file into the FileSystem dock."
const NOT_RUN: String = (
	"Choose a model and press “Run”.\n"
	+ "It runs on this machine, with generated inputs or with those of a game. The editor stays usable."
)

var histogram: HistogramChart = HistogramChart.new()
var throughput: ThroughputChart = ThroughputChart.new()
var list: ComparisonList = ComparisonList.new()
var saved_runs: SavedRuns = SavedRuns.new()
var inputs: InputsMenu = InputsMenu.new()
var against: AgainstMenu = AgainstMenu.new()

var _benchmark: Benchmark = Benchmark.new()
var _result: BenchmarkResult
var _other: BenchmarkResult
var _paths: PackedStringArray = []
var _jobs: Jobs
var _is_preparing: bool = false
var _is_stopped: bool = false
var _numbers: Control
var _models: OptionButton
var _method: OptionButton
var _runs: SpinBox
var _all_threads: CheckBox
var _start: Button
var _stop: Button
var _save: Button
var _threads: OptionButton
var _progress: ProgressBar
var _status: Label


func _init() -> void:
	name = "Benchmark"
	_build_first_row()
	_build_second_row()
	var split: HSplitContainer = HSplitContainer.new()
	split.size_flags_vertical = Control.SIZE_EXPAND_FILL
	histogram.empty_text = NOT_RUN
	for chart: Control in [histogram, throughput, list]:
		chart.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	histogram.size_flags_stretch_ratio = 2.0
	split.add_child(histogram)
	var right: HSplitContainer = HSplitContainer.new()
	right.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	right.size_flags_stretch_ratio = 2.4
	list.size_flags_stretch_ratio = 2.2
	right.add_child(throughput)
	right.add_child(list)
	split.add_child(right)
	add_child(split)
	right.hide()
	_numbers = right


func _ready() -> void:
	set_process(false)
	refresh_models()
	EditorInterface.get_resource_filesystem().filesystem_changed.connect(refresh_models)


func _exit_tree() -> void:
	_benchmark.wait()


## Chooses the model; false when the project does not have it.
func select_model(path: String) -> bool:
	var index: int = _paths.find(path)
	if index >= 0:
		_models.select(index)
		_on_model_selected(index)
	return index >= 0


## Runs the chosen model `runs` times with each number of threads, and the model that it is compared with.
func start(runs: int, threads: PackedInt32Array) -> void:
	if _benchmark.is_running() or _is_preparing or _models.selected < 0:
		return
	histogram.empty_text = NOT_RUN
	var path: String = _paths[_models.selected]
	var subjects: Array[Dictionary] = [_subject(path)]
	if against.get_kind() == AgainstMenu.Kind.MODEL:
		subjects.append(_subject(against.get_value()))
	elif against.get_kind() == AgainstMenu.Kind.RECIPE:
		var other: Dictionary = await _other_recipe(path, against.get_value())
		if other.is_empty():
			return
		subjects.append(other)
	_benchmark = Benchmark.new()
	_benchmark.finished.connect(_on_finished)
	_benchmark.start(subjects, runs, threads)
	_show_running()


func get_result() -> BenchmarkResult:
	return _result


## The result to compare with, or null.
func get_other() -> BenchmarkResult:
	return _other


## The editor's jobs convert other recipes.
func set_jobs(jobs: Jobs) -> void:
	_jobs = jobs


## Shows a result. `other` is the result to compare it with, or null.
func show_result(result: BenchmarkResult, other: BenchmarkResult) -> void:
	_result = result
	_other = other
	_threads.clear()
	for count: int in result.threads:
		_threads.add_item(Quantity.number_of(count, "thread"))
	_threads.select(result.fastest())
	_threads.show()
	_numbers.show()
	_show()
	result_shown.emit(result)


func refresh_models() -> void:
	var chosen: String = _paths[_models.selected] if _models.selected >= 0 and _models.selected < _paths.size() else ""
	_paths = ModelFiles.list()
	_models.clear()
	for path: String in _paths:
		_models.add_item(path.trim_prefix("res://"))
		var reason: String = ModelFiles.why_not(path)
		if not reason.is_empty():
			var last: int = _models.item_count - 1
			_models.set_item_icon(last, get_theme_icon(&"StatusError", &"EditorIcons"))
			_models.set_item_tooltip(last, reason)
			_models.set_item_disabled(last, true)
	if _paths.is_empty() or histogram.empty_text in [NO_MODELS, ""]:
		histogram.empty_text = NO_MODELS if _paths.is_empty() else NOT_RUN
	histogram.refresh()
	_start.disabled = _paths.is_empty() or _models.is_item_disabled(_first_that_runs())
	if not _paths.is_empty():
		_models.select(maxi(_paths.find(chosen), _first_that_runs()))
		_on_model_selected(_models.selected)


func _first_that_runs() -> int:
	for index: int in _models.item_count:
		if not _models.is_item_disabled(index):
			return index
	return 0


func _process(_delta: float) -> void:
	_progress.value = _benchmark.progress
	_status.text = _benchmark.stage()


func _show() -> void:
	var place: int = _threads.selected
	if _result == null or place < 0:
		return
	var count: int = _result.threads[place]
	var other_place: int = _other.place_of(count) if _other != null else -1
	var other: PackedFloat64Array = _other.durations_us[other_place] if other_place >= 0 else PackedFloat64Array()
	var other_name: String = _name_of(_other) if _other != null else ""
	histogram.follows = true
	histogram.show_durations(_result.name, _result.durations_us[place], 0, other_name, other)
	throughput.show_result(_result, _other)
	var own_name: String = _name_of(_result) if _other != null else ""
	list.show_rows(Comparison.rows(_result, _other, count), own_name, other_name)
	var numbers: Dictionary = _result.summary(place)
	_status.text = (
		"%s: %s calls (%s inputs), p50 %s, %s per second"
		% [
			_result.name,
			Quantity.grouped(numbers["count"] as int),
			_result.inputs,
			Quantity.time(numbers["p50_us"] as float),
			Quantity.grouped(roundi(numbers["calls_per_second"] as float)),
		]
	)
	_status.tooltip_text = ""
	_save.disabled = false


## The difference of two results: their models, else their recipes, else their times.
func _name_of(result: BenchmarkResult) -> String:
	if _other != null and _other.path != _result.path:
		return result.name
	if _other != null and _other.recipe != _result.recipe:
		return result.recipe.trim_prefix("xnnpack_")
	return Time.get_datetime_string_from_unix_time(int(result.date), true).substr(5, 11)


func _show_running() -> void:
	var running: bool = _benchmark.is_running() or _is_preparing
	_start.visible = not running
	_stop.visible = running
	_progress.visible = running
	for menu: OptionButton in [_models, _method, inputs, against]:
		menu.disabled = running
	set_process(_benchmark.is_running())


func _on_finished(results: Array[BenchmarkResult], error: String) -> void:
	_show_running()
	if results.is_empty():
		_tell(error)
		return
	_fill_menus()
	show_result(results[0], results[1] if results.size() > 1 else _saved_other(results[0]))


## A model of the project as a subject of Benchmark.start().
func _subject(path: String) -> Dictionary:
	var subject: Dictionary = ModelFiles.describe(path)
	var methods: PackedStringArray = subject["methods"]
	var wanted: String = _method.get_item_text(maxi(_method.selected, 0))
	subject["method"] = wanted if methods.has(wanted) else methods[0]
	subject["open"] = ModelFiles.open.bind(load(path))
	subject["inputs"] = _recorded_for(subject)
	return subject


## The recorded inputs when they fit this model, null for generated ones.
func _recorded_for(subject: Dictionary) -> RecordedInputs:
	if inputs.get_place().is_empty():
		return null
	var names: PackedStringArray = ModelFiles.input_names(
		subject["metadata"] as Dictionary, subject["method"] as String
	)
	return RecordedInputs.open(inputs.get_place(), names)


## The same model with another recipe; empty when it cannot be converted; the status line says why.
func _other_recipe(path: String, recipe: String) -> Dictionary:
	_is_preparing = true
	_is_stopped = false
	_show_running()
	_status.text = "Converting %s with %s…" % [path.get_file(), recipe]
	var note: Callable = func(progress: Dictionary) -> void: _progress.value = progress.get("fraction", 0.0)
	var converted: Dictionary = await OtherRecipe.convert(_jobs, path, recipe, note)
	_is_preparing = false
	_show_running()
	if _is_stopped:
		_status.text = "Cancelled."
		return {}
	if converted.has("error"):
		var error: Dictionary = converted["error"]
		_tell("%s %s" % [error.get("cause", ""), error.get("remedy", "")])
		return {}
	var subject: Dictionary = _subject(path)
	var metadata: Dictionary = converted["metadata"]
	subject["recipe"] = metadata.get("recipe", recipe)
	subject["sha256"] = (metadata.get("payload", {}) as Dictionary).get("sha256", "")
	subject["open"] = converted["open"]
	return subject


## Shows why there is no result. The place of the chart shows the whole text, which the line above it may cut off.
func _tell(trouble: String) -> void:
	_status.text = trouble
	_status.tooltip_text = trouble
	histogram.empty_text = trouble
	histogram.refresh()


## The saved run that a result is compared with, or null.
func _saved_other(result: BenchmarkResult) -> BenchmarkResult:
	match against.get_kind():
		AgainstMenu.Kind.LAST_SAVED:
			return saved_runs.last_before(result.path, result.date)
		AgainstMenu.Kind.SAVED:
			return saved_runs.open(against.get_value())
	return null


func _fill_menus() -> void:
	if _models.selected < 0:
		return
	var path: String = _paths[_models.selected]
	inputs.fill(path)
	against.fill(path, ModelFiles.describe(path)["recipe"] as String, _paths, saved_runs.list())


func _on_model_selected(index: int) -> void:
	# Also when any file of the project changed: the selection stays.
	var chosen: String = _method.get_item_text(_method.selected) if _method.selected >= 0 else ""
	_method.clear()
	for method: String in ModelFiles.describe(_paths[index])["methods"]:
		_method.add_item(method)
		if method == chosen:
			_method.select(_method.item_count - 1)
	_method.visible = _method.item_count > 1
	_fill_menus()


func _on_start_pressed() -> void:
	var threads: PackedInt32Array = []
	var most: int = OS.get_processor_count()
	for count: int in range(1 if _all_threads.button_pressed else most, most + 1):
		threads.append(count)
	start(int(_runs.value), threads)


func _on_against_selected(_index: int) -> void:
	if against.get_kind() == AgainstMenu.Kind.RECIPE or against.get_kind() == AgainstMenu.Kind.MODEL:
		_status.text = "Press “Run” to measure both, in turns."
	elif _result != null:
		_other = _saved_other(_result)
		_show()


func _on_save_pressed() -> void:
	var file: String = saved_runs.save(_result)
	_status.text = "Saved as %s" % file if not file.is_empty() else "Cannot write to %s" % saved_runs.folder
	_save.disabled = not file.is_empty()
	_fill_menus()


func _on_stop_pressed() -> void:
	_is_stopped = true
	_benchmark.cancel()


func _build_first_row() -> void:
	var toolbar: Toolbar = Toolbar.new()
	_models = toolbar.add_options("The model that runs", [], 220, _on_model_selected)
	_method = toolbar.add_options("The method that runs", [], 110, func(_index: int) -> void: pass)
	inputs.custom_minimum_size.x = 170.0 * EditorInterface.get_editor_scale()
	toolbar.add_child(inputs)
	_runs = toolbar.add_number("Measured calls for each number of threads", 10.0, 100_000.0, 500.0, "runs")
	_all_threads = CheckBox.new()
	_all_threads.text = "1 to %d threads" % OS.get_processor_count()
	_all_threads.tooltip_text = "Measure with every number of threads, not only with all of them"
	_all_threads.button_pressed = true
	toolbar.add_child(_all_threads)
	_start = toolbar.add_button(&"Play", "Measure this model now", _on_start_pressed)
	_start.text = "Run"
	_stop = toolbar.add_button(&"Stop", "Stop after the current call", _on_stop_pressed)
	_stop.text = "Stop"
	_stop.visible = false
	_progress = ProgressBar.new()
	_progress.max_value = 1.0
	_progress.custom_minimum_size.x = 120.0 * EditorInterface.get_editor_scale()
	_progress.size_flags_vertical = Control.SIZE_SHRINK_CENTER
	_progress.visible = false
	toolbar.add_child(_progress)
	add_child(toolbar)


func _build_second_row() -> void:
	var toolbar: Toolbar = Toolbar.new()
	against.custom_minimum_size.x = 270.0 * EditorInterface.get_editor_scale()
	against.item_selected.connect(_on_against_selected)
	toolbar.add_child(against)
	var show_threads: Callable = func(_index: int) -> void: _show()
	_threads = toolbar.add_options("The number of threads whose latencies are shown", [], 110, show_threads)
	_threads.hide()
	_save = toolbar.add_button(
		&"Save", "Keep this run in your data folder, to compare later runs with it", _on_save_pressed
	)
	_save.disabled = true
	_status = toolbar.add_status()
	add_child(toolbar)
