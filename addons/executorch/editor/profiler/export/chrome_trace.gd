@tool
extends RefCounted
## Traces as Chrome's trace event format, which Perfetto, chrome://tracing and speedscope open: complete events
## ("ph": "X") in microseconds, one thread for each model, calls one after the other.

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


## Starts, and ends into `ends_ns`, such that every event lies inside of the one around it and after the one before it.
## XNNPACK counts whole microseconds, so its events overlap by a part of one, and viewers would nest them into each
## other. A nanosecond is left between edges, which rounding in a viewer can then not turn around.
static func _starts_ns(trace: CallTrace, ends_ns: PackedInt64Array) -> PackedInt64Array:
	var starts_ns: PackedInt64Array = []
	var free_from: PackedInt64Array = []
	for index: int in trace.size():
		var parent: int = trace.parents[index]
		var start: int = roundi(trace.starts_us[index] * 1000.0)
		var end: int = start + roundi(trace.durations_us[index] * 1000.0)
		if parent >= 0:
			start = clampi(start, free_from[parent], maxi(ends_ns[parent] - 1, free_from[parent]))
			end = clampi(end, start, maxi(ends_ns[parent] - 1, start))
			free_from[parent] = end + 1
		starts_ns.append(start)
		ends_ns.append(end)
		free_from.append(start + 1)
	return starts_ns


static func _event(trace: CallTrace, index: int, ts: float, dur: float) -> Dictionary:
	var backend: String = trace.backends[index]
	return {
		"name": trace.names[index],
		"cat": backend if not backend.is_empty() else "kernel",
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
