@tool
extends RefCounted
## Time by operator of traced calls: the rows of the operators table, of the CSV and of the JSON, all for one call of
## the model. Counted in the same way by python_backend/profiling/operators.py for the command line. `self` is the time
## outside of nested events, so that its shares add up to the whole.

const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const COLUMNS: PackedStringArray = ["name", "backend", "calls", "total_us", "self_us", "mean_us", "share"]

## `{name, backend, depth, method, uses, calls, total_us, self_us, mean_us, share, instruction,
## debug_handle}`, in the order of execution. `uses` is of all traced calls together, `mean_us` of a single use.
var rows: Array[Dictionary] = []
var traces: int = 0

var _by_key: Dictionary[String, Dictionary] = {}


func _init(many: Array[CallTrace]) -> void:
	traces = many.size()
	var whole_us: float = 0.0
	for trace: CallTrace in many:
		whole_us += _count(trace)
	for row: Dictionary in rows:
		row["mean_us"] = float(row["total_us"]) / int(row["uses"])
		row["share"] = float(row["self_us"]) / whole_us if whole_us > 0.0 else 0.0
		row["calls"] = float(row["uses"]) / traces
		row["total_us"] = float(row["total_us"]) / traces
		row["self_us"] = float(row["self_us"]) / traces


## Rows whose name or backend has all words of `filter`, by `column`; equal rows keep their order of execution.
func sorted(column: String, descending: bool, filter: String = "") -> Array[Dictionary]:
	var words: PackedStringArray = filter.to_lower().split(" ", false)
	var shown: Array[Dictionary] = []
	for row: Dictionary in rows:
		var hay: String = ("%s %s" % [row["name"], row["backend"]]).to_lower()
		var wanted: bool = true
		for word: String in words:
			wanted = wanted and hay.contains(word)
		if wanted:
			shown.append(row)
	var indices: Array = range(shown.size())
	indices.sort_custom(
		func(left: int, right: int) -> bool:
			var a: Variant = shown[left][column]
			var b: Variant = shown[right][column]
			if a == b:
				return left < right
			return b < a if descending else a < b
	)
	var result: Array[Dictionary] = []
	for index: int in indices:
		result.append(shown[index])
	return result


## Adds a call up; the time of its outermost events, microseconds.
func _count(trace: CallTrace) -> float:
	var whole_us: float = 0.0
	var self_us: PackedFloat64Array = trace.self_times_us()
	for index: int in trace.size():
		var backend: String = trace.kind_of(index)
		var key: String = "%d\n%s\n%s" % [trace.depths[index], backend, trace.names[index]]
		var row: Dictionary = _by_key.get(key, {})
		if row.is_empty():
			row = {
				"name": trace.names[index],
				"backend": backend,
				"depth": trace.depths[index],
				"method": trace.method,
				"uses": 0,
				"total_us": 0.0,
				"self_us": 0.0,
				"instruction": trace.instructions[index],
				"debug_handle": trace.debug_handles[index],
			}
			_by_key[key] = row
			rows.append(row)
		row["uses"] = int(row["uses"]) + 1
		row["total_us"] = float(row["total_us"]) + trace.durations_us[index]
		row["self_us"] = float(row["self_us"]) + self_us[index]
		if trace.parents[index] < 0:
			whole_us += trace.durations_us[index]
	return whole_us
