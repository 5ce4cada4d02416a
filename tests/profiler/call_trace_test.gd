@tool
extends "res://tests/case.gd"
## Traces, operator tables, and what is exported of them. The events are of a real call, shortened.

const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const OperatorTotals := preload("res://addons/executorch/editor/profiler/data/operator_totals.gd")
const ChromeTrace := preload("res://addons/executorch/editor/profiler/export/chrome_trace.gd")
const Csv := preload("res://addons/executorch/editor/profiler/export/csv.gd")


func call_data() -> Dictionary:
	return {
		"method": "forward",
		"sequence": 7,
		"wall_us": 101.5,
		"events":
		[
			{"name": "forward", "backend": "", "depth": 0, "start_us": 0.0, "duration_us": 100.0},
			{"name": "native_call_mean.out", "backend": "", "depth": 1, "start_us": 2.0, "duration_us": 30.0},
			{"name": "DELEGATE_CALL", "backend": "XnnpackBackend", "depth": 1, "start_us": 35.0, "duration_us": 50.0},
			{
				"name": 'Convolution, "IGEMM" #1',
				"backend": "XnnpackBackend",
				"depth": 2,
				"start_us": 36.0,
				"duration_us": 20.0
			},
			{"name": "Sigmoid #1", "backend": "XnnpackBackend", "depth": 2, "start_us": 56.0, "duration_us": 25.0},
			{"name": "native_call_mean.out", "backend": "", "depth": 1, "start_us": 86.0, "duration_us": 10.0},
		],
	}


func test_nesting_and_own_time() -> void:
	var trace: CallTrace = CallTrace.from_call(call_data())
	check_equal(trace.parents, PackedInt32Array([-1, 0, 0, 2, 2, 0]))
	check_near(trace.self_times_us(), [10.0, 30.0, 5.0, 20.0, 25.0, 10.0], 1e-9)
	check_near(trace.parts_us(), 90.0, 1e-9)
	check_near(trace.span_us(), 100.0, 1e-9)


func test_shares_add_up_to_the_whole() -> void:
	var totals: OperatorTotals = OperatorTotals.new(
		[CallTrace.from_call(call_data()), CallTrace.from_call(call_data())]
	)
	var share: float = 0.0
	for row: Dictionary in totals.rows:
		share += row["share"]
	check_near(share, 1.0, 1e-9)
	check_equal(totals.rows.size(), 5)
	var mean: Dictionary = totals.rows[1]
	check_equal([mean["uses"], mean["calls"]], [4, 2.0])
	check_near(mean["total_us"], 40.0, 1e-9)
	check_near(mean["mean_us"], 20.0, 1e-9)


func test_sort_and_filter() -> void:
	var totals: OperatorTotals = OperatorTotals.new([CallTrace.from_call(call_data())])
	check_equal(totals.sorted("self_us", true)[0]["name"], "native_call_mean.out")
	check_equal(totals.sorted("name", false)[-1]["name"], "native_call_mean.out")
	check_equal(totals.sorted("total_us", true, "xnn CONV").size(), 1, "all words, any case")
	check_equal(totals.sorted("total_us", true, "nothing").size(), 0)
	check_equal(totals.sorted("total_us", true, "kernels").size(), 1, "as it is shown")


func test_malformed_calls_are_refused() -> void:
	for broken: Dictionary in [
		{},
		{"events": 5},
		{"events": []},
		{"events": [5]},
		{"events": [{"name": 3, "depth": 0, "start_us": 0.0, "duration_us": 1.0}]},
		{"events": [{"name": "x", "depth": -1, "start_us": 0.0, "duration_us": 1.0}]},
		{"events": [{"name": "x", "depth": 0, "start_us": NAN, "duration_us": 1.0}]},
		{"events": [{"name": "x", "depth": 0, "start_us": 0.0, "duration_us": -1.0}]},
	]:
		check(CallTrace.from_call(broken) == null, "%s was taken" % broken)


func test_a_hole_in_the_nesting_does_no_harm() -> void:
	var events: Array = [
		{"name": "b", "depth": 2, "start_us": 0.0, "duration_us": 1.0},
		{"name": "a", "depth": 0, "start_us": 0.0, "duration_us": 1.0},
		{"name": "c", "depth": 2, "start_us": 0.0, "duration_us": 1.0},
	]
	var trace: CallTrace = CallTrace.from_call({"events": events})
	check_equal(trace.parents, PackedInt32Array([-1, -1, -1]))


func test_saving_keeps_a_trace() -> void:
	var trace: CallTrace = CallTrace.from_call(call_data())
	var again: CallTrace = CallTrace.from_call(JSON.parse_string(JSON.stringify(trace.to_call())) as Dictionary)
	check_equal(again.to_call(), trace.to_call())


func test_chrome_trace_nests_by_time() -> void:
	var trace: CallTrace = CallTrace.from_call(call_data())
	var parsed: Dictionary = JSON.parse_string(ChromeTrace.to_json("net", [trace, trace]))
	var complete: Array = (parsed["traceEvents"] as Array).filter(
		func(event: Dictionary) -> bool: return event["ph"] == "X"
	)
	check_equal(complete.size(), 12)
	var second: Dictionary = complete[6]
	check(float(second["ts"]) >= 100.0, "calls lie one after the other")
	for event: Dictionary in complete.slice(7):
		var inside: bool = (
			float(event["ts"]) >= float(second["ts"])
			and float(event["ts"]) + float(event["dur"]) <= float(second["ts"]) + float(second["dur"]) + 1e-6
		)
		check(inside, "%s lies in its method" % event["name"])


func test_chrome_trace_has_no_overlaps() -> void:
	# As XNNPACK reports them, in whole microseconds: longer than what is around them, and into each other.
	var events: Array = [
		{"name": "forward", "depth": 0, "start_us": 0.0, "duration_us": 10.4},
		{"name": "DELEGATE_CALL", "depth": 1, "start_us": 0.2, "duration_us": 9.1},
		{"name": "a", "depth": 2, "start_us": 0.3, "duration_us": 5.0},
		{"name": "b", "depth": 2, "start_us": 4.6, "duration_us": 2.0},
		{"name": "c", "depth": 2, "start_us": 5.1, "duration_us": 5.0},
		{"name": "none", "depth": 2, "start_us": 10.2, "duration_us": 0.0},
		{"name": "after", "depth": 1, "start_us": 9.3, "duration_us": 1.1},
	]
	var parsed: Dictionary = JSON.parse_string(ChromeTrace.to_json("net", [CallTrace.from_call({"events": events})]))
	var around: Array[Dictionary] = []
	for event: Dictionary in (parsed["traceEvents"] as Array).slice(2):
		while not around.is_empty() and end_of(around[-1]) < float(event["ts"]):
			around.pop_back()
		var depth: int = events.filter(func(one: Dictionary) -> bool: return one["name"] == event["name"])[0]["depth"]
		check_equal(around.size(), depth, "%s is as deep as in the call" % event["name"])
		if not around.is_empty():
			check(end_of(event) < end_of(around[-1]), "%s ends inside of %s" % [event["name"], around[-1]["name"]])
		around.append(event)


func end_of(event: Dictionary) -> float:
	return float(event["ts"]) + float(event["dur"])


func test_csv_is_quoted() -> void:
	var totals: OperatorTotals = OperatorTotals.new([CallTrace.from_call(call_data())])
	var lines: PackedStringArray = Csv.operators(totals).split("\r\n", false)
	check_equal(lines[0], "name,backend,calls,total_us,self_us,mean_us,share")
	check_equal(lines.size(), 6)
	check(lines[4].begins_with('"Convolution, ""IGEMM"" #1",XnnpackBackend,1.0,20.0'), lines[4])
