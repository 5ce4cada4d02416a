@tool
extends MarginContainer
## The bottom panel: four tabs over one set of data, and the export of what they show.

## An operator of a model was selected; the model's graph can show its node.
signal operator_selected(path: String, method: String, row: Dictionary)
## An operator was double-clicked: its node in the graph is wanted.
signal operator_opened(path: String, method: String, row: Dictionary)
## Another part of the editor opened something here: the panel should be shown.
signal attention_wanted

const DebuggerPlugin := preload("res://addons/executorch/editor/profiler/live/debugger_plugin.gd")
const BenchmarkResult := preload("res://addons/executorch/editor/profiler/benchmark/benchmark_result.gd")
const LiveFeed := preload("res://addons/executorch/editor/profiler/live/live_feed.gd")
const LiveModel := preload("res://addons/executorch/editor/profiler/live/live_model.gd")
const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const ModelFiles := preload("res://addons/executorch/editor/profiler/data/model_files.gd")
const LiveTab := preload("res://addons/executorch/editor/profiler/tabs/live_tab.gd")
const BenchmarkTab := preload("res://addons/executorch/editor/profiler/tabs/benchmark_tab.gd")
const OperatorsTab := preload("res://addons/executorch/editor/profiler/tabs/operators_tab.gd")
const MemoryTab := preload("res://addons/executorch/editor/profiler/tabs/memory_tab.gd")
const ExportMenu := preload("res://addons/executorch/editor/profiler/export/export_menu.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")

var live: LiveTab = LiveTab.new()
var benchmark: BenchmarkTab = BenchmarkTab.new()
var operators: OperatorsTab = OperatorsTab.new()
var memory: MemoryTab = MemoryTab.new()
var tabs: TabContainer = TabContainer.new()

var _debugger: DebuggerPlugin


func _init() -> void:
	name = "ModelProfiler"
	custom_minimum_size = Vector2(0, 340.0 * EditorInterface.get_editor_scale())
	for tab: Control in [live, benchmark, operators, memory]:
		tabs.add_child(tab)
	tabs.get_tab_bar().focus_mode = Control.FOCUS_NONE
	add_child(tabs)
	var export_menu: ExportMenu = ExportMenu.new(tabs, live, benchmark, operators)
	export_menu.size_flags_horizontal = Control.SIZE_SHRINK_END
	export_menu.size_flags_vertical = Control.SIZE_SHRINK_BEGIN
	add_child(export_menu)
	live.trace_opened.connect(_on_trace_opened)
	live.model_selected.connect(_on_model_selected)
	live.inputs_recorded.connect(_on_inputs_recorded)
	benchmark.result_shown.connect(_on_result_shown)
	operators.operator_selected.connect(operator_selected.emit)
	operators.operator_opened.connect(operator_opened.emit)


func set_debugger(debugger: DebuggerPlugin) -> void:
	_debugger = debugger
	live.set_debugger(debugger)
	memory.set_feed(debugger.feed)


## The editor's jobs, for conversions with other recipes.
func set_jobs(jobs: Jobs) -> void:
	benchmark.set_jobs(jobs)


## The messages of the running games.
func get_feed() -> LiveFeed:
	return _debugger.feed


## Opens the benchmark of a model, for other parts of the editor ("Profile" in the inspector).
func open_benchmark(path: String) -> void:
	benchmark.refresh_models()
	if benchmark.select_model(path):
		tabs.current_tab = benchmark.get_index()
	attention_wanted.emit()


func _on_result_shown(result: BenchmarkResult) -> void:
	operators.show_result(result)
	var metadata: Dictionary = {}
	if ResourceLoader.exists(result.path):
		metadata = ModelFiles.describe(result.path)["metadata"]
	memory.show_model(result.name, result.memory, metadata, result.method)


func _on_trace_opened(model: LiveModel, trace: CallTrace) -> void:
	var traces: Array[CallTrace] = model.traces.duplicate()
	# A frozen call is still shown when newer ones have taken its place.
	if not traces.has(trace):
		traces.push_front(trace)
	operators.show_trace(model.name, model.path, traces, trace)
	tabs.current_tab = operators.get_index()


## The next benchmark of the model uses the recorded inputs.
func _on_inputs_recorded(model: LiveModel, place: String) -> void:
	if benchmark.select_model(model.path):
		benchmark.inputs.open_folder(place)


func _on_model_selected(model: LiveModel) -> void:
	if model == null:
		return
	var metadata: Dictionary = {}
	if ResourceLoader.exists(model.path):
		metadata = ModelFiles.describe(model.path)["metadata"]
	var method: String = model.methods[0] if not model.methods.is_empty() else "forward"
	memory.show_model(model.name, model.memory, metadata, method)
	memory.follow(model)
