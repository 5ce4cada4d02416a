@tool
extends RefCounted
## The only script that uses the native library's classes by name. All others hold its objects as RefCounted.

const CLASS: StringName = &"ExecuTorchModule"
const POOL_CLASS: StringName = &"ExecuTorchMemoryPool"
const TOKENIZER_CLASS: StringName = &"ExecuTorchNativeTokenizer"
const AUDIO_CLASS: StringName = &"ExecuTorchNativeAudioIntake"
const VISION_CLASS: StringName = &"ExecuTorchNativeVision"
const Settings := preload("project_settings.gd")
const PACKED_WEIGHTS: String = "user://executorch_packed_weights"
const TRIED_FILES: String = "user://executorch_tried_files.txt"

static var _lock: Mutex = Mutex.new()
static var _prepared: bool = false
static var _statics: RefCounted
static var _pool: RefCounted


## Whether this platform has the native library.
static func is_available() -> bool:
	return ClassDB.class_exists(CLASS)


## A new ExecuTorchModule, or null where the library is missing.
static func create_module() -> RefCounted:
	if not is_available():
		return null
	_prepare_once()
	return ClassDB.instantiate(CLASS)


## An instance to call the library's static methods on, or null where the library is missing.
static func statics() -> RefCounted:
	if not is_available():
		return null
	_prepare_once()
	return _statics


## The memory pool that all models with the CUSTOM memory policy share.
static func shared_pool() -> RefCounted:
	_lock.lock()
	if _pool == null and ClassDB.class_exists(POOL_CLASS):
		_pool = ClassDB.instantiate(POOL_CLASS)
		var limit: int = Settings.read(Settings.POOL_LIMIT)
		if limit > 0:
			_pool.set_limit(limit)
	_lock.unlock()
	return _pool


## A new ExecuTorchNativeTokenizer, or null where the library is missing.
static func create_tokenizer() -> RefCounted:
	return ClassDB.instantiate(TOKENIZER_CLASS) if ClassDB.class_exists(TOKENIZER_CLASS) else null


## A new ExecuTorchNativeAudioIntake, or null where the library is missing.
static func create_audio_intake() -> RefCounted:
	return ClassDB.instantiate(AUDIO_CLASS) if ClassDB.class_exists(AUDIO_CLASS) else null


## An ExecuTorchNativeVision to call its static methods on, or null where the library is missing.
static func vision() -> RefCounted:
	return ClassDB.instantiate(VISION_CLASS) if ClassDB.class_exists(VISION_CLASS) else null


static func missing_error() -> ExecuTorchError:
	var platform: String = "%s %s" % [OS.get_name(), Engine.get_architecture_name()]
	return (
		ExecuTorchError
		. create(
			ExecuTorchError.Code.NATIVE_LIBRARY_MISSING,
			"The ExecuTorch library is not loaded on this platform (%s)." % platform,
			"Check that addons/executorch/executorch.gdextension names a library for it and that the library is there.",
		)
	)


## The settings that hold for the whole process are applied before the first model is made.
static func _prepare_once() -> void:
	if _prepared:
		return
	_lock.lock()
	if not _prepared:
		_statics = ClassDB.instantiate(CLASS)
		_statics.set_log_level(int(Settings.read(Settings.LOG_LEVEL)))
		_statics.keep_tried_files(ProjectSettings.globalize_path(TRIED_FILES))
		_keep_packed_weights()
		_statics.set_num_threads(int(Settings.read(Settings.NUM_THREADS)))
		for path: String in Settings.read(Settings.LIBRARIES) as PackedStringArray:
			_load_library(path)
		_prepared = true
	_lock.unlock()


static func _keep_packed_weights() -> void:
	var limit: int = Settings.read(Settings.PACKED_WEIGHTS_LIMIT)
	var folder: String = ProjectSettings.globalize_path(PACKED_WEIGHTS) if limit > 0 else ""
	_statics.keep_packed_weights(folder, Settings.read(Settings.PACKED_WEIGHTS_LEAST), limit)


static func _load_library(path: String) -> void:
	# In an export, a library is beside the program, as the extension's own libraries are.
	var place: String = ProjectSettings.globalize_path(path)
	if not place.is_absolute_path() or not FileAccess.file_exists(place):
		place = OS.get_executable_path().get_base_dir().path_join(path.get_file())
	if _statics.load_library(place) != 0:
		push_error("ExecuTorch: the library %s of the project setting %s was not loaded." % [path, Settings.LIBRARIES])
