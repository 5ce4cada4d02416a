@tool
extends VBoxContainer
## The time of a call: the call as a flame chart, and a table of its operators.

## An operator was selected, for views that show the model's graph.
signal operator_selected(path: String, method: String, row: Dictionary)
signal operator_opened(path: String, method: String, row: Dictionary)

const BenchmarkResult := preload("res://addons/executorch/editor/profiler/benchmark/benchmark_result.gd")
const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const OperatorTotals := preload("res://addons/executorch/editor/profiler/data/operator_totals.gd")
const OperatorList := preload("res://addons/executorch/editor/profiler/tabs/operator_list.gd")
const FlameChart := preload("res://addons/executorch/editor/profiler/charts/flame_chart.gd")
const Toolbar := preload("res://addons/executorch/editor/profiler/tabs/toolbar.gd")
const Quantity := preload("res://addons/executorch/editor/shared/quantity.gd")
const EMPTY: String = (
	"No call was traced yet.\nRun a benchmark: it traces a few calls of the model. "
	+ "Or turn on “Trace slow calls” in the Live tab while the game runs."
)

var flame: FlameChart = FlameChart.new()
var list: OperatorList = OperatorList.new()

var _toolbar: Toolbar = Toolbar.new()
var _calls: OptionButton
var _status: Label
var _traces: Array[CallTrace] = []
var _totals: OperatorTotals
var _name: String = ""
var _path: String = ""


func _init() -> void:
	name = "Operators"
	_calls = _toolbar.add_options("The traced call that is shown", [], 150, _on_call_selected)
	_status = _toolbar.add_status()
	var filter: LineEdit = LineEdit.new()
	filter.placeholder_text = "Filter operators"
	filter.clear_button_enabled = true
	filter.custom_minimum_size.x = 180.0 * EditorInterface.get_editor_scale()
	filter.text_changed.connect(list.filter)
	_toolbar.add_child(filter)
	add_child(_toolbar)
	var split: VSplitContainer = VSplitContainer.new()
	split.size_flags_vertical = Control.SIZE_EXPAND_FILL
	flame.empty_text = EMPTY
	flame.size_flags_vertical = Control.SIZE_EXPAND_FILL
	flame.custom_minimum_size.y = 136.0 * EditorInterface.get_editor_scale()
	flame.event_selected.connect(_on_event_selected)
	list.operator_selected.connect(_on_operator_selected)
	list.operator_opened.connect(_on_operator_opened)
	split.add_child(flame)
	split.add_child(list)
	add_child(split)
	_show_parts()


## Shows the traced calls of a benchmark, first the shortest one.
func show_result(result: BenchmarkResult) -> void:
	_name = result.name
	_path = result.path
	_show(result.traces, result.traces.find(result.quietest_trace()), result.operators())
	var reconciled: Dictionary = result.reconciliation()
	if not reconciled.is_empty():
		_status.text = (
			"%s: untraced %s · traced %s (%s) · operators %.1f%%"
			% [
				_name,
				Quantity.time(reconciled["untraced_us"] as float),
				Quantity.time(reconciled["traced_us"] as float),
				overhead_words(float(reconciled["overhead"])),
				float(reconciled["covered"]) * 100.0,
			]
		)
		_status.tooltip_text = (
			(
				"An untraced call takes %s (traced: %s), and %.1f%% of the traced call is in named operators."
				% [
					Quantity.exact_time(reconciled["untraced_us"] as float),
					overhead_words(float(reconciled["overhead"])),
					float(reconciled["covered"]) * 100.0,
				]
			)
			+ "\nOf the shortest of %d calls each." % result.traced_us.size()
			+ " Latencies elsewhere are of untraced calls, the times below of traced ones."
			+ "\nThe table is the mean of the quieter half of the traced calls."
		)


## The share that tracing adds to a call; unknown when the traced calls were shorter than the untraced ones.
static func overhead_words(overhead: float) -> String:
	return "too noisy to compare" if overhead < 0.0 else "%+.1f%%" % (overhead * 100.0)


## Shows one traced call of a running game.
func show_trace(model: String, path: String, traces: Array[CallTrace], shown: CallTrace) -> void:
	_name = model
	_path = path
	_show(traces, traces.find(shown), OperatorTotals.new(traces))
	_status.text = "%s in the running game" % model
	_status.tooltip_text = ""


func get_traces() -> Array[CallTrace]:
	return _traces


func get_totals() -> OperatorTotals:
	return _totals


func get_model_name() -> String:
	return _name


func _show(traces: Array[CallTrace], place: int, totals: OperatorTotals) -> void:
	_traces = traces.duplicate()
	_totals = totals
	_calls.clear()
	for trace: CallTrace in _traces:
		_calls.add_item("Call %d: %s" % [trace.sequence, Quantity.time(trace.span_us())])
	list.show_totals(_totals)
	if not _traces.is_empty():
		_calls.select(maxi(place, 0))
		flame.show_trace(_traces[maxi(place, 0)])
	else:
		flame.show_trace(null)
	_show_parts()


func _show_parts() -> void:
	list.visible = not _traces.is_empty()
	_toolbar.visible = list.visible


func _on_call_selected(index: int) -> void:
	flame.show_trace(_traces[index])


func _on_event_selected(index: int) -> void:
	flame.highlight("")
	if index >= 0:
		list.select_operator(_traces[maxi(_calls.selected, 0)].names[index])


func _on_operator_selected(row: Dictionary) -> void:
	flame.highlight(row["name"] as String)
	operator_selected.emit(_path, row["method"] as String, row)


func _on_operator_opened(row: Dictionary) -> void:
	operator_opened.emit(_path, row["method"] as String, row)
