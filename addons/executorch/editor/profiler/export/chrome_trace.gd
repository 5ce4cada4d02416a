@tool
extends RefCounted
## Traces as Chrome's trace event format, which Perfetto, chrome://tracing and speedscope open: complete events ("ph":
## "X") in microseconds, one thread for each model, calls one after the other.

const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const GAP_US: float = 20.0


## JSON text. Calls are laid out one after the other, because a trace's times start at its own call.
static func to_json(model: String, traces: Array[CallTrace]) -> String:
	var events: Array[Dictionary] = [
		{"name": "process_name", "ph": "M", "pid": 1, "tid": 1, "args": {"name": "ExecuTorch"}},
		{"name": "thread_name", "ph": "M", "pid": 1, "tid": 1, "args": {"name": model}},
	]
	var at: float = 0.0
	for trace: CallTrace in traces:
		var ends_ns: PackedInt64Array = []
		var starts_ns: PackedInt64Array = _starts_ns(trace, ends_ns)
		for index: int in trace.size():
			events.append(
				_event(trace, index, at + starts_ns[index] / 1000.0, (ends_ns[index] - starts_ns[index]) / 1000.0)
			)
		at += ceilf(trace.span_us() + GAP_US)
	return JSON.stringify({"traceEvents": events, "displayTimeUnit": "ns"}, "", true, true)


## Starts, and ends into `ends_ns`, such that every event lies inside of the one around it and ends before the next one
## begins. XNNPACK counts whole microseconds, so its events overlap by a part of one, and viewers would nest them into
## each other. A nanosecond is left between edges, which rounding in a viewer can then not turn around.
static func _starts_ns(trace: CallTrace, ends_ns: PackedInt64Array) -> PackedInt64Array:
	var starts_ns: PackedInt64Array = []
	for index: int in trace.size():
		starts_ns.append(roundi(trace.starts_us[index] * 1000.0))
		ends_ns.append(starts_ns[index] + roundi(trace.durations_us[index] * 1000.0))
	# Outer events first: what they are cut to bounds the inner ones.
	for depth: int in range(1, trace.deepest() + 1):
		var before: int = -1
		for index: int in trace.size():
			var parent: int = trace.parents[index]
			if trace.depths[index] != depth or parent < 0:
				continue
			var has_sibling: bool = before >= 0 and trace.parents[before] == parent
			var free_from: int = starts_ns[before] + 2 if has_sibling else starts_ns[parent] + 1
			starts_ns[index] = mini(maxi(starts_ns[index], free_from), maxi(ends_ns[parent] - 1, starts_ns[parent]))
			ends_ns[index] = clampi(ends_ns[index], starts_ns[index], maxi(ends_ns[parent] - 1, starts_ns[index]))
			if has_sibling:
				ends_ns[before] = clampi(
					ends_ns[before], starts_ns[before], maxi(starts_ns[index] - 1, starts_ns[before])
				)
			before = index
	return starts_ns


static func _event(trace: CallTrace, index: int, ts: float, dur: float) -> Dictionary:
	return {
		"name": trace.names[index],
		"cat": trace.kind_of(index),
		"ph": "X",
		"ts": ts,
		"dur": dur,
		"pid": 1,
		"tid": 1,
		"args":
		{
			"call": trace.sequence,
			"duration_us": trace.durations_us[index],
			"instruction": trace.instructions[index],
			"debug_handle": trace.debug_handles[index],
		},
	}
