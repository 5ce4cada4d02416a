@tool
extends RefCounted
## Figures of every loaded model in Godot's Performance monitors: `executorch/<model>/...`. Only in debug builds.

const SETTING: String = "executorch/runtime/monitors"
const FIGURES: Dictionary = {
	"inferences": ["count", 1.0],
	"mean ms": ["mean_us", 0.001],
	"p99 ms": ["p99_us", 0.001],
	"last ms": ["last_us", 0.001]
}

static var _lock: Mutex = Mutex.new()
static var _names: Dictionary = {}


## Shows a session that has just got its model.
static func add(session: ExecuTorchRuntime) -> void:
	if Engine.is_editor_hint() or not OS.is_debug_build() or not ProjectSettings.get_setting(SETTING, true):
		return
	remove(session.get_instance_id())
	_lock.lock()
	var title: String = session.get_model_name() if not session.get_model_name().is_empty() else "model"
	var unique: String = title
	var number: int = 2
	while Performance.has_custom_monitor("executorch/%s/inferences" % unique):
		unique = "%s (%d)" % [title, number]
		number += 1
	_names[session.get_instance_id()] = unique
	for figure: String in FIGURES:
		var source: Array = FIGURES[figure]
		var monitor: String = "executorch/%s/%s" % [unique, figure]
		Performance.add_custom_monitor(monitor, _read.bind(weakref(session), source[0], source[1]))
	_lock.unlock()


## Takes a session's figures away.
static func remove(session_id: int) -> void:
	_lock.lock()
	if _names.has(session_id):
		for figure: String in FIGURES:
			Performance.remove_custom_monitor("executorch/%s/%s" % [_names[session_id], figure])
		_names.erase(session_id)
	_lock.unlock()


static func _read(session_reference: WeakRef, figure: String, factor: float) -> float:
	var session: ExecuTorchRuntime = session_reference.get_ref() as ExecuTorchRuntime
	return float(session.get_statistics().get(figure, 0.0)) * factor if session != null else 0.0
