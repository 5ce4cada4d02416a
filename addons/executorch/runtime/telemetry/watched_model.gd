extends RefCounted
## One model of the game, with all sessions that run it: their calls and their memory added up. Only weak references are
## kept.

const Protocol := preload("telemetry_protocol.gd")
const OFF: float = -1.0
## A session's log holds at least so many calls between two batches.
const LEAST_LOG: int = 64
## The parts of the memory that each session has for itself; the rest is shared.
const OWN_BYTES: PackedStringArray = [
	"allocators", "unused", "delegate", "method_allocator_used", "method_allocator_peak", "temporary_peak", "total"
]

## The key of a model, by which its sessions are grouped: path, name and methods.
var known: Array = []
var path: String = ""
var shown: String = ""
var methods: PackedStringArray = []
## Whether the editor has heard of it.
var described: bool = false
var last_waiting: int = 0
## Inputs of so many further calls are wanted.
var to_record: int = 0

## Since the last batch: preparations of a task and their microseconds, decodings and theirs.
var stages: PackedInt64Array = [0, 0, 0, 0]

var _sources: Dictionary[int, Source] = {}
# The number of the last call, over all sessions.
var _sequence: int = 0
# Longer calls are traced, in microseconds; 0 = the next call, then no more; negative = none.
var _threshold_us: float = OFF


func is_empty() -> bool:
	return _sources.is_empty()


func has_module(module: RefCounted) -> bool:
	var source: Source = _sources.get(module.get_instance_id())
	return source != null and source.get_module() == module


## Adds a session. `session` may be null.
func add(module: RefCounted, session: RefCounted) -> void:
	var source: Source = Source.new()
	source.module = weakref(module)
	source.session = weakref(session) if session != null else null
	_sources[module.get_instance_id()] = source
	@warning_ignore("integer_division")
	module.call(&"set_call_log", maxi(Protocol.LOG_CAPACITY / _sources.size(), LEAST_LOG))
	if _threshold_us >= 0.0:
		module.call(&"enable_profiling", true)


func remove(module_id: int) -> void:
	_sources.erase(module_id)


## Forgets the sessions that have ended, and returns the instances of their modules.
func remove_dead() -> PackedInt64Array:
	var dead: PackedInt64Array = []
	for module_id: int in _sources:
		var module: RefCounted = _sources[module_id].get_module()
		if module == null or not module.call(&"is_loaded"):
			dead.append(module_id)
	for module_id: int in dead:
		_sources.erase(module_id)
	return dead


## The calls since the last time, in the order in which they began; LOG_STRIDE numbers each. Their sequence counts the
## calls of all sessions; it leaves out those that a session's log had no place for.
func take_calls(now_us: int) -> PackedFloat64Array:
	var taken: Array[Array] = []
	var lost: int = 0
	for source: Source in _sources.values():
		var module: RefCounted = source.get_module()
		if module == null:
			continue
		var entries: PackedFloat64Array = module.call(&"take_call_log")
		source.numbers.clear()
		source.longest_us = 0.0
		for place: int in range(0, entries.size(), Protocol.LOG_STRIDE):
			lost += int(entries[place]) - source.last_sequence - 1
			source.last_sequence = int(entries[place])
			source.longest_us = maxf(source.longest_us, entries[place + 2])
			# The log has ages; the editor uses the game's clock.
			taken.append(
				[
					now_us - entries[place + 1],
					entries[place + 2],
					entries[place + 3],
					entries[place + 4],
					source,
					int(entries[place])
				]
			)
	if _sources.size() > 1:
		taken.sort_custom(func(one: Array, other: Array) -> bool: return one[0] < other[0])
	_sequence += lost
	var calls: PackedFloat64Array = []
	for one_call: Array in taken:
		_sequence += 1
		calls.append_array([_sequence, one_call[0], one_call[1], one_call[2], one_call[3]])
		(one_call[4] as Source).numbers[one_call[5]] = _sequence
	return calls


## Asynchronous calls that wait.
func get_waiting() -> int:
	var waiting: int = 0
	for source: Source in _sources.values():
		waiting += source.get_waiting()
	return waiting


## The memory of the model; parts that sessions share are counted once.
func get_memory_info() -> Dictionary:
	var sum: Dictionary = {}
	for source: Source in _sources.values():
		var module: RefCounted = source.get_module()
		var info: Dictionary = module.call(&"get_memory_info") if module != null else {}
		if sum.is_empty():
			sum = info
			continue
		for part: String in OWN_BYTES:
			sum[part] = int(sum.get(part, 0)) + int(info.get(part, 0))
		if not info.is_empty():
			sum["total"] = int(sum["total"]) - int(info.get("program", 0))
			(sum["planned"] as PackedInt64Array).append_array(info.get("planned", PackedInt64Array()))
	return sum


func trace(threshold_us: float) -> void:
	_threshold_us = threshold_us
	for source: Source in _sources.values():
		var module: RefCounted = source.get_module()
		if module != null:
			module.call(&"enable_profiling", threshold_us >= 0.0)


## The traces of calls that took longer than the threshold, since the last time.
func take_traces() -> Array[Dictionary]:
	var traces: Array[Dictionary] = []
	if _threshold_us < 0.0:
		return traces
	for source: Source in _sources.values():
		if source.longest_us <= _threshold_us:
			continue
		var module: RefCounted = source.get_module()
		var profile: Dictionary = module.call(&"get_profile") if module != null else {}
		for traced: Dictionary in profile.get("calls", []):
			var sequence: int = traced.get("sequence", 0)
			var wall_us: float = traced.get("wall_us", 0.0)
			if not source.numbers.has(sequence) or wall_us < _threshold_us:
				continue
			var told: Dictionary = traced.duplicate()
			told["sequence"] = source.numbers[sequence]
			traces.append(told)
			if _threshold_us == 0.0:
				trace(OFF)
				return traces
	return traces


func record(calls: int) -> void:
	to_record = maxi(calls, 0)
	for source: Source in _sources.values():
		var module: RefCounted = source.get_module()
		if module != null:
			module.call(&"record_inputs", to_record)


func take_recorded_inputs() -> Array:
	var taken: Array = []
	for source: Source in _sources.values():
		var module: RefCounted = source.get_module()
		if module != null and taken.size() < to_record:
			taken.append_array((module.call(&"take_recorded_inputs") as Array).slice(0, to_record - taken.size()))
	to_record -= taken.size()
	if to_record == 0:
		record(0)
	return taken


## A session of the model.
class Source:
	extends RefCounted
	var module: WeakRef
	var session: WeakRef
	var last_sequence: int = 0
	## The longest call of the last batch.
	var longest_us: float = 0.0
	## The session's number of a call in the last batch to the model's.
	var numbers: Dictionary[int, int] = {}

	func get_module() -> RefCounted:
		return module.get_ref() as RefCounted

	func get_waiting() -> int:
		var owner: RefCounted = session.get_ref() as RefCounted if session != null else null
		return int(owner.call(&"get_queue_depth")) if owner != null and owner.has_method(&"get_queue_depth") else 0
