@tool
extends RefCounted
## The result of a benchmark: durations for each number of threads, traced calls, memory. Saved as JSON with every
## single duration, so that later versions can compute other statistics.

const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const OperatorTotals := preload("res://addons/executorch/editor/profiler/data/operator_totals.gd")
const LatencyStatistics := preload("res://addons/executorch/editor/shared/latency_statistics.gd")
const FORMAT: int = 1

var name: String = ""
## Path in the project.
var path: String = ""
var recipe: String = ""
var method: String = "forward"
var sha256: String = ""
## Seconds since 1970.
var date: float = 0.0
var machine: Dictionary = {}
var warm_up: int = 0
## The inputs of the calls.
var inputs: String = "generated"
var load_us: float = 0.0
## Number of threads of each measurement, and its durations in microseconds.
var threads: PackedInt32Array = []
var durations_us: Array[PackedFloat64Array] = []
## Wall time of each measurement, from its first to its last call, microseconds.
var wall_us: PackedFloat64Array = []
var traces: Array[CallTrace] = []
var traced_threads: int = 0
## Wall time of each traced call, and of the untraced calls between them.
var traced_us: PackedFloat64Array = []
var untraced_us: PackedFloat64Array = []
var memory: Dictionary = {}
## A dump for ExecuTorch's Inspector; empty = there is none.
var etdump_path: String = ""


## `{count, mean_us, p50_us, p90_us, p99_us, min_us, max_us, deviation_us, calls_per_second}` of the measurement at this
## place.
func summary(place: int) -> Dictionary:
	var sorted: PackedFloat64Array = durations_us[place].duplicate()
	sorted.sort()
	return LatencyStatistics.summary_of(sorted)


## Calls per second of each measurement, of the calls alone.
func rates() -> PackedFloat64Array:
	var result: PackedFloat64Array = []
	for place: int in threads.size():
		result.append(summary(place)["calls_per_second"] as float)
	return result


## Calls per second that perfect scaling from the first measurement would give to each of them.
func ideal_rates() -> PackedFloat64Array:
	var result: PackedFloat64Array = []
	for place: int in threads.size():
		result.append(float(summary(0)["calls_per_second"]) * threads[place] / threads[0])
	return result


## Place of the measurement with the smallest median, -1 when there is none.
func fastest() -> int:
	var best: int = -1
	for place: int in threads.size():
		if best < 0 or float(summary(place)["p50_us"]) < float(summary(best)["p50_us"]):
			best = place
	return best


func place_of(count: int) -> int:
	return threads.find(count)


## Of the quieter half of the traced calls.
func operators() -> OperatorTotals:
	return OperatorTotals.new(quieter_half())


## The shortest traced call: the one that other programs disturbed least.
func quietest_trace() -> CallTrace:
	return quieter_half()[0] if not traces.is_empty() else null


## The shorter half of the traced calls, the shortest first. Other programs slowed the longer ones.
func quieter_half() -> Array[CallTrace]:
	var spans: PackedFloat64Array = []
	for trace: CallTrace in traces:
		spans.append(trace.span_us())
	var order: Array = range(traces.size())
	# Equal ones by their place: sort_custom() does not keep it.
	order.sort_custom(func(a: int, b: int) -> bool: return spans[a] < spans[b] if spans[a] != spans[b] else a < b)
	var half: Array[CallTrace] = []
	for place: int in ceili(traces.size() / 2.0):
		half.append(traces[order[place]])
	return half


## How the parts of a traced call relate to an untraced call: `{untraced_us, traced_us, parts_us, overhead, covered}`;
## of the shortest calls, which other programs disturbed least. `overhead` is the share that tracing adds, `covered` the
## share of the traced call in named operators.
func reconciliation() -> Dictionary:
	if traces.is_empty() or untraced_us.is_empty() or traced_us.is_empty():
		return {}
	var untraced: float = Array(untraced_us).min()
	var traced: float = Array(traced_us).min()
	var quietest: CallTrace = quietest_trace()
	return {
		"untraced_us": untraced,
		"traced_us": traced,
		"parts_us": quietest.parts_us(),
		"overhead": traced / untraced - 1.0 if untraced > 0.0 else 0.0,
		"covered": quietest.parts_us() / maxf(quietest.span_us(), 1e-9),
	}


func to_dictionary() -> Dictionary:
	var measurements: Array[Dictionary] = []
	for place: int in threads.size():
		(
			measurements
			. append(
				{
					"threads": threads[place],
					"wall_us": wall_us[place],
					"summary": summary(place),
					"durations_us": durations_us[place],
				}
			)
		)
	var calls: Array[Dictionary] = []
	for trace: CallTrace in traces:
		calls.append(trace.to_call())
	return {
		"format": FORMAT,
		"model": {"name": name, "path": path, "recipe": recipe, "method": method, "sha256": sha256},
		"date": date,
		"machine": machine,
		"warm_up": warm_up,
		"inputs": inputs,
		"load_us": load_us,
		"measurements": measurements,
		"traced": {"threads": traced_threads, "wall_us": traced_us, "untraced_us": untraced_us, "calls": calls},
		"reconciliation": reconciliation(),
		"operators": operators().rows,
		"memory": memory,
	}


## The result that a saved file holds, null when it is malformed.
static func from_dictionary(data: Dictionary) -> RefCounted:
	var model: Variant = data.get("model")
	var measurements: Variant = data.get("measurements")
	if int(_number(data.get("format"))) != FORMAT or not model is Dictionary or not measurements is Array:
		return null
	var result := new()
	result.name = str((model as Dictionary).get("name", ""))
	result.path = str((model as Dictionary).get("path", ""))
	result.recipe = str((model as Dictionary).get("recipe", ""))
	result.method = str((model as Dictionary).get("method", "forward"))
	result.sha256 = str((model as Dictionary).get("sha256", ""))
	result.date = _number(data.get("date"))
	result.warm_up = int(_number(data.get("warm_up")))
	result.inputs = str(data.get("inputs", "generated"))
	result.load_us = _number(data.get("load_us"))
	if data.get("machine") is Dictionary:
		result.machine = data["machine"]
	if data.get("memory") is Dictionary:
		result.memory = data["memory"]
	for entry: Variant in measurements as Array:
		if not entry is Dictionary or not (entry as Dictionary).get("durations_us") is Array:
			return null
		var numbers: PackedFloat64Array = _numbers((entry as Dictionary)["durations_us"] as Array)
		if numbers.is_empty():
			return null
		result.threads.append(int(_number((entry as Dictionary).get("threads"))))
		result.wall_us.append(_number((entry as Dictionary).get("wall_us")))
		result.durations_us.append(numbers)
	result._read_traces(data.get("traced"))
	return result


func _read_traces(data: Variant) -> void:
	if not data is Dictionary:
		return
	traced_threads = int(_number((data as Dictionary).get("threads")))
	if (data as Dictionary).get("wall_us") is Array:
		traced_us = _numbers((data as Dictionary)["wall_us"] as Array)
	if (data as Dictionary).get("untraced_us") is Array:
		untraced_us = _numbers((data as Dictionary)["untraced_us"] as Array)
	if (data as Dictionary).get("calls") is Array:
		for entry: Variant in (data as Dictionary)["calls"] as Array:
			var trace: CallTrace = CallTrace.from_call(entry as Dictionary) if entry is Dictionary else null
			if trace != null:
				traces.append(trace)


static func _number(value: Variant) -> float:
	return float(value) if value is float or value is int else 0.0


static func _numbers(values: Array) -> PackedFloat64Array:
	var result: PackedFloat64Array = []
	for value: Variant in values:
		result.append(maxf(_number(value), 0.0))
	return result
