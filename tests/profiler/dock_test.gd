@tool
extends "res://tests/case.gd"
## The dock with a game whose messages are made here: what stays on the screen while games come, change and go.

const Dock := preload("res://addons/executorch/editor/profiler/profiler_dock.gd")
const DebuggerPlugin := preload("res://addons/executorch/editor/profiler/live/debugger_plugin.gd")
const LiveFeed := preload("res://addons/executorch/editor/profiler/live/live_feed.gd")
const LiveModel := preload("res://addons/executorch/editor/profiler/live/live_model.gd")
const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const BenchmarkResult := preload("res://addons/executorch/editor/profiler/benchmark/benchmark_result.gd")

var dock: Dock
var feed: LiveFeed


func before_each() -> void:
	dock = Dock.new()
	var debugger: DebuggerPlugin = DebuggerPlugin.new()
	feed = debugger.feed
	dock.set_debugger(debugger)
	add_child(dock)
	begin_game(1)


func after_each() -> void:
	dock.free()


## A game whose model is called ten times, the last time at `second`.
func begin_game(second: int) -> void:
	feed.begin_session(0)
	feed.receive(0, "model", [1, {"name": "net", "path": "", "methods": PackedStringArray(["forward"])}])
	var numbers: PackedFloat64Array = []
	for index: int in 10:
		numbers.append_array([index + 1, 1e6 * second - 1000.0 * (9 - index), 100.0, 0.0, 0.0])
	feed.receive(0, "calls", [1e6 * second, 3, [[1, numbers, 0]]])


func trace(sequence: int) -> Dictionary:
	var event: Dictionary = {"name": "forward", "depth": 0, "start_us": 0.0, "duration_us": 100.0}
	return {"method": "forward", "sequence": sequence, "wall_us": 100.0, "events": [event]}


func test_the_next_game_is_followed_after_a_call_was_frozen() -> void:
	dock.live.time_line.call_selected.emit(0, 5)
	check(not dock.live.time_line.follows, "frozen")
	feed.end_session(0)
	check(not dock.live.time_line.follows, "the game that ended can be looked at")
	begin_game(100)
	check(dock.live.time_line.follows, "its calls lie where the view of the last game does not")


func test_after_clear_new_calls_are_followed() -> void:
	dock.live.time_line.call_selected.emit(0, 5)
	find_button("Forget all calls so far").pressed.emit()
	check(dock.live.time_line.follows, "the frozen call is gone")
	check_near(dock.live.time_line.marked_us, -1.0, 0.0, "and its mark")


func test_a_frozen_call_can_be_opened_when_many_others_were_traced_since() -> void:
	feed.receive(0, "trace", [1, trace(6)])
	dock.live.time_line.call_selected.emit(0, 5)
	var frozen: RefCounted = dock.live.flame.get_trace()
	check_equal(frozen.get(&"sequence"), 6)
	for sequence: int in range(11, 11 + LiveModel.MOST_TRACES):
		feed.receive(0, "trace", [1, trace(sequence)])
	dock.live.flame.event_selected.emit(0)
	check_equal(dock.tabs.current_tab, dock.operators.get_index(), "the operators are shown")
	check(dock.operators.flame.get_trace() == frozen, "of the frozen call")


func test_the_memory_of_the_selected_model_is_shown_as_it_comes() -> void:
	dock.tabs.current_tab = dock.memory.get_index()
	check(dock.live.get_selected() != null, "the only model is selected by itself")
	check(dock.memory.bar.is_empty(), "nothing is known yet")
	feed.receive(0, "memory", [1e6, [[1, {"program": 100}]]])
	await wait_until(func() -> bool: return not dock.memory.bar.is_empty(), 2.0, "its memory is shown")


func test_an_operator_is_of_its_own_method() -> void:
	var traces: Array[CallTrace] = [CallTrace.from_call(trace(1)), CallTrace.from_call(trace(2))]
	traces[1].method = "decode"
	traces[1].names[0] = "decode"
	dock.operators.show_trace("net", "res://net.pt", traces, traces[0])
	var methods: PackedStringArray = []
	dock.operator_selected.connect(
		func(_path: String, method: String, _row: Dictionary) -> void: methods.append(method)
	)
	dock.operators.list.select_operator("decode")
	dock.operators.list.select_operator("forward")
	check_equal(methods, PackedStringArray(["decode", "forward"]))


func test_what_was_said_of_another_run_is_not_kept() -> void:
	var result: BenchmarkResult = BenchmarkResult.new()
	result.traces = [CallTrace.from_call(trace(1))]
	result.traced_us = [100.0]
	result.untraced_us = [90.0]
	result.threads = [1]
	result.durations_us = [PackedFloat64Array([90.0])]
	var explained: Callable = func(tab: Control, part: String) -> bool:
		return tab.find_children("*", "Label", true, false).any(
			func(label: Label) -> bool: return label.tooltip_text.contains(part)
		)
	dock.operators.show_result(result)
	check(explained.call(dock.operators, "An untraced call takes"), "of the benchmark")
	dock.operators.show_trace("net", "", result.traces, result.traces[0])
	check(not explained.call(dock.operators, "An untraced call takes"), "not of the running game")
	dock.benchmark.call(&"_on_finished", [] as Array[BenchmarkResult], "no such file")
	check(explained.call(dock.benchmark, "no such file"), "why it failed")
	check_equal(dock.benchmark.histogram.empty_text, "no such file", "in full where the chart would be")
	dock.benchmark.show_result(result, null)
	check(not explained.call(dock.benchmark, "no such file"), "not of the next run")


func find_button(tip: String) -> Button:
	for node: Node in dock.find_children("*", "Button", true, false):
		if (node as Button).tooltip_text.begins_with(tip):
			return node as Button
	return null
