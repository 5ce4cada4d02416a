@tool
extends RefCounted
## One traced call: nested events (method, then operator or delegate, then operator inside the delegate) with their
## times. Made from a call of `ExecuTorchModule.get_profile()`; the Dictionary may come from another process and is
## checked.

const MOST_EVENTS: int = 100_000

var method: String = ""
var sequence: int = 0
## Wall time of the call around the tracer, microseconds; 0 when unknown.
var wall_us: float = 0.0
var names: PackedStringArray = []
var backends: PackedStringArray = []
var depths: PackedInt32Array = []
var starts_us: PackedFloat64Array = []
var durations_us: PackedFloat64Array = []
var instructions: PackedInt32Array = []
var debug_handles: PackedInt32Array = []
## Index of the event around each event, -1 at the top.
var parents: PackedInt32Array = []


## The trace, or null when the call is malformed.
static func from_call(call_data: Dictionary) -> RefCounted:
	var events: Variant = call_data.get("events")
	if not events is Array or (events as Array).is_empty() or (events as Array).size() > MOST_EVENTS:
		return null
	var trace := new()
	trace.method = str(call_data.get("method", ""))
	trace.sequence = int(_number(call_data, "sequence"))
	trace.wall_us = _number(call_data, "wall_us")
	for entry: Variant in events as Array:
		if not entry is Dictionary or not trace._add(entry as Dictionary):
			return null
	trace._find_parents()
	if trace.method.is_empty():
		trace.method = trace.names[0]
	return trace


func size() -> int:
	return names.size()


## Length of the call, microseconds: the last end of an event.
func span_us() -> float:
	var end: float = 0.0
	for index: int in size():
		end = maxf(end, starts_us[index] + durations_us[index])
	return end


func deepest() -> int:
	var result: int = 0
	for depth: int in depths:
		result = maxi(result, depth)
	return result


## The delegate of an event, "kernels" outside of delegates, "method" for the call itself.
func kind_of(index: int) -> String:
	if depths[index] == 0:
		return "method"
	return backends[index] if not backends[index].is_empty() else "kernels"


## Time of an event that is not in the events directly inside of it, microseconds. A delegate that counts whole
## microseconds can leave a little less than nothing.
func self_times_us() -> PackedFloat64Array:
	var result: PackedFloat64Array = durations_us.duplicate()
	for index: int in size():
		if parents[index] >= 0:
			result[parents[index]] -= durations_us[index]
	return result


## How much of the call an event is, 0 to 1.
func share_of(index: int) -> float:
	return durations_us[index] / maxf(span_us(), 1e-9)


## Sum of the operators and delegates directly under the method, microseconds.
func parts_us() -> float:
	var sum: float = 0.0
	for index: int in size():
		if depths[index] == 1:
			sum += durations_us[index]
	return sum


## As `get_profile()` gives a call, for saving.
func to_call() -> Dictionary:
	var events: Array[Dictionary] = []
	for index: int in size():
		(
			events
			. append(
				{
					"name": names[index],
					"backend": backends[index],
					"depth": depths[index],
					"start_us": starts_us[index],
					"duration_us": durations_us[index],
					"instruction": instructions[index],
					"debug_handle": debug_handles[index],
				}
			)
		)
	return {"method": method, "sequence": sequence, "wall_us": wall_us, "events": events}


func _add(event: Dictionary) -> bool:
	var start: float = _number(event, "start_us")
	var duration: float = _number(event, "duration_us")
	var depth: float = _number(event, "depth")
	if not event.get("name") is String and not event.get("name") is StringName:
		return false
	if not is_finite(start) or not is_finite(duration) or duration < 0.0 or depth < 0.0 or depth > 16.0:
		return false
	names.append(str(event["name"]).left(256))
	backends.append(str(event.get("backend", "")).left(64))
	depths.append(int(depth))
	starts_us.append(start)
	durations_us.append(duration)
	instructions.append(int(_number(event, "instruction", -1.0)))
	debug_handles.append(int(_number(event, "debug_handle", -1.0)))
	return true


func _find_parents() -> void:
	var last_at: PackedInt32Array = []
	for index: int in size():
		var depth: int = depths[index]
		parents.append(last_at[depth - 1] if depth > 0 and depth <= last_at.size() else -1)
		last_at.resize(mini(last_at.size(), depth))
		while last_at.size() < depth:
			last_at.append(-1)
		last_at.append(index)


static func _number(data: Dictionary, key: String, missing: float = 0.0) -> float:
	var value: Variant = data.get(key, missing)
	return float(value) if value is float or value is int else missing
