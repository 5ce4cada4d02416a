@tool
extends VBoxContainer
## The models of the running game as they run: a list, the latency of one or all as a time line, and the call that was
## frozen.

## Emitted when the user opens a traced call.
signal trace_opened(model: LiveModel, trace: CallTrace)
## Inputs of a model were recorded and saved in this folder.
signal inputs_recorded(model: LiveModel, place: String)
## The user selected a model; null = all.
signal model_selected(model: LiveModel)

const LiveFeed := preload("res://addons/executorch/editor/profiler/live/live_feed.gd")
const LiveModel := preload("res://addons/executorch/editor/profiler/live/live_model.gd")
const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const DebuggerPlugin := preload("res://addons/executorch/editor/profiler/live/debugger_plugin.gd")
const LatencyChart := preload("res://addons/executorch/editor/profiler/charts/latency_chart.gd")
const HistogramChart := preload("res://addons/executorch/editor/profiler/charts/histogram_chart.gd")
const FlameChart := preload("res://addons/executorch/editor/profiler/charts/flame_chart.gd")
const ModelFiles := preload("res://addons/executorch/editor/profiler/data/model_files.gd")
const RecordedInputs := preload("res://addons/executorch/editor/profiler/data/recorded_inputs.gd")
const ModelList := preload("res://addons/executorch/editor/profiler/tabs/live_list.gd")
const Toolbar := preload("res://addons/executorch/editor/profiler/tabs/toolbar.gd")
const StackedBar := preload("res://addons/executorch/editor/inspector/stacked_bar.gd")
const Quantity := preload("res://addons/executorch/editor/shared/quantity.gd")
const LatencyStatistics := preload("res://addons/executorch/editor/shared/latency_statistics.gd")
const EMPTY: String = (
	"No model is running.\n" + "Play a scene that uses one: each model that it calls appears here. No set-up is needed."
)
const NO_TRACE: String = (
	"Click a call in the time line to freeze it.\n" + "Turn on “Trace slow calls” to see its operators."
)
const WINDOWS: Dictionary[String, float] = {"5 s": 5e6, "15 s": 15e6, "60 s": 60e6, "5 min": 300e6, "All": 0.0}
## Numbers in the list change this often; the charts follow every frame.
const LIST_SECONDS: float = 0.25
const RECORD_TIP: String = (
	"Keeps the inputs of the selected model's next %d calls,\n"
	+ "for a benchmark with real inputs and as calibration data for int8."
)
const STAGE_TIPS: Dictionary[String, String] = {
	"preparation": "The node's own work before a call: pictures, sounds and texts become tensors. The mean.",
	"model": "The mean of the model's calls.",
	"decoding": "The node's own work after a call: tensors become the answer. The mean.",
}
## Inputs of so many calls are recorded at once.
const RECORDED_CALLS: int = 100

var time_line: LatencyChart = LatencyChart.new()
var histogram: HistogramChart = HistogramChart.new()
var flame: FlameChart = FlameChart.new()
var list: ModelList = ModelList.new()
## The details of one model, under the list.
var details: HSplitContainer = HSplitContainer.new()

## The parts of a task, when a node of one runs the selected model.
var stages: StackedBar = StackedBar.new()

var _left: Control
var _debugger: DebuggerPlugin
var _feed: LiveFeed
var _selected: LiveModel
## Whether a person made the selection.
var _is_chosen: bool = false
var _shown: Array[LiveModel] = []
var _drawn: int = -1
var _since_list: float = 0.0
var _pause: Button
var _spikes: CheckButton
var _record: Button
var _note: String = ""
var _threshold: SpinBox
var _status: Label


func _init() -> void:
	name = "Live"
	_build_toolbar()
	var split: HSplitContainer = HSplitContainer.new()
	split.size_flags_vertical = Control.SIZE_EXPAND_FILL
	var left: VSplitContainer = VSplitContainer.new()
	left.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	list.model_selected.connect(select_model)
	list.size_flags_vertical = Control.SIZE_EXPAND_FILL
	left.add_child(list)
	details.size_flags_vertical = Control.SIZE_EXPAND_FILL
	histogram.empty_text = "Select a model to see how its latencies are spread."
	flame.empty_text = NO_TRACE
	flame.event_selected.connect(_on_flame_clicked)
	for chart: Control in [histogram, flame]:
		chart.size_flags_horizontal = Control.SIZE_EXPAND_FILL
		details.add_child(chart)
	flame.size_flags_stretch_ratio = 1.3
	details.hide()
	stages.hide()
	var lower: VBoxContainer = VBoxContainer.new()
	lower.size_flags_vertical = Control.SIZE_EXPAND_FILL
	lower.size_flags_stretch_ratio = 1.4
	lower.add_child(stages)
	lower.add_child(details)
	left.add_child(lower)
	split.add_child(left)
	_left = left
	time_line.empty_text = EMPTY
	time_line.live_window_us = 15e6
	time_line.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	time_line.size_flags_stretch_ratio = 1.2
	time_line.call_selected.connect(_on_call_selected)
	time_line.view_changed.connect(_on_view_changed)
	split.add_child(time_line)
	add_child(split)


func set_debugger(debugger: DebuggerPlugin) -> void:
	_debugger = debugger
	_feed = debugger.feed
	_feed.models_changed.connect(_on_models_changed)
	_feed.trace_received.connect(_on_trace_received)
	_feed.inputs_received.connect(_on_inputs_received)
	_on_models_changed()


## Shows one model, or all of them when null.
func select_model(model: LiveModel) -> void:
	_is_chosen = true
	_show_model(model)


func _show_model(model: LiveModel) -> void:
	if model == _selected:
		return
	if _selected != null and _spikes.button_pressed:
		_spikes.button_pressed = false
	_selected = model
	time_line.marked_us = -1.0
	flame.show_trace(null)
	_allow_requests()
	_record.set_pressed_no_signal(model != null and model.recording != null)
	details.visible = model != null
	_drawn = -1
	model_selected.emit(model)


## A game that has ended cannot be traced or recorded.
func _allow_requests() -> void:
	_spikes.disabled = _selected == null or _selected.ended
	_record.disabled = _spikes.disabled


## Traces the selected model's calls that take longer than this.
func start_tracing(milliseconds: float) -> void:
	_threshold.value = milliseconds
	_spikes.button_pressed = true


## Records the inputs of the selected model's next calls; false ends the recording and saves it.
func record_inputs(on: bool) -> void:
	if _selected == null:
		return
	if on:
		_selected.recording = RecordedInputs.new()
		_selected.recording.name = _selected.name
		_selected.recording.path = _selected.path
		_selected.recording.date = Time.get_unix_time_from_system()
		_note = "recording…"
	_debugger.record(_selected, RECORDED_CALLS if on else 0)
	if not on:
		_save_recording(_selected)


func get_selected() -> LiveModel:
	return _selected


func _process(delta: float) -> void:
	if _feed == null or not is_visible_in_tree():
		return
	var revision: int = 0
	for model: LiveModel in _shown:
		revision += model.statistics.revision
	if revision != _drawn:
		_drawn = revision
		_show_calls()
	_since_list += delta
	if _since_list >= LIST_SECONDS:
		_since_list = 0.0
		list.show_feed(_feed, _selected)
		_show_histogram()
		_show_stages()
		_show_status()


func _show_calls() -> void:
	var names: PackedStringArray = []
	var series: Array[LatencyStatistics] = []
	var colors: PackedInt32Array = []
	for model: LiveModel in _shown:
		if _selected == null or model == _selected:
			names.append(model.name)
			series.append(model.statistics)
			colors.append(model.key)
	time_line.budget_us = _feed.frame_budget_us
	time_line.show_series(names, series, colors)


## How long the parts of a task take, of which the model is one.
func _show_stages() -> void:
	var times: Dictionary[String, float] = {}
	if _selected != null:
		times = _selected.stage_times()
	stages.visible = not times.is_empty()
	var parts: Array[Dictionary] = []
	for stage: String in times:
		var told: String = Quantity.time(times[stage])
		parts.append({"label": stage.capitalize(), "value": times[stage], "text": told, "tooltip": STAGE_TIPS[stage]})
	stages.show_parts(parts)


## Of the visible calls, so that zooming shows the statistics of a part of the time line.
func _show_histogram() -> void:
	if _selected == null or _selected.statistics.held == 0:
		histogram.show_sorted("", PackedFloat64Array())
		return
	var part: PackedFloat64Array = _selected.statistics.sorted_between(time_line.view_begin, time_line.view_end)
	histogram.show_sorted(_selected.name, part, _selected.key)


func _show_status() -> void:
	var parts: PackedStringArray = []
	parts.append(verdict() if _feed.is_running() else "No game is running")
	if _feed.paused:
		parts.append("paused")
	var lost: int = _feed.lost_count()
	if lost > 0:
		parts.append("%s calls lost" % Quantity.grouped(lost))
	if _feed.dropped_count() > 0:
		parts.append("%s messages dropped" % Quantity.grouped(_feed.dropped_count()))
		var reasons: PackedStringArray = []
		for reason: String in _feed.dropped:
			reasons.append("%s: %d" % [reason, _feed.dropped[reason]])
		_status.tooltip_text = "\n".join(reasons)
	if not _note.is_empty():
		parts.insert(0, _note)
	_status.text = " · ".join(parts)


## The models' share of the frame, in a sentence.
func verdict() -> String:
	if _shown.is_empty():
		return "The game runs no model."
	var share: float = _feed.activity()[LiveFeed.ALL]["load_share"]
	if share <= 0.0:
		return "The models are idle."
	return "Models take %s of the frame." % Quantity.percent(share)


func _on_models_changed() -> void:
	_shown = _feed.models()
	_left.visible = not _shown.is_empty()
	_is_chosen = _is_chosen and (_shown.has(_selected) or _selected == null) and not _shown.is_empty()
	if not _is_chosen:
		# A single model is selected at once; of several none is.
		_show_model(_shown[0] if _shown.size() == 1 else null)
	for model: LiveModel in _shown:
		if model.ended and model.recording != null:
			_save_recording(model)
	if _shown.is_empty():
		# The next game's clock starts at zero: its calls would be outside of a view that does not move.
		time_line.reset_view()
	_allow_requests()
	_drawn = -1
	_since_list = LIST_SECONDS


## Freezes a call: the view stops following, and the call's own trace is shown if there is one.
func _on_call_selected(series: int, index: int) -> void:
	var model: LiveModel = _selected if _selected != null else _shown[series]
	if model != _selected:
		select_model(model)
	time_line.marked_us = model.statistics.time_us(index)
	time_line.show_range(time_line.view_begin, time_line.view_end)
	var trace: CallTrace = model.trace_of(model.sequence_at(index))
	flame.show_trace(trace)
	if trace == null:
		flame.empty_text = (
			"This call took %s. It was not traced.\nTurn on “Trace slow calls” to trace the next ones."
			% Quantity.exact_time(model.statistics.duration_us(index))
		)


func _on_trace_received(model: LiveModel, trace: CallTrace) -> void:
	if model == _selected and time_line.marked_us < 0.0:
		flame.show_trace(trace)


func _on_inputs_received(model: LiveModel) -> void:
	var recording: RecordedInputs = model.recording
	_note = "%s recorded" % Quantity.number_of(recording.calls.size(), "call")
	if recording.calls.size() + recording.left_out >= RECORDED_CALLS:
		_save_recording(model)


func _save_recording(model: LiveModel) -> void:
	var recording: RecordedInputs = model.recording
	model.recording = null
	if model == _selected:
		_record.set_pressed_no_signal(false)
	_note = ""
	if recording == null or recording.calls.is_empty():
		return
	var metadata: Dictionary = {}
	if ResourceLoader.exists(model.path):
		metadata = ModelFiles.describe(model.path)["metadata"]
	var place: String = recording.save(ModelFiles.input_names(metadata, recording.method))
	if place.is_empty():
		_note = "the recorded inputs cannot be written to %s" % RecordedInputs.folder()
		return
	_note = "%s recorded: Benchmark, “Recorded inputs”" % Quantity.number_of(recording.calls.size(), "call")
	if recording.left_out > 0:
		_note += ", %d left out" % recording.left_out
	inputs_recorded.emit(model, place)


func _on_flame_clicked(_index: int) -> void:
	if _selected != null and flame.get_trace() != null:
		trace_opened.emit(_selected, flame.get_trace())


func _on_view_changed() -> void:
	if time_line.follows:
		time_line.marked_us = -1.0
		flame.empty_text = NO_TRACE
	_show_histogram()


func _send_tracing() -> void:
	if _selected == null or _debugger == null:
		return
	_debugger.trace(_selected, _threshold.value * 1000.0 if _spikes.button_pressed else -1.0)


func _on_pause_toggled(on: bool) -> void:
	_feed.paused = on


func _on_clear_pressed() -> void:
	_feed.clear()
	flame.show_trace(null)
	time_line.reset_view()


func _build_toolbar() -> void:
	var toolbar: Toolbar = Toolbar.new()
	_pause = toolbar.add_toggle(&"Pause", "Ignore incoming data", _on_pause_toggled)
	toolbar.add_button(&"Clear", "Forget all calls so far", _on_clear_pressed)
	toolbar.add_button(&"CenterView", "Follow the latest calls (F)", time_line.reset_view)
	var set_window: Callable = func(index: int) -> void:
		time_line.live_window_us = WINDOWS.values()[index]
		time_line.reset_view()
	var windows: OptionButton = toolbar.add_options("Time span that is shown", WINDOWS.keys(), 80, set_window)
	windows.select(1)
	toolbar.add_gap()
	_record = toolbar.add_toggle(&"DebugSkipBreakpointsOff", RECORD_TIP % RECORDED_CALLS, record_inputs)
	_record.text = "Record inputs"
	_record.disabled = true
	_spikes = CheckButton.new()
	_spikes.text = "Trace slow calls"
	_spikes.tooltip_text = (
		"Records the operators of the selected model's calls that take longer than this.\n"
		+ "Switching it loads the model's methods again, and tracing makes every call slower."
	)
	_spikes.disabled = true
	_spikes.toggled.connect(_send_tracing.unbind(1))
	toolbar.add_child(_spikes)
	_threshold = toolbar.add_number("Calls that take longer are kept", 0.01, 10_000.0, 5.0, "ms")
	_threshold.value_changed.connect(_send_tracing.unbind(1))
	_status = toolbar.add_status()
	_status.horizontal_alignment = HORIZONTAL_ALIGNMENT_RIGHT
	add_child(toolbar)
