@tool
extends RefCounted
## What the running games said: checks every message and keeps what holds. A message that is malformed, late, too
## much or cut short is dropped and counted; nothing that a game sends can raise an error here.

## A model appeared, ended or was renamed.
signal models_changed
## Inputs of a model's calls arrived.
signal inputs_received(model: LiveModel)
## A trace arrived.
signal trace_received(model: LiveModel, trace: CallTrace)

const Protocol := preload("res://addons/executorch/runtime/telemetry/telemetry_protocol.gd")
const LiveModel := preload("res://addons/executorch/editor/profiler/data/live_model.gd")
const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const MemoryHistory := preload("res://addons/executorch/editor/profiler/data/memory_history.gd")
## A game sends about 20 messages a second; more than this many in one second are dropped.
const MOST_MESSAGES_A_SECOND: int = 1000
const LONGEST_US: float = 1e10
const LATEST_US: float = 1e15
## The key of all models together.
const ALL: int = -1

## Dropped messages by reason: malformed, late, flood, version.
var dropped: Dictionary[String, int] = {}
var memory: MemoryHistory = MemoryHistory.new()
## While true, calls and memory are let pass by.
var paused: bool = false
var frame_budget_us: float = 1e6 / 60.0

var _models: Dictionary[int, LiveModel] = {}
var _running: Dictionary[int, bool] = {}
## The clock of each session's game at its last batch, microseconds.
var _now_us: Dictionary[int, float] = {}
var _next_key: int = 0
var _second: int = -1
var _in_second: int = 0


## Models in the order in which they appeared.
func models() -> Array[LiveModel]:
	return _models.values()


func is_running() -> bool:
	return _running.values().has(true)


func dropped_count() -> int:
	var sum: int = 0
	for reason: String in dropped:
		sum += dropped[reason]
	return sum


## The last two seconds in one pass: for each model's key `{calls_per_second, load_share}`, and under ALL their sums,
## with `memory_bytes` and `queue_depth`.
func activity() -> Dictionary[int, Dictionary]:
	var sums: Dictionary = {"calls_per_second": 0.0, "load_share": 0.0, "memory_bytes": 0, "queue_depth": 0}
	var result: Dictionary[int, Dictionary] = {ALL: sums}
	for model: LiveModel in models():
		var now_us: float = _now_us.get(model.session, 0.0)
		var one: Dictionary = {"calls_per_second": model.rate(now_us), "load_share": model.load_share(now_us)}
		result[model.key] = one
		sums["calls_per_second"] += one["calls_per_second"]
		sums["load_share"] += one["load_share"]
		if not model.ended:
			sums["memory_bytes"] += model.memory_bytes()
			sums["queue_depth"] += model.queue_depth
	return result


## Calls that games made but that never arrived.
func lost_count() -> int:
	var sum: int = 0
	for model: LiveModel in models():
		sum += model.lost
	return sum


## A game was started: what the one before it said in this session is forgotten.
func begin_session(session: int) -> void:
	_running[session] = true
	for key: int in _models.keys():
		if _models[key].session == session or _models[key].ended:
			_models.erase(key)
	if _models.is_empty():
		memory.clear()
		dropped.clear()
		_next_key = 0
	models_changed.emit()


## The game ended or died: its models stay to be looked at.
func end_session(session: int) -> void:
	_running[session] = false
	for model: LiveModel in models():
		if model.session == session:
			model.ended = true
	models_changed.emit()


func clear() -> void:
	for model: LiveModel in models():
		model.statistics.clear()
		model.traces.clear()
		model.errors = 0
		model.lost = 0
		if model.ended:
			_models.erase(model.key)
	memory.clear()
	dropped.clear()
	models_changed.emit()


## A message without its prefix. Returns whether it was taken.
func receive(session: int, message: String, data: Array) -> bool:
	if not _running.get(session, false):
		return _drop("late")
	if _is_flood():
		return _drop("flood")
	var taken: bool = false
	match message:
		"hello":
			taken = _on_hello(data)
		"model":
			taken = _on_model(session, data)
		"calls":
			taken = _on_calls(session, data)
		"memory":
			taken = _on_memory(session, data)
		"trace":
			taken = _on_trace(session, data)
		"inputs":
			taken = _on_inputs(session, data)
		"gone":
			taken = _on_gone(session, data)
		_:
			taken = _drop("malformed")
	return taken


func _on_hello(data: Array) -> bool:
	if data.size() != 2 or not data[0] is int or not _is_time(data[1]):
		return _drop("malformed")
	if data[0] != Protocol.VERSION:
		return _drop("version")
	frame_budget_us = maxf(float(data[1]), 100.0)
	return true


func _on_model(session: int, data: Array) -> bool:
	if data.size() != 2 or not data[0] is int or not data[1] is Dictionary:
		return _drop("malformed")
	var about: Dictionary = data[1]
	var methods: Variant = about.get("methods")
	if not about.get("name") is String or not about.get("path") is String or not methods is PackedStringArray:
		return _drop("malformed")
	var model: LiveModel = _find(session, data[0] as int)
	if model == null:
		if not _make_room():
			return _drop("flood")
		model = LiveModel.new()
		model.key = _next_key
		model.session = session
		model.id = data[0]
		_models[_next_key] = model
		_next_key += 1
	model.name = (about["name"] as String).left(128)
	model.path = (about["path"] as String).left(512)
	model.methods = (methods as PackedStringArray).slice(0, 256)
	models_changed.emit()
	return true


func _on_calls(session: int, data: Array) -> bool:
	if data.size() != 3 or not _is_time(data[0]) or not data[1] is int or not data[2] is Array:
		return _drop("malformed")
	var entries: Array = data[2]
	for entry: Variant in entries:
		if not entry is Array or not _is_calls_entry(entry as Array):
			return _drop("malformed")
	if not paused:
		_now_us[session] = float(data[0])
	var is_known: bool = true
	for entry: Array in entries:
		var model: LiveModel = _find(session, entry[0] as int)
		if model == null:
			# One that found no room must not silence the others, which come in the same message.
			is_known = _drop("flood" if _models.size() >= Protocol.MOST_MODELS else "malformed")
			continue
		if paused:
			_let_pass(model, entry[1] as PackedFloat64Array)
			continue
		model.queue_depth = entry[2]
		_take_calls(model, entry[1] as PackedFloat64Array)
	return is_known


func _is_calls_entry(entry: Array) -> bool:
	if entry.size() != 3 or not entry[0] is int or not entry[1] is PackedFloat64Array or not entry[2] is int:
		return false
	var calls: PackedFloat64Array = entry[1]
	if calls.size() % Protocol.LOG_STRIDE != 0 or calls.size() > Protocol.LOG_STRIDE * Protocol.LOG_CAPACITY:
		return false
	for place: int in range(0, calls.size(), Protocol.LOG_STRIDE):
		if not _is_time(calls[place]) or not _is_time(calls[place + 1]) or not _is_time(calls[place + 2]):
			return false
		if calls[place + 2] > LONGEST_US:
			return false
	return true


func _take_calls(model: LiveModel, calls: PackedFloat64Array) -> void:
	for place: int in range(0, calls.size(), Protocol.LOG_STRIDE):
		var sequence: int = int(calls[place])
		if sequence <= model.last_sequence:
			_drop("late")
			continue
		model.lost += sequence - model.last_sequence - 1
		model.last_sequence = sequence
		if calls[place + 4] != 0.0:
			model.errors += 1
			continue
		model.add_call(sequence, calls[place + 1], calls[place + 2])


## What passes by while the view is paused did arrive: it is not lost.
func _let_pass(model: LiveModel, calls: PackedFloat64Array) -> void:
	if not calls.is_empty():
		model.last_sequence = maxi(model.last_sequence, int(calls[calls.size() - Protocol.LOG_STRIDE]))


func _on_memory(session: int, data: Array) -> bool:
	if data.size() != 2 or not _is_time(data[0]) or not data[1] is Array:
		return _drop("malformed")
	for entry: Variant in data[1] as Array:
		if not entry is Array or (entry as Array).size() != 2:
			return _drop("malformed")
		if not (entry as Array)[0] is int or not (entry as Array)[1] is Dictionary:
			return _drop("malformed")
	if paused:
		return true
	for entry: Array in data[1] as Array:
		var model: LiveModel = _find(session, entry[0] as int)
		if model != null:
			model.memory = entry[1]
	var bytes: Dictionary[int, int] = {}
	for model: LiveModel in models():
		if not model.ended:
			bytes[model.key] = model.memory_bytes()
	var latest: float = memory.times[-1] if not memory.times.is_empty() else 0.0
	memory.record(maxf(float(data[0]), latest), bytes)
	return true


func _on_trace(session: int, data: Array) -> bool:
	if data.size() != 2 or not data[0] is int or not data[1] is Dictionary:
		return _drop("malformed")
	var model: LiveModel = _find(session, data[0] as int)
	var trace: CallTrace = CallTrace.from_call(data[1] as Dictionary)
	if model == null or trace == null:
		return _drop("malformed")
	model.add_trace(trace)
	trace_received.emit(model, trace)
	return true


func _on_inputs(session: int, data: Array) -> bool:
	if data.size() != 3 or not data[0] is int or not data[1] is int or not data[2] is Array:
		return _drop("malformed")
	var model: LiveModel = _find(session, data[0] as int)
	if model == null or model.recording == null:
		return _drop("late" if model != null else "malformed")
	for entry: Variant in data[2] as Array:
		if not entry is Dictionary or not model.recording.add(entry as Dictionary):
			return _drop("malformed")
	model.recording.left_out += clampi(data[1] as int, 0, 1_000_000)
	inputs_received.emit(model)
	return true


func _on_gone(session: int, data: Array) -> bool:
	var model: LiveModel = null
	if data.size() == 1 and data[0] is int:
		model = _find(session, data[0] as int)
	if model == null:
		return _drop("malformed")
	model.ended = true
	models_changed.emit()
	return true


## Forgets the models that ended first, when there are too many; false when so many still run.
func _make_room() -> bool:
	for key: int in _models.keys():
		if _models.size() >= Protocol.MOST_MODELS and _models[key].ended:
			_models.erase(key)
			memory.forget(key)
	return _models.size() < Protocol.MOST_MODELS


func _find(session: int, id: int) -> LiveModel:
	for model: LiveModel in _models.values():
		if model.session == session and model.id == id and not model.ended:
			return model
	return null


func _is_flood() -> bool:
	@warning_ignore("integer_division")
	var second: int = Time.get_ticks_msec() / 1000
	if second != _second:
		_second = second
		_in_second = 0
	_in_second += 1
	return _in_second > MOST_MESSAGES_A_SECOND


func _drop(reason: String) -> bool:
	dropped[reason] = dropped.get(reason, 0) + 1
	return false


static func _is_time(value: Variant) -> bool:
	if not value is float and not value is int:
		return false
	var number: float = float(value)
	return is_finite(number) and number >= 0.0 and number < LATEST_US
