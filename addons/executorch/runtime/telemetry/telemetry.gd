extends RefCounted
## Reports to the editor's profiler which models a game runs, how long each call took and how much memory they use. The
## sessions of one model are one model here. There is nothing to set up: sessions register themselves when a debugger is
## connected, which is never so in a release export. A call costs nothing: the native module keeps a log that is read a
## few times a second.

const Protocol := preload("telemetry_protocol.gd")
const Telemetry := preload("telemetry.gd")
const WatchedModel := preload("watched_model.gd")
const BATCH_US: int = 66_000
const MEMORY_US: int = 500_000
const FAREWELL_MS: int = 40
## Logs in one message: Godot's debugger connection does not accept messages of 8 MiB.
const MOST_ENTRIES: int = 12
const NO_STAGES: PackedInt64Array = [0, 0, 0, 0]

static var _current: Telemetry
static var _guard: Mutex = Mutex.new()

## Microseconds spent in this class since the start, and in how many batches: the profiler's own cost.
var spent_us: int = 0
var batches: int = 0

var _models: Dictionary[int, WatchedModel] = {}
# The key of a model -> its number.
var _ids: Dictionary[Array, int] = {}
# Instance of a native module to the number of its model.
var _of_modules: Dictionary[int, int] = {}
var _next_id: int = 1
var _last_batch_us: int = 0
var _last_memory_us: int = 0
var _frames: int = 0
## Requests of the editor that were not done yet: [message, arguments].
var _requests: Array[Array] = []


## Watches an ExecuTorchRuntime that is loaded. Only weak references are kept. Any thread; does nothing when no debugger
## is connected or the session is watched already.
static func watch(session: RefCounted) -> void:
	if EngineDebugger.is_active():
		var path: String = session.call(&"get_resource_path")
		var shown: String = session.call(&"get_model_name")
		watch_module(session.call(&"get_native_module") as RefCounted, shown, path, session)


## Watches a native module that has no session around it. The editor hears of it with its first call.
static func watch_module(module: RefCounted, shown: String, path: String = "", session: RefCounted = null) -> void:
	if module == null or not EngineDebugger.is_active():
		return
	_guard.lock()
	if _current == null:
		_current = new()
		_current._attach.call_deferred()
	_current._add(module, shown, path, session)
	_guard.unlock()


## Adds the time of a part of a task to the model's sums. Does nothing without a debugger.
static func add_task_time(module: RefCounted, usec: int, stage: int) -> void:
	if _current == null or module == null:
		return
	_guard.lock()
	var model: WatchedModel = _current._models.get(_current._of_modules.get(module.get_instance_id(), 0))
	if model != null:
		model.stages[2 * stage] += 1
		model.stages[2 * stage + 1] += usec
	_guard.unlock()


## The running telemetry, null when there is none.
static func get_current() -> Telemetry:
	return _current


## Sends the collected messages now, without waiting for the next batch.
func flush() -> void:
	var begin: int = Time.get_ticks_usec()
	_guard.lock()
	_forget_dead()
	_send_calls(begin)
	if begin - _last_memory_us >= MEMORY_US:
		_last_memory_us = begin
		_send_memory(begin)
	_guard.unlock()
	_last_batch_us = begin
	_frames = 0
	batches += 1
	spent_us += Time.get_ticks_usec() - begin


func _attach() -> void:
	var tree: SceneTree = Engine.get_main_loop() as SceneTree
	if tree == null:
		return
	if not EngineDebugger.has_capture(Protocol.PREFIX):
		EngineDebugger.register_message_capture(Protocol.PREFIX, _on_message)
	_describe()
	tree.process_frame.connect(_on_frame)
	tree.root.tree_exiting.connect(_on_ending)


func _on_frame() -> void:
	_frames += 1
	if not _requests.is_empty():
		_do_requests()
	if Time.get_ticks_usec() - _last_batch_us >= BATCH_US:
		flush()


func _on_ending() -> void:
	flush()
	# The connection sends from a thread of its own, about every 7 ms, and does not empty its queue when the game ends.
	OS.delay_msec(FAREWELL_MS)
	EngineDebugger.unregister_message_capture(Protocol.PREFIX)


func _add(module: RefCounted, shown: String, path: String, session: RefCounted) -> void:
	var methods: PackedStringArray = module.call(&"get_method_names")
	var known: Array = [path, shown, methods]
	var module_id: int = module.get_instance_id()
	var former: int = _of_modules.get(module_id, 0)
	if former != 0 and former == _ids.get(known, 0) and _models[former].has_module(module):
		return
	if former != 0:
		_models[former].remove(module_id)
		_forget_if_empty(former)
	if not _ids.has(known):
		var made: WatchedModel = WatchedModel.new()
		made.known = known
		made.path = path
		made.shown = shown if not shown.is_empty() else "model %d" % _next_id
		made.methods = methods
		_models[_next_id] = made
		_ids[known] = _next_id
		_next_id += 1
	var id: int = _ids[known]
	_of_modules[module_id] = id
	_models[id].add(module, session)


func _describe() -> void:
	_guard.lock()
	_send("hello", [Protocol.VERSION, _frame_budget_us()])
	for id: int in _models:
		if _models[id].described:
			_send_model(id)
	_guard.unlock()


func _frame_budget_us() -> float:
	var rate: float = Engine.max_fps
	if rate <= 0.0:
		rate = DisplayServer.screen_get_refresh_rate()
	return 1e6 / (rate if rate > 1.0 else 60.0)


func _send_model(id: int) -> void:
	var model: WatchedModel = _models[id]
	model.described = true
	_send("model", [id, {"name": model.shown, "path": model.path, "methods": model.methods}])


func _forget_dead() -> void:
	for id: int in _models.keys():
		for module_id: int in _models[id].remove_dead():
			_of_modules.erase(module_id)
		_forget_if_empty(id)


func _forget_if_empty(id: int) -> void:
	var model: WatchedModel = _models[id]
	if not model.is_empty():
		return
	if model.described:
		_send("gone", [id])
	_ids.erase(model.known)
	_models.erase(id)


func _send_calls(now_us: int) -> void:
	var entries: Array = []
	for id: int in _models:
		var model: WatchedModel = _models[id]
		var calls: PackedFloat64Array = model.take_calls(now_us)
		var waiting: int = model.get_waiting()
		if calls.is_empty() and (waiting == model.last_waiting or not model.described):
			continue
		if not model.described:
			_send_model(id)
		model.last_waiting = waiting
		if calls.is_empty():
			entries.append([id, calls, waiting])
		var most: int = Protocol.LOG_STRIDE * Protocol.LOG_CAPACITY
		for begin: int in range(0, calls.size(), most):
			entries.append([id, calls.slice(begin, begin + most), waiting])
		if model.to_record > 0:
			_send_inputs(id, model)
		if model.stages != NO_STAGES:
			_send("stages", [id, model.stages[0], model.stages[1], model.stages[2], model.stages[3]])
			model.stages = NO_STAGES.duplicate()
		for traced: Dictionary in model.take_traces():
			_send("trace", [id, traced])
	_send("calls", [now_us, _frames, entries.slice(0, MOST_ENTRIES)])
	for begin: int in range(MOST_ENTRIES, entries.size(), MOST_ENTRIES):
		_send("calls", [now_us, 0, entries.slice(begin, begin + MOST_ENTRIES)])


func _send_inputs(id: int, model: WatchedModel) -> void:
	var entries: Array = []
	var bytes: int = 0
	var too_large: int = 0
	for entry: Dictionary in model.take_recorded_inputs():
		var length: int = _bytes_of(entry["inputs"] as Array)
		if length > Protocol.MOST_MESSAGE_BYTES:
			too_large += 1
			continue
		if bytes + length > Protocol.MOST_MESSAGE_BYTES:
			_send("inputs", [id, 0, entries])
			entries = []
			bytes = 0
		entries.append(entry)
		bytes += length
	if not entries.is_empty() or too_large > 0:
		_send("inputs", [id, too_large, entries])


func _bytes_of(inputs: Array) -> int:
	var sum: int = 0
	for value: Variant in inputs:
		# The widest element has 8 bytes.
		sum += 8 * len((value as Dictionary)["data"]) if value is Dictionary else 8
	return sum


func _send_memory(now_us: int) -> void:
	var entries: Array = []
	for id: int in _models:
		if _models[id].described:
			entries.append([id, _models[id].get_memory_info()])
	_send("memory", [now_us, entries])


func _send(message: String, data: Array) -> void:
	EngineDebugger.send_message("%s:%s" % [Protocol.PREFIX, message], data)


## A request of the editor. It is done before the next frame, not here: Godot looks for messages between any two lines
## of a script, also of this one, so that of those that arrive together the last is heard first.
func _on_message(message: String, data: Array) -> bool:
	_requests.append([message, data])
	return true


## In the order of the requests; malformed ones are ignored.
func _do_requests() -> void:
	# Taken first: a message that comes while these are looked through must not be dropped with them.
	var taken: Array[Array] = _requests
	_requests = []
	var asked: Array[Array] = taken.filter(_is_request)
	asked.sort_custom(func(one: Array, other: Array) -> bool: return one[1][0] < other[1][0])
	_guard.lock()
	for request: Array in asked:
		var arguments: Array = request[1]
		if request[0] == "describe":
			_describe()
		elif _models.has(arguments[1]) and request[0] == "trace":
			_models[arguments[1]].trace(float(arguments[2]))
		elif _models.has(arguments[1]) and request[0] == "record":
			_models[arguments[1]].record(int(arguments[2]))
	_guard.unlock()


static func _is_request(request: Array) -> bool:
	var types: Array = (request[1] as Array).map(typeof)
	match request[0]:
		"describe":
			return types == [TYPE_INT]
		"trace":
			return types == [TYPE_INT, TYPE_INT, TYPE_FLOAT]
		"record":
			return types == [TYPE_INT, TYPE_INT, TYPE_INT]
	return false
