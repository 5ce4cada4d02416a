class_name ProfilerGame
extends SceneTree
## Four models, one call of each a frame at 60 frames a second: `-- MODEL sessions|modules SECONDS`. Sessions are the
## addon's, which report to the profiler when a debugger is connected; modules are the native class alone.
## Prints one line `bench: {json}`.

const MODELS: int = 4
## Not by its class's name, which would load it.
const TELEMETRY: String = "res://addons/executorch/runtime/telemetry/telemetry.gd"

var _sessions: Array[ExecuTorchRuntime] = []
var _modules: Array[RefCounted] = []
var _arguments: PackedStringArray = []
var _begin_us: int = 0
var _main_thread_us: float = 0.0
var _processor_us: float = 0.0
var _frames: int = 0


func _initialize() -> void:
	Engine.max_fps = 60
	_arguments = OS.get_cmdline_user_args()
	for index: int in MODELS:
		_modules.append(_session_module() if _arguments[1] == "sessions" else _bare_module())
		_modules[index].call(&"forward_packed", PackedFloat32Array([1.0]))


func _process(_delta: float) -> bool:
	_frames += 1
	# The first second is start-up.
	if _frames == 60:
		_begin_us = Time.get_ticks_usec()
		_main_thread_us = _run_time("/proc/thread-self/schedstat")
		_processor_us = _all_threads()
		if _telemetry() != null:
			_telemetry().set(&"spent_us", 0)
	for module: RefCounted in _modules:
		module.call(&"forward_packed", PackedFloat32Array([2.0]))
	if _frames > 60 and Time.get_ticks_usec() - _begin_us > _arguments[2].to_float() * 1e6:
		_tell()
		return true
	return false


func _session_module() -> RefCounted:
	var session: ExecuTorchRuntime = ExecuTorchRuntime.new()
	session.load_model_from_file(_arguments[0])
	_sessions.append(session)
	return session.get_native_module()


func _bare_module() -> RefCounted:
	var module: RefCounted = ClassDB.instantiate(&"ExecuTorchModule")
	module.call(&"load_from_file", _arguments[0], {})
	return module


## The running telemetry, null when there is none.
func _telemetry() -> RefCounted:
	if not ResourceLoader.has_cached(TELEMETRY):
		return null
	return (load(TELEMETRY) as GDScript).call(&"get_current")


func _tell() -> void:
	var telemetry: RefCounted = _telemetry()
	var frames: int = _frames - 60
	print(
		"bench: ",
		(
			JSON
			. stringify(
				{
					"frames": frames,
					"calls": frames * MODELS,
					"loaded": ResourceLoader.has_cached(TELEMETRY),
					"started": telemetry != null,
					"spent_us": telemetry.get(&"spent_us") if telemetry != null else 0,
					"main_thread_us": (_run_time("/proc/thread-self/schedstat") - _main_thread_us) / frames,
					"processor_us": (_all_threads() - _processor_us) / frames,
				}
			)
		)
	)


func _all_threads() -> float:
	var sum: float = 0.0
	for thread: String in DirAccess.get_directories_at("/proc/self/task"):
		sum += _run_time("/proc/self/task/%s/schedstat" % thread)
	return sum


## Microseconds that a thread has run (Linux; 0 elsewhere).
func _run_time(path: String) -> float:
	var file: FileAccess = FileAccess.open(path, FileAccess.READ)
	return file.get_line().get_slice(" ", 0).to_float() / 1000.0 if file != null else 0.0
