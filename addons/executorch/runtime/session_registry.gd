@tool
extends RefCounted
## The sessions of the process that have a model, also the default sessions of resources. Does not use their class. Any
## thread.

## The parts of a task that a node computes itself.
enum Stage { PREPARATION, DECODING }

## Parts that an export may lack: they watch sessions in a game that an editor runs, or in a debug build.
const _LIVE_RELOAD: String = "res://addons/executorch/runtime/loading/live_reload.gd"
const _TELEMETRY: String = "res://addons/executorch/runtime/telemetry/telemetry.gd"
const _MONITORS: String = "res://addons/executorch/runtime/telemetry/model_monitors.gd"

static var _lock: Mutex = Mutex.new()
# Instance id to WeakRef.
static var _sessions: Dictionary[int, WeakRef] = {}
static var _has_monitors: bool = false


## Adds a session that has just got its model.
static func add(session: RefCounted) -> void:
	_lock.lock()
	_sessions[session.get_instance_id()] = weakref(session)
	_lock.unlock()
	if EngineDebugger.is_active() and ResourceLoader.exists(_TELEMETRY):
		(load(_TELEMETRY) as GDScript).call(&"watch", session)
		(load(_LIVE_RELOAD) as GDScript).call(&"start")
	if OS.is_debug_build() and not Engine.is_editor_hint() and ResourceLoader.exists(_MONITORS):
		_has_monitors = true
		(load(_MONITORS) as GDScript).call(&"add", session)


## Reports to the profiler how long a node computed a part of its task.
static func add_task_time(module: RefCounted, usec: int, stage: Stage) -> void:
	if EngineDebugger.is_active() and ResourceLoader.exists(_TELEMETRY):
		(load(_TELEMETRY) as GDScript).call(&"add_task_time", module, usec, stage)


## Forgets a session that has lost its model.
static func remove(session_id: int) -> void:
	_lock.lock()
	_sessions.erase(session_id)
	_lock.unlock()
	if _has_monitors:
		(load(_MONITORS) as GDScript).call(&"remove", session_id)


static func get_living() -> Array[RefCounted]:
	var living: Array[RefCounted] = []
	_lock.lock()
	for held: WeakRef in _sessions.values():
		var session: RefCounted = held.get_ref() as RefCounted
		if session != null:
			living.append(session)
	_lock.unlock()
	return living
