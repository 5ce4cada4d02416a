@tool
extends RefCounted
## Figures of every loaded model in Godot's Performance monitors: `executorch/<model>/...`, summed over its sessions.
## Only in debug builds.

const Settings := preload("../library/project_settings.gd")
const FIGURES: PackedStringArray = ["inferences", "mean ms", "p99 ms", "last ms"]
## The editor reads each monitor once a second; the numbers of the sessions are read once for all of them.
const LIFETIME_MSEC: int = 200

# Model (its file, else its name) -> its monitors. Main thread only.
static var _shown: Dictionary[String, Model] = {}
# Session id to model. Main thread only.
static var _models: Dictionary[int, String] = {}


## Shows a session that has just got its model. Any thread.
static func add(session: RefCounted) -> void:
	if Settings.read(Settings.MONITORS):
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
	var path: String = session.get_resource_path()
	var key: String = path if not path.is_empty() else session.get_model_name()
	_models[session_id] = key
	if not _shown.has(key):
		_show(key, session.get_model_name())
	_shown[key].sessions[session_id] = held


static func _show(key: String, model_name: String) -> void:
	var title: String = model_name if not model_name.is_empty() else "model"
	var model: Model = Model.new()
	model.title = title
	var number: int = 2
	while Performance.has_custom_monitor("executorch/%s/%s" % [model.title, FIGURES[0]]):
		model.title = "%s (%d)" % [title, number]
		number += 1
	_shown[key] = model
	for figure: String in FIGURES:
		Performance.add_custom_monitor("executorch/%s/%s" % [model.title, figure], model.read.bind(figure))


static func _remove(session_id: int) -> void:
	if not _models.has(session_id):
		return
	var key: String = _models[session_id]
	_models.erase(session_id)
	var model: Model = _shown[key]
	model.sessions.erase(session_id)
	if model.sessions.is_empty():
		_shown.erase(key)
		for figure: String in FIGURES:
			Performance.remove_custom_monitor("executorch/%s/%s" % [model.title, figure])


## The sessions of one model.
class Model:
	extends RefCounted
	var title: String = ""
	var sessions: Dictionary[int, WeakRef] = {}
	var _sums: Dictionary = {}
	var _summed: int = -LIFETIME_MSEC

	## Calls are added up, their mean is that of all calls; of the others the longest is shown.
	func read(figure: String) -> float:
		if Time.get_ticks_msec() - _summed >= LIFETIME_MSEC:
			_sum_up()
		return _sums[figure]

	func _sum_up() -> void:
		var count: float = 0.0
		var total_us: float = 0.0
		var p99_us: float = 0.0
		var last_us: float = 0.0
		for held: WeakRef in sessions.values():
			var session: ExecuTorchRuntime = held.get_ref() as ExecuTorchRuntime
			var statistics: Dictionary = session.get_statistics() if session != null else {}
			var calls: float = statistics.get("count", 0.0)
			count += calls
			total_us += calls * float(statistics.get("mean_us", 0.0))
			p99_us = maxf(p99_us, float(statistics.get("p99_us", 0.0)))
			last_us = maxf(last_us, float(statistics.get("last_us", 0.0)))
		_summed = Time.get_ticks_msec()
		_sums = {
			"inferences": count,
			"mean ms": total_us / maxf(count, 1.0) * 0.001,
			"p99 ms": p99_us * 0.001,
			"last ms": last_us * 0.001,
		}
