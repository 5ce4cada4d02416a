@tool
extends "res://tests/case.gd"
## The dock's tables of recorded calls; test_same_tables.py compares the command line's with the same expected.json,
## which numpy counted (same_tables/expected.py).

const BenchmarkResult := preload("res://addons/executorch/editor/profiler/benchmark/benchmark_result.gd")
const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const GeneratedInputs := preload("res://addons/executorch/runtime/calls/generated_inputs.gd")
const LatencyStatistics := preload("res://addons/executorch/editor/shared/latency_statistics.gd")
const FOLDER: String = "res://tests/profiler/same_tables/"
const BINS: int = 12
const COLUMNS: PackedStringArray = ["calls", "total_us", "self_us", "mean_us", "share"]


func read(file: String) -> Dictionary:
	return JSON.parse_string(FileAccess.get_file_as_string(FOLDER + file))


## A case as a benchmark measured it.
func result_of(case: Dictionary) -> BenchmarkResult:
	var result: BenchmarkResult = BenchmarkResult.new()
	result.threads = [1]
	result.durations_us = [PackedFloat64Array(case["durations_us"] as Array)]
	result.traced_us = PackedFloat64Array(case["traced_us"] as Array)
	result.untraced_us = PackedFloat64Array(case["untraced_us"] as Array)
	for call_data: Dictionary in case["calls"]:
		result.traces.append(CallTrace.from_call(call_data))
	return result


func test_the_same_tables() -> void:
	var cases: Dictionary = read("cases.json")
	var expected: Dictionary = read("expected.json")
	check_equal(cases.keys(), expected.keys())
	for case: String in cases:
		var result: BenchmarkResult = result_of(cases[case] as Dictionary)
		var wanted: Dictionary = expected[case]
		compare(result.summary(0), wanted["latency"] as Dictionary, "%s: latency" % case)
		compare(result.reconciliation(), wanted["reconciliation"] as Dictionary, "%s: reconciliation" % case)
		check_histograms(result.durations_us[0], wanted, case)
		check_operators(result, wanted["operators"] as Array, case)


func test_the_live_numbers_are_the_same() -> void:
	var cases: Dictionary = read("cases.json")
	var expected: Dictionary = read("expected.json")
	for case: String in cases:
		var live: LatencyStatistics = LatencyStatistics.new()
		for duration: float in (cases[case] as Dictionary)["durations_us"]:
			live.record(live.held * 10.0, duration)
		compare(live.summary(), (expected[case] as Dictionary)["latency"] as Dictionary, case)


func check_histograms(durations: PackedFloat64Array, wanted: Dictionary, case: String) -> void:
	var sorted: PackedFloat64Array = durations.duplicate()
	sorted.sort()
	var shown: PackedFloat64Array = LatencyStatistics.histogram_range(sorted, PackedFloat64Array())
	near(shown[0], (wanted["range_us"] as Array)[0], "%s: begin" % case)
	near(shown[1], (wanted["range_us"] as Array)[1], "%s: end" % case)
	var bins: PackedInt32Array = LatencyStatistics.histogram_of(sorted, BINS, shown[0], shown[1])
	check_equal(bins, PackedInt32Array(wanted["histogram"] as Array), case)
	var low: float = LatencyStatistics.percentile_of(sorted, 50.0)
	var high: float = LatencyStatistics.percentile_of(sorted, 90.0) + 1.0
	bins = LatencyStatistics.histogram_of(sorted, BINS, low, high)
	check_equal(bins, PackedInt32Array(wanted["zoomed"] as Array), "%s, zoomed" % case)


func check_operators(result: BenchmarkResult, wanted: Array, case: String) -> void:
	var rows: Array[Dictionary] = result.operators().sorted("self_us", true)
	check_equal(rows.size(), wanted.size(), case)
	for place: int in mini(rows.size(), wanted.size()):
		var row: Dictionary = rows[place]
		var other: Dictionary = wanted[place]
		var where: String = "%s: row %d" % [case, place]
		check_equal([row["name"], row["backend"]], [other["name"], other["backend"]], where)
		check_equal(row["depth"], int(other["depth"] as float), where)
		for column: String in COLUMNS:
			near(row[column], other[column], "%s, %s" % [where, column])


## All numbers of `wanted` are in `found`.
func compare(found: Dictionary, wanted: Dictionary, message: String) -> void:
	for key: String in wanted:
		check(found.has(key), "%s: no %s" % [message, key])
		near(found.get(key, NAN), wanted[key], "%s, %s" % [message, key])


func near(found: Variant, wanted: Variant, message: String) -> void:
	check_near(found, wanted, 1e-9 * maxf(1.0, absf(wanted as float)), message)


func test_the_same_inputs_are_made_up() -> void:
	for case: Dictionary in read("made_up.json")["cases"]:
		var made: Variant = GeneratedInputs.fill(str(case["dtype"]), 6, int(case["position"]))
		for index: int in 6:
			check_near(float(made[index]), float((case["values"] as Array)[index]), 1e-7, str(case))
