@tool
extends "res://tests/case.gd"
## Zoom and pan by mouse and keyboard, exact numbers at the pointer, and clicks on a call.

const LatencyChart := preload("res://addons/executorch/editor/profiler/charts/latency_chart.gd")
const CallColumns := preload("res://addons/executorch/editor/profiler/charts/call_columns.gd")
const FlameChart := preload("res://addons/executorch/editor/profiler/charts/flame_chart.gd")
const ComparisonList := preload("res://addons/executorch/editor/profiler/tabs/comparison_list.gd")
const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const LatencyStatistics := preload("res://addons/executorch/editor/shared/latency_statistics.gd")
const CALLS: int = 1000

var _chart: LatencyChart


func test_the_chart_of_a_call_names_operators_as_the_list_does() -> void:
	var events: Array[Dictionary] = []
	for named: Array in [["forward", ""], ["DELEGATE_CALL", "XnnpackBackend"], ["native_call_mean.out", ""]]:
		events.append({"name": named[0], "backend": named[1], "depth": mini(events.size(), 1), "duration_us": 1.0})
	var chart: FlameChart = FlameChart.new()
	chart.show_trace(CallTrace.from_call({"method": "forward", "events": events}))
	check_equal([chart.title_of(0), chart.title_of(1), chart.title_of(2)], ["forward", "XNNPACK", "mean"])
	chart.free()


func test_kernels_have_one_colour_whether_or_not_they_come_first() -> void:
	var colors: Array[Color] = []
	for backends: Array in [["", "XnnpackBackend"], ["XnnpackBackend", ""]]:
		var events: Array[Dictionary] = [{"name": "forward", "depth": 0, "duration_us": 2.0}]
		for backend: String in backends:
			events.append({"name": "x", "backend": backend, "depth": 1, "duration_us": 1.0})
		var chart: FlameChart = FlameChart.new()
		add_child(chart)
		chart.show_trace(CallTrace.from_call({"method": "forward", "events": events}))
		colors.append_array([chart.color_of_kind("kernels"), chart.color_of_kind("XnnpackBackend")])
		chart.free()
	check_equal(colors.slice(0, 2), colors.slice(2, 4))
	check(colors[0] != colors[1], "kernels and a delegate differ")


func test_each_column_of_a_comparison_has_a_title() -> void:
	var list: ComparisonList = ComparisonList.new()
	add_child(list)
	var row: Dictionary = {"metric": "p50", "kind": "time", "this": 10.0, "other": 74.0, "change": -0.86, "verdict": 1}
	for other: String in ["", "portable"]:
		list.show_rows([row], "fp32", other)
		check_equal(list.columns, 2 if other.is_empty() else 4)
		for column: int in list.columns:
			check(not list.get_column_title(column).is_empty(), "column %d" % column)
	check_equal(list.get_root().get_first_child().get_text(3), "7.4× faster")
	list.free()


func before_each() -> void:
	_chart = LatencyChart.new()
	_chart.size = Vector2(600, 300)
	add_child(_chart)
	var statistics: LatencyStatistics = LatencyStatistics.new()
	for index: int in CALLS:
		statistics.record(index * 10_000.0, 1234.567 if index == 500 else 100.0)
	_chart.show_series(["net"], [statistics], PackedInt32Array([0]))
	_chart.fit()


func after_each() -> void:
	_chart.queue_free()


func press(key: Key) -> void:
	var event: InputEventKey = InputEventKey.new()
	event.keycode = key
	event.pressed = true
	_chart._gui_input(event)


func button(index: MouseButton, at: Vector2, pressed: bool = true, shift: bool = false) -> void:
	var event: InputEventMouseButton = InputEventMouseButton.new()
	event.button_index = index
	event.position = at
	event.pressed = pressed
	event.shift_pressed = shift
	_chart._gui_input(event)


func span() -> float:
	return _chart.view_end - _chart.view_begin


func test_the_wheel_zooms_at_the_pointer() -> void:
	press(KEY_HOME)
	var whole: float = span()
	var at: Vector2 = Vector2(_chart.x_of(5e6), 100)
	button(MOUSE_BUTTON_WHEEL_UP, at)
	check_near(span() / whole, 0.8, 1e-6)
	check_near(_chart.value_at(at.x), 5e6, 1.0, "what is under the pointer stays there")
	check(not _chart.follows, "the view stands still now")
	button(MOUSE_BUTTON_WHEEL_DOWN, at)
	check_near(span() / whole, 1.0, 1e-6)


func test_shift_and_wheel_pan() -> void:
	_chart.show_range(4e6, 5e6)
	button(MOUSE_BUTTON_WHEEL_DOWN, Vector2(300, 100), true, true)
	check_near([_chart.view_begin, _chart.view_end], [4.1e6, 5.1e6], 1.0)


func test_a_drag_zooms_to_what_was_swept() -> void:
	var from: Vector2 = Vector2(_chart.x_of(2e6), 50)
	var to: Vector2 = Vector2(_chart.x_of(3e6), 90)
	button(MOUSE_BUTTON_LEFT, from)
	button(MOUSE_BUTTON_LEFT, to, false)
	check_near([_chart.view_begin, _chart.view_end], [2e6, 3e6], 100.0)


func test_keys() -> void:
	_chart.show_range(4e6, 5e6)
	press(KEY_PLUS)
	check_near(span(), 8e5, 1.0)
	press(KEY_MINUS)
	press(KEY_RIGHT)
	check_near(_chart.view_begin, 4.15e6, 10.0)
	press(KEY_LEFT)
	check_near(_chart.view_begin, 4e6, 10.0)
	press(KEY_HOME)
	check_near(_chart.view_begin, 0.0, 1.0)
	press(KEY_F)
	check(_chart.follows, "follows again")


func test_no_view_outside_of_the_data() -> void:
	_chart.show_range(-5e9, 5e9)
	check_near([_chart.view_begin, _chart.view_end], [0.0, (CALLS - 1) * 10_000.0 + 100.0], 1.0)
	for repeat: int in 200:
		press(KEY_PLUS)
	check(span() >= 50.0, "%f us" % span())


func test_the_pointer_shows_exact_numbers() -> void:
	var lines: PackedStringArray = _chart._describe(Vector2(_chart.x_of(5e6), 10))
	check(lines.has("1,234.567 µs"), "%s" % lines)
	check(lines[2].begins_with("call 501 "), "%s" % lines)


func test_a_click_selects_the_call() -> void:
	var clicked: PackedInt32Array = []
	_chart.call_selected.connect(func(_series: int, index: int) -> void: clicked.append(index))
	var at: Vector2 = Vector2(_chart.x_of(5e6), 10)
	button(MOUSE_BUTTON_LEFT, at)
	button(MOUSE_BUTTON_LEFT, at, false)
	check_equal(clicked, PackedInt32Array([500]))


func test_columns_that_are_kept_are_those_that_would_be_looked_up() -> void:
	var calls: LatencyStatistics = LatencyStatistics.new(5000)
	var random: RandomNumberGenerator = RandomNumberGenerator.new()
	random.seed = 5
	var kept: CallColumns = CallColumns.new()
	var now: float = 1e9
	for frame: int in 400:
		for call_in_frame: int in random.randi_range(0, 60):
			now += random.randf_range(1.0, 900.0)
			calls.record(now, random.randf_range(10.0, 1000.0))
		# A view that follows, one that stands still, one of another scale, and one further back.
		var step: float = 40_000.0 if frame % 90 < 60 else 10_000.0
		var first: int = int(now / step) - 200 if frame % 30 < 20 else int(now / step) - 300
		kept.update(calls, first, step, 200)
		var fresh: CallColumns = CallColumns.new()
		fresh.update(calls, first, step, 200)
		check(same(kept.lows, fresh.lows) and same(kept.highs, fresh.highs), "frame %d" % frame)
	calls.clear()
	kept.update(calls, 0, 1.0, 10)
	check_equal(kept.lows.size(), 10)
	check(is_nan(kept.lows[0]), "nothing after it was cleared")


func same(one: PackedFloat32Array, other: PackedFloat32Array) -> bool:
	# NAN, where there is no call, equals nothing.
	return one.to_byte_array() == other.to_byte_array()


func test_an_empty_chart_takes_no_input() -> void:
	_chart.show_series([], [], PackedInt32Array())
	var before: float = _chart.view_begin
	press(KEY_PLUS)
	button(MOUSE_BUTTON_WHEEL_UP, Vector2(10, 10))
	check_near(_chart.view_begin, before, 0.0)
	check(_chart._describe(Vector2(10, 10)).is_empty(), "a description of nothing")
