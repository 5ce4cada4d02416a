@tool
extends RefCounted
## Traces as Chrome's trace event format, which Perfetto and chrome://tracing open: complete events ("ph": "X") in
## microseconds, one thread for each model, calls one after the other.

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
		for index: int in trace.size():
			events.append(_event(trace, index, at))
		at += trace.span_us() + GAP_US
	return JSON.stringify({"traceEvents": events, "displayTimeUnit": "ns"}, "", true, true)


static func _event(trace: CallTrace, index: int, at: float) -> Dictionary:
	var backend: String = trace.backends[index]
	return {
		"name": trace.names[index],
		"cat": backend if not backend.is_empty() else "kernel",
		"ph": "X",
		"ts": at + trace.starts_us[index],
		"dur": trace.durations_us[index],
		"pid": 1,
		"tid": 1,
		"args":
		{
			"call": trace.sequence,
			"instruction": trace.instructions[index],
			"debug_handle": trace.debug_handles[index],
		},
	}
