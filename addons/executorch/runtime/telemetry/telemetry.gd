class_name ExecuTorchTelemetry
extends RefCounted
## Tells the editor's profiler which models a game runs, how long each call took and what memory they hold. Nothing
## to set up: sessions register themselves when a debugger is connected, which is never so in a release export. A
## call costs nothing here: the native module keeps a log that is drained a few times a second.

const Protocol := preload("res://addons/executorch/runtime/telemetry/telemetry_protocol.gd")
const BATCH_US: int = 66_000
const MEMORY_US: int = 500_000
const FAREWELL_MS: int = 40
const OFF: float = -1.0

static var _current: ExecuTorchTelemetry
static var _guard: Mutex = Mutex.new()

## Microseconds spent in this class since the start, and in how many batches: the profiler's own cost.
var spent_us: int = 0
var batches: int = 0

var _models: Dictionary[int, Watched] = {}
var _next_id: int = 1
var _last_batch_us: int = 0
var _last_memory_us: int = 0
var _frames: int = 0
## What the editor has asked for and was not done yet: [message, arguments].
var _requests: Array[Array] = []


## Watches an ExecuTorchRuntime that is loaded. Only weak references are kept. Any thread; does nothing when no
## debugger is connected or the session is watched already.
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


## The running telemetry, null when there is none.
static func get_current() -> ExecuTorchTelemetry:
	return _current


## Sends what has been collected now, without waiting for the next batch.
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
	for id: int in _models.keys():
		var other: Watched = _models[id]
		if other.module.get_ref() == module:
			if other.path == path and other.shown == shown and other.methods == methods:
				return
			_forget(id)
	var watched: Watched = Watched.new()
	watched.module = weakref(module)
	watched.session = weakref(session) if session != null else null
	watched.path = path
	watched.shown = shown
	watched.methods = methods
	module.call(&"set_call_log", Protocol.LOG_CAPACITY)
	_models[_next_id] = watched
	_next_id += 1


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
	var watched: Watched = _models[id]
	watched.described = true
	var shown: String = watched.shown if not watched.shown.is_empty() else "model %d" % id
	_send("model", [id, {"name": shown, "path": watched.path, "methods": watched.methods}])


func _forget_dead() -> void:
	for id: int in _models.keys():
		var module: RefCounted = _models[id].module.get_ref()
		if module == null or not module.call(&"is_loaded"):
			_forget(id)


func _forget(id: int) -> void:
	if _models[id].described:
		_send("gone", [id])
	_models.erase(id)


func _send_calls(now_us: int) -> void:
	var entries: Array = []
	for id: int in _models:
		var watched: Watched = _models[id]
		var module: RefCounted = watched.module.get_ref()
		if module == null:
			continue
		var calls: PackedFloat64Array = module.call(&"take_call_log")
		var waiting: int = watched.waiting()
		if calls.is_empty() and (waiting == watched.last_waiting or not watched.described):
			continue
		if not watched.described:
			_send_model(id)
		watched.last_waiting = waiting
		var longest: float = 0.0
		for place: int in range(0, calls.size(), Protocol.LOG_STRIDE):
			# The log counts back from now; the editor wants the game's clock.
			calls[place + 1] = now_us - calls[place + 1]
			longest = maxf(longest, calls[place + 2])
		entries.append([id, calls, waiting])
		if watched.to_record > 0:
			_send_inputs(id, watched, module)
		if watched.threshold_us >= 0.0 and longest > watched.threshold_us:
			_send_traces(id, watched, module)
	_send("calls", [now_us, _frames, entries])


func _send_traces(id: int, watched: Watched, module: RefCounted) -> void:
	var profile: Dictionary = module.call(&"get_profile")
	for traced: Dictionary in profile.get("calls", []):
		var sequence: int = traced.get("sequence", 0)
		var wall_us: float = traced.get("wall_us", 0.0)
		if sequence <= watched.last_traced or wall_us < watched.threshold_us:
			continue
		watched.last_traced = sequence
		_send("trace", [id, traced])
		if watched.threshold_us == 0.0:
			_set_tracing(watched, OFF)
			return


func _send_inputs(id: int, watched: Watched, module: RefCounted) -> void:
	var entries: Array = []
	var bytes: int = 0
	var too_large: int = 0
	for entry: Dictionary in module.call(&"take_recorded_inputs"):
		watched.to_record -= 1
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
		var module: RefCounted = _models[id].module.get_ref()
		if module != null and _models[id].described:
			entries.append([id, module.call(&"get_memory_info")])
	_send("memory", [now_us, entries])


func _send(message: String, data: Array) -> void:
	EngineDebugger.send_message("%s:%s" % [Protocol.PREFIX, message], data)


## The editor asks for something. It is done before the next frame, not here: Godot looks for messages between any two
## lines of a script, also of this one, so that of those that arrive together the last is heard first.
func _on_message(message: String, data: Array) -> bool:
	_requests.append([message, data])
	return true


## In the order in which the editor asked; what is malformed is ignored.
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
			_set_tracing(_models[arguments[1]], float(arguments[2]))
		elif _models.has(arguments[1]) and request[0] == "record":
			_record(_models[arguments[1]], int(arguments[2]))
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


func _set_tracing(watched: Watched, threshold_us: float) -> void:
	var module: RefCounted = watched.module.get_ref()
	watched.threshold_us = threshold_us
	if module != null:
		module.call(&"enable_profiling", threshold_us >= 0.0)


func _record(watched: Watched, calls: int) -> void:
	var module: RefCounted = watched.module.get_ref()
	watched.to_record = maxi(calls, 0)
	if module != null:
		module.call(&"record_inputs", watched.to_record)


## A model that is watched.
class Watched:
	extends RefCounted
	var module: WeakRef
	var session: WeakRef
	var path: String = ""
	var shown: String = ""
	var methods: PackedStringArray = []
	var described: bool = false
	var last_waiting: int = 0
	var last_traced: int = 0
	var threshold_us: float = -1.0
	var to_record: int = 0

	## Asynchronous calls that wait.
	func waiting() -> int:
		var owner: RefCounted = session.get_ref() if session != null else null
		return int(owner.call(&"get_queue_depth")) if owner != null and owner.has_method(&"get_queue_depth") else 0
