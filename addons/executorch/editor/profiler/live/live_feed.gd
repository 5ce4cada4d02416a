@tool
extends RefCounted
## The messages of the running games: checks every message and keeps the valid ones. A message that is malformed, late,
## too much or cut short is dropped and counted; nothing that a game sends can raise an error here.

## A model appeared, ended or was renamed.
signal models_changed
## Inputs of a model's calls arrived.
signal inputs_received(model: LiveModel)
## A trace arrived.
signal trace_received(model: LiveModel, trace: CallTrace)

const Protocol := preload("res://addons/executorch/runtime/telemetry/telemetry_protocol.gd")
const LiveModel := preload("res://addons/executorch/editor/profiler/live/live_model.gd")
const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const MemoryHistory := preload("res://addons/executorch/editor/profiler/live/memory_history.gd")
## A game sends about 20 messages a second, and one for each model that begins or ends; more are dropped.
const MOST_MESSAGES_A_SECOND: int = 1000
## The most sessions of one model; calls of more are counted as dropped.
const MOST_SESSIONS: int = 10_000
const LONGEST_US: float = 1e10
const LATEST_US: float = 1e15
## The key of all models together.
const ALL: int = -1

## Dropped messages by reason: malformed, late, flood, version.
var dropped: Dictionary[String, int] = {}
var memory: MemoryHistory = MemoryHistory.new()
## While true, calls and memory are ignored.
var paused: bool = false
var frame_budget_us: float = 1e6 / 60.0

var _models: Dictionary[int, LiveModel] = {}
## Debugger session and the game's number of a model's session -> the model.
var _by_id: Dictionary[Vector2i, LiveModel] = {}
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


## A game was started: the data of the game before it in this session is dropped.
func begin_session(session: int) -> void:
	_running[session] = true
	for key: int in _models.keys():
		if _models[key].session == session or _models[key].ended:
			_models.erase(key)
	for place: Vector2i in _by_id.keys():
		if not _models.has(_by_id[place].key):
			_by_id.erase(place)
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
			model.sessions.clear()
	models_changed.emit()


func clear() -> void:
	for model: LiveModel in models():
		model.statistics.clear()
		model.traces.clear()
		model.stages = [0, 0, 0, 0]
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
		"stages":
			taken = _on_stages(session, data)
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
	var id: int = data[0]
	var path: String = (about["path"] as String).left(512)
	var model: LiveModel = _find(session, id)
	if model == null:
		model = _find_model(session, path)
	if model == null:
		if not _make_room():
			return _drop("flood")
		model = LiveModel.new()
		model.key = _next_key
		model.session = session
		_models[_next_key] = model
		_next_key += 1
	if model.sessions.size() >= MOST_SESSIONS and not model.sessions.has(id):
		return _drop("flood")
	model.add_session(id)
	_by_id[Vector2i(session, id)] = model
	model.name = (about["name"] as String).left(128)
	model.path = path
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
	var taken: Dictionary[LiveModel, Array] = {}
	for entry: Array in entries:
		var model: LiveModel = _find(session, entry[0] as int)
		if model == null:
			# A model beyond the limit must not silence the others, which come in the same message.
			is_known = _drop("flood" if _models.size() >= Protocol.MOST_MODELS else "malformed")
			continue
		var one: LiveModel.OneSession = model.sessions[entry[0] as int]
		if paused:
			_let_pass(one, entry[1] as PackedFloat64Array)
			continue
		one.queue_depth = entry[2]
		if not taken.has(model):
			taken[model] = []
		_take_calls(model, entry[0] as int, entry[1] as PackedFloat64Array, taken[model] as Array)
	for model: LiveModel in taken:
		_add_in_order(model, taken[model] as Array)
	return is_known


## The sessions of a model took turns: their calls are added as they began.
func _add_in_order(model: LiveModel, taken: Array) -> void:
	if model.sessions.size() > 1:
		taken.sort_custom(func(one: Array, other: Array) -> bool: return one[1] < other[1])
	for of_call: Array in taken:
		model.add_call(of_call[0] as int, of_call[1] as float, of_call[2] as float)


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


func _take_calls(model: LiveModel, id: int, calls: PackedFloat64Array, taken: Array) -> void:
	var one: LiveModel.OneSession = model.sessions[id]
	for place: int in range(0, calls.size(), Protocol.LOG_STRIDE):
		var sequence: int = int(calls[place])
		if sequence <= one.last_sequence:
			_drop("late")
			continue
		model.lost += sequence - one.last_sequence - 1
		one.last_sequence = sequence
		if calls[place + 4] != 0.0:
			model.errors += 1
			continue
		# Only the session that is asked for traces has calls that can be found again.
		taken.append([sequence if id == model.id else 0, calls[place + 1], calls[place + 2]])


## Messages that are ignored while the view is paused do not count as lost.
func _let_pass(one: LiveModel.OneSession, calls: PackedFloat64Array) -> void:
	if not calls.is_empty():
		one.last_sequence = maxi(one.last_sequence, int(calls[calls.size() - Protocol.LOG_STRIDE]))


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
			model.set_memory(entry[0] as int, entry[1] as Dictionary)
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


func _on_stages(session: int, data: Array) -> bool:
	var are_numbers: bool = data.all(func(value: Variant) -> bool: return value is int and value >= 0)
	var model: LiveModel = _find(session, data[0] as int) if data.size() == 5 and are_numbers else null
	if model == null:
		return _drop("malformed")
	for index: int in 4 if not paused else 0:
		model.stages[index] = mini(model.stages[index] + mini(data[index + 1] as int, int(LONGEST_US)), int(LATEST_US))
	return true


func _on_gone(session: int, data: Array) -> bool:
	var model: LiveModel = null
	if data.size() == 1 and data[0] is int:
		model = _find(session, data[0] as int)
	if model == null:
		return _drop("malformed")
	model.remove_session(data[0] as int)
	_by_id.erase(Vector2i(session, data[0] as int))
	models_changed.emit()
	return true


## Forgets the models that ended first, when there are too many; false when so many still run.
func _make_room() -> bool:
	for key: int in _models.keys():
		if _models.size() >= Protocol.MOST_MODELS and _models[key].ended:
			_models.erase(key)
			memory.forget(key)
	return _models.size() < Protocol.MOST_MODELS


## The model of a session by the game's number of it; null when it is not known, or gone.
func _find(session: int, id: int) -> LiveModel:
	var model: LiveModel = _by_id.get(Vector2i(session, id))
	return model if model != null and _models.has(model.key) and not model.ended else null


## The model that a game loaded from a path, also after its sessions ended.
func _find_model(session: int, path: String) -> LiveModel:
	for model: LiveModel in _models.values():
		if model.session == session and model.path == path and not path.is_empty():
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
