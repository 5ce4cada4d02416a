@tool
extends RefCounted
## The one place that reaches the native library. Everything else holds what it gives in a RefCounted.

const CLASS: StringName = &"ExecuTorchModule"
const POOL_CLASS: StringName = &"ExecuTorchMemoryPool"
const NUM_THREADS: String = "executorch/runtime/num_threads"
const LOG_LEVEL: String = "executorch/runtime/log_level"
const LIBRARIES: String = "executorch/runtime/libraries"
const POOL_LIMIT: String = "executorch/runtime/memory_pool_limit_bytes"
const DEFAULT_LOG_LEVEL: int = 1
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


## The pool that all models with the CUSTOM memory policy share.
static func shared_pool() -> RefCounted:
	_lock.lock()
	if _pool == null and ClassDB.class_exists(POOL_CLASS):
		_pool = ClassDB.instantiate(POOL_CLASS)
		var limit: int = ProjectSettings.get_setting(POOL_LIMIT, 0)
		if limit > 0:
			_pool.set_limit(limit)
	_lock.unlock()
	return _pool


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
		_statics.set_log_level(int(ProjectSettings.get_setting(LOG_LEVEL, DEFAULT_LOG_LEVEL)))
		_statics.keep_tried_files(ProjectSettings.globalize_path(TRIED_FILES))
		_statics.set_num_threads(int(ProjectSettings.get_setting(NUM_THREADS, 0)))
		for path: String in ProjectSettings.get_setting(LIBRARIES, PackedStringArray()) as PackedStringArray:
			_load_library(path)
		_prepared = true
	_lock.unlock()


static func _load_library(path: String) -> void:
	# In an export, a library lies beside the program, as the extension's own do.
	var place: String = ProjectSettings.globalize_path(path)
	if not place.is_absolute_path() or not FileAccess.file_exists(place):
		place = OS.get_executable_path().get_base_dir().path_join(path.get_file())
	if _statics.load_library(place) != 0:
		push_error("ExecuTorch: the library %s of the project setting %s was not loaded." % [path, LIBRARIES])
