@tool
extends VBoxContainer
## A model's memory: its parts, the map of its planned arenas, and the memory of a running game over time.

const MemoryPlan := preload("res://addons/executorch/editor/profiler/data/memory_plan.gd")
const ModelFiles := preload("res://addons/executorch/editor/profiler/data/model_files.gd")
const LiveFeed := preload("res://addons/executorch/editor/profiler/live/live_feed.gd")
const LiveModel := preload("res://addons/executorch/editor/profiler/live/live_model.gd")
const ArenaMap := preload("res://addons/executorch/editor/profiler/charts/arena_map.gd")
const MemoryBar := preload("res://addons/executorch/editor/profiler/charts/memory_bar.gd")
const MemoryAreaChart := preload("res://addons/executorch/editor/profiler/charts/memory_area_chart.gd")
const Toolbar := preload("res://addons/executorch/editor/profiler/tabs/toolbar.gd")
const Quantity := preload("res://addons/executorch/editor/shared/quantity.gd")

var bar: MemoryBar = MemoryBar.new()
var arenas: ArenaMap = ArenaMap.new()
var over_time: MemoryAreaChart = MemoryAreaChart.new()

var _status: Label
var _feed: LiveFeed
## The model of a game whose memory is shown; null for a benchmark's.
var _followed: LiveModel
var _drawn: int = -1


func _init() -> void:
	name = "Memory"
	var toolbar: Toolbar = Toolbar.new()
	_status = toolbar.add_status()
	add_child(toolbar)
	var split: HSplitContainer = HSplitContainer.new()
	split.size_flags_vertical = Control.SIZE_EXPAND_FILL
	bar.custom_minimum_size.x = 250.0 * EditorInterface.get_editor_scale()
	bar.empty_text = "Run a benchmark, or select a model in the Live tab, to see its memory."
	arenas.empty_text = "The map of the planned arenas appears with the model's memory."
	over_time.empty_text = "Run the game to see the memory of all its models over time."
	for chart: Control in [bar, arenas, over_time]:
		chart.size_flags_vertical = Control.SIZE_EXPAND_FILL
		chart.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	arenas.size_flags_stretch_ratio = 2.0
	var right: HSplitContainer = HSplitContainer.new()
	right.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	right.size_flags_stretch_ratio = 3.0
	right.add_child(arenas)
	right.add_child(over_time)
	split.add_child(bar)
	split.add_child(right)
	add_child(split)


func set_feed(feed: LiveFeed) -> void:
	_feed = feed


## Shows a model's memory (`get_memory_info()`) and the plan of one of its methods, from its metadata.
func show_model(model: String, info: Dictionary, metadata: Dictionary, method: String) -> void:
	_followed = null
	bar.show_memory(info)
	var plan: MemoryPlan = MemoryPlan.from_metadata(ModelFiles.method_metadata(metadata, method))
	arenas.show_plan(plan)
	_status.text = "%s, %s: %s planned" % [model, method, Quantity.exact_size(plan.total_bytes())]
	if plan.size() > 0:
		_status.text += ", %d tensors in %d instructions" % [plan.size(), plan.steps()]
		_status.text += ", %d not shown" % plan.left_out if plan.left_out > 0 else ""
	else:
		arenas.empty_text = "This model's metadata has no memory plan.\nImport the model again to get it."


## Shows the memory of a running model from now on: a model is selected before its first report.
func follow(model: LiveModel) -> void:
	_followed = model


func _process(_delta: float) -> void:
	if _feed == null or not is_visible_in_tree() or _feed.memory.revision == _drawn:
		return
	_drawn = _feed.memory.revision
	if _followed != null:
		bar.show_memory(_followed.memory)
	var names: Dictionary[int, String] = {}
	var colors: Dictionary[int, int] = {}
	for model: LiveModel in _feed.models():
		names[model.key] = model.name
		colors[model.key] = model.key
	over_time.show_history(_feed.memory, names, colors)
