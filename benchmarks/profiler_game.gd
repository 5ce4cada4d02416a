extends SceneTree
## Four models, one call of each a frame at 60 frames a second, with or without telemetry.
## godot -s game.gd -- MODEL watch|bare SECONDS RESULT

const MODELS: int = 4

var _modules: Array[RefCounted] = []
var _arguments: PackedStringArray = []
var _begin_us: int = 0
var _processor_us: int = 0
var _frames: int = 0


func _initialize() -> void:
	Engine.max_fps = 60
	_arguments = OS.get_cmdline_user_args()
	for index: int in MODELS:
		var module: RefCounted = ClassDB.instantiate(&"ExecuTorchModule")
		module.call(&"load_from_file", _arguments[0], {})
		module.call(&"forward_packed", PackedFloat32Array([1.0]))
		_modules.append(module)
		if _arguments[1] == "watch":
			ExecuTorchTelemetry.watch_module(module, "model %d" % index)


func _process(_delta: float) -> bool:
	_frames += 1
	# The first second is start-up.
	if _frames == 60:
		_begin_us = Time.get_ticks_usec()
		_processor_us = _processor()
		if ExecuTorchTelemetry.get_current() != null:
			ExecuTorchTelemetry.get_current().spent_us = 0
	for module: RefCounted in _modules:
		module.call(&"forward_packed", PackedFloat32Array([2.0]))
	if _frames > 60 and Time.get_ticks_usec() - _begin_us > _arguments[2].to_float() * 1e6:
		_write()
		return true
	return false


func _write() -> void:
	var telemetry: ExecuTorchTelemetry = ExecuTorchTelemetry.get_current()
	var figures: Dictionary = {
		"frames": _frames - 60,
		"calls": (_frames - 60) * MODELS,
		"started": telemetry != null,
		"spent_us": telemetry.spent_us if telemetry != null else 0,
		"batches": telemetry.batches if telemetry != null else 0,
		"processor_us": _processor() - _processor_us,
	}
	var file: FileAccess = FileAccess.open(_arguments[3], FileAccess.WRITE)
	file.store_string(JSON.stringify(figures))
	file.close()


## Processor time of this process so far, microseconds (Linux; 0 elsewhere).
func _processor() -> int:
	var file: FileAccess = FileAccess.open("/proc/self/stat", FileAccess.READ)
	var fields: PackedStringArray = (
		file.get_line().get_slice(") ", 1).split(" ") if file != null else PackedStringArray()
	)
	return (fields[11].to_int() + fields[12].to_int()) * 10_000 if fields.size() > 12 else 0
