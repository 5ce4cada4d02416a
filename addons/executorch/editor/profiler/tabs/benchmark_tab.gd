@tool
extends VBoxContainer
## Runs a model on this machine: how its latencies are spread, how it scales with threads, and what changed since
## another run.

## A benchmark ended well, or a saved one was opened.
signal result_shown(result: BenchmarkResult)

const Benchmark := preload("res://addons/executorch/editor/profiler/data/benchmark.gd")
const BenchmarkResult := preload("res://addons/executorch/editor/profiler/data/benchmark_result.gd")
const Comparison := preload("res://addons/executorch/editor/profiler/data/comparison.gd")
const ModelFiles := preload("res://addons/executorch/editor/profiler/data/model_files.gd")
const SavedRuns := preload("res://addons/executorch/editor/profiler/data/saved_runs.gd")
const HistogramChart := preload("res://addons/executorch/editor/profiler/charts/histogram_chart.gd")
const ThroughputChart := preload("res://addons/executorch/editor/profiler/charts/throughput_chart.gd")
const ComparisonList := preload("res://addons/executorch/editor/profiler/tabs/comparison_list.gd")
const Toolbar := preload("res://addons/executorch/editor/profiler/tabs/toolbar.gd")
const Quantity := preload("res://addons/executorch/editor/profiler/data/quantity.gd")
const NO_MODELS: String = "There is no model in this project yet.\nDrop a .pt or .pte file into the FileSystem dock."
const NOT_RUN: String = (
	"Choose a model and press “Run”.\n"
	+ "It runs here, on this machine, with generated inputs; the editor stays usable."
)
const LAST_SAVED: int = 0
const NOTHING: int = 1

var histogram: HistogramChart = HistogramChart.new()
var throughput: ThroughputChart = ThroughputChart.new()
var list: ComparisonList = ComparisonList.new()
var saved_runs: SavedRuns = SavedRuns.new()

var _benchmark: Benchmark = Benchmark.new()
var _result: BenchmarkResult
var _other: BenchmarkResult
var _paths: PackedStringArray = []
var _files: PackedStringArray = []
var _toolbar: Toolbar = Toolbar.new()
var _models: OptionButton
var _method: OptionButton
var _runs: SpinBox
var _all_threads: CheckBox
var _start: Button
var _stop: Button
var _save: Button
var _against: OptionButton
var _threads: OptionButton
var _progress: ProgressBar
var _status: Label


func _init() -> void:
	name = "Benchmark"
	_build_toolbar()
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
	_benchmark.finished.connect(_on_finished)


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


## Runs the chosen model `runs` times with each number of threads.
func start(runs: int, threads: PackedInt32Array) -> void:
	if _benchmark.is_running() or _models.selected < 0:
		return
	var resource: ExecuTorchResource = load(_paths[_models.selected])
	var about: Dictionary = ModelFiles.describe(_paths[_models.selected])
	about["method"] = _method.get_item_text(maxi(_method.selected, 0))
	_benchmark = Benchmark.new()
	_benchmark.finished.connect(_on_finished)
	_benchmark.start(ModelFiles.open.bind(resource), about, runs, threads)
	_show_running()


func get_result() -> BenchmarkResult:
	return _result


## Shows a result and what it is compared with (null = nothing).
func show_result(result: BenchmarkResult, other: BenchmarkResult) -> void:
	_result = result
	_other = other
	_threads.clear()
	for count: int in result.threads:
		_threads.add_item("%d threads" % count if count > 1 else "1 thread")
	_threads.select(result.fastest())
	_show()
	result_shown.emit(result)


func refresh_models() -> void:
	var chosen: String = _paths[_models.selected] if _models.selected >= 0 and _models.selected < _paths.size() else ""
	_paths = ModelFiles.list()
	_models.clear()
	for path: String in _paths:
		_models.add_item(path.trim_prefix("res://"))
	histogram.empty_text = NO_MODELS if _paths.is_empty() else NOT_RUN
	histogram.refresh()
	_start.disabled = _paths.is_empty()
	if not _paths.is_empty():
		_models.select(maxi(_paths.find(chosen), 0))
		_on_model_selected(_models.selected)


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
	var rates: Dictionary[int, float] = {}
	if _other != null:
		for index: int in _other.threads.size():
			rates[_other.threads[index]] = _other.rates()[index]
	throughput.show_rates(_result.threads, _result.rates(), rates)
	list.show_rows(Comparison.rows(_result, _other, count), other_name)
	var numbers: Dictionary = _result.summary(place)
	_status.text = (
		"%s: %s calls, p50 %s, %s per second"
		% [
			_result.name,
			Quantity.grouped(numbers["count"] as int),
			Quantity.time(numbers["p50_us"] as float),
			Quantity.grouped(roundi(_result.rates()[place])),
		]
	)
	_save.disabled = false


func _name_of(result: BenchmarkResult) -> String:
	var moment: String = Time.get_datetime_string_from_unix_time(int(result.date), true).substr(5, 11)
	return "%s, %s" % [result.name, moment]


func _show_running() -> void:
	var running: bool = _benchmark.is_running()
	_start.visible = not running
	_stop.visible = running
	_progress.visible = running
	_models.disabled = running
	_method.disabled = running
	set_process(running)


func _on_finished(result: BenchmarkResult, error: String) -> void:
	_show_running()
	if result == null:
		_status.text = error
		_status.tooltip_text = error
		return
	_fill_against()
	show_result(result, _chosen_other(result))


func _chosen_other(result: BenchmarkResult) -> BenchmarkResult:
	if result == null or _against.selected == NOTHING:
		return null
	if _against.selected == LAST_SAVED:
		return saved_runs.last_before(result.path, result.date)
	return saved_runs.open(_files[_against.selected - 2])


func _fill_against() -> void:
	var chosen: String = _files[_against.selected - 2] if _against.selected >= 2 else ""
	var nothing: bool = _against.selected == NOTHING
	_files = saved_runs.list().slice(0, 50)
	_against.clear()
	_against.add_item("Against: last saved run")
	_against.add_item("Against: nothing")
	for file: String in _files:
		# The name is "<project key>-<model>-<date>T<time>.json".
		_against.add_item(file.get_file().get_basename().substr(13).replace("T", " "))
	_against.select(NOTHING if nothing else maxi(_files.find(chosen) + 2, 0) if not chosen.is_empty() else LAST_SAVED)


func _on_model_selected(index: int) -> void:
	_method.clear()
	for method: String in ModelFiles.describe(_paths[index])["methods"]:
		_method.add_item(method)
	_method.visible = _method.item_count > 1


func _on_start_pressed() -> void:
	var threads: PackedInt32Array = []
	var most: int = OS.get_processor_count()
	for count: int in range(1 if _all_threads.button_pressed else most, most + 1):
		threads.append(count)
	start(int(_runs.value), threads)


func _on_against_selected(_index: int) -> void:
	if _result != null:
		_other = _chosen_other(_result)
		_show()


func _on_save_pressed() -> void:
	var file: String = saved_runs.save(_result)
	_status.text = "Saved as %s" % file if not file.is_empty() else "Cannot write to %s" % saved_runs.folder
	_save.disabled = not file.is_empty()
	_fill_against()


func _build_toolbar() -> void:
	_models = _toolbar.add_options("The model that runs", [], 190, _on_model_selected)
	_method = _toolbar.add_options("The method that runs", [], 110, func(_index: int) -> void: pass)
	_runs = _toolbar.add_number("Measured calls for each number of threads", 10.0, 100_000.0, 500.0, "runs")
	_all_threads = CheckBox.new()
	_all_threads.text = "1 to %d threads" % OS.get_processor_count()
	_all_threads.tooltip_text = "Measure with every number of threads, not only with all of them"
	_all_threads.button_pressed = true
	_toolbar.add_child(_all_threads)
	_start = _toolbar.add_button(&"Play", "Measure this model now", _on_start_pressed)
	_start.text = "Run"
	_stop = _toolbar.add_button(&"Stop", "End after the call that is under way", func() -> void: _benchmark.cancel())
	_stop.text = "Stop"
	_stop.visible = false
	_progress = ProgressBar.new()
	_progress.max_value = 1.0
	_progress.custom_minimum_size.x = 120
	_progress.size_flags_vertical = Control.SIZE_SHRINK_CENTER
	_progress.visible = false
	_toolbar.add_child(_progress)
	_toolbar.add_gap()
	var show_threads: Callable = func(_index: int) -> void: _show()
	_threads = _toolbar.add_options("The number of threads whose latencies are shown", [], 110, show_threads)
	_against = _toolbar.add_options("The run to compare with", [], 190, _on_against_selected)
	_fill_against()
	_save = _toolbar.add_button(
		&"Save", "Keep this run in your data folder, to compare later runs with it", _on_save_pressed
	)
	_save.disabled = true
	_status = _toolbar.add_status()
	_status.horizontal_alignment = HORIZONTAL_ALIGNMENT_RIGHT
	add_child(_toolbar)
