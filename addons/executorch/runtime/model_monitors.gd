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

static var _names: Dictionary = {}


## Shows a session that has just got its model. Any thread.
static func add(session: ExecuTorchRuntime) -> void:
	if not Engine.is_editor_hint() and OS.is_debug_build() and ProjectSettings.get_setting(SETTING, true):
		_on_main_thread(_add.bind(session.get_instance_id(), weakref(session)))


## Takes a session's figures away. Any thread.
static func remove(session_id: int) -> void:
	_on_main_thread(_remove.bind(session_id))


## Godot's Performance has no lock of its own: the main thread reads it, and changes it here.
static func _on_main_thread(work: Callable) -> void:
	if OS.get_thread_caller_id() == OS.get_main_thread_id():
		work.call()
	else:
		work.call_deferred()


static func _add(session_id: int, held: WeakRef) -> void:
	_remove(session_id)
	var session: ExecuTorchRuntime = held.get_ref() as ExecuTorchRuntime
	# It may have lost its model again before the main thread came to this.
	if session == null or session.get_native_module() == null:
		return
	var title: String = session.get_model_name() if not session.get_model_name().is_empty() else "model"
	var unique: String = title
	var number: int = 2
	while Performance.has_custom_monitor("executorch/%s/inferences" % unique):
		unique = "%s (%d)" % [title, number]
		number += 1
	_names[session_id] = unique
	for figure: String in FIGURES:
		var source: Array = FIGURES[figure]
		var monitor: String = "executorch/%s/%s" % [unique, figure]
		Performance.add_custom_monitor(monitor, _read.bind(held, source[0], source[1]))


static func _remove(session_id: int) -> void:
	if _names.has(session_id):
		for figure: String in FIGURES:
			Performance.remove_custom_monitor("executorch/%s/%s" % [_names[session_id], figure])
		_names.erase(session_id)


static func _read(session_reference: WeakRef, figure: String, factor: float) -> float:
	var session: ExecuTorchRuntime = session_reference.get_ref() as ExecuTorchRuntime
	return float(session.get_statistics().get(figure, 0.0)) * factor if session != null else 0.0
