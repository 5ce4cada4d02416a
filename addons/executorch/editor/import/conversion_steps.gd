@tool
extends RefCounted
## The steps of an import that need no backend. They run on any thread and touch no scene and no signal.

const Artifact := preload("artifact.gd")
const CacheKey := preload("cache_key.gd")
const ModelSettings := preload("model_settings.gd")
const Options := preload("import_options.gd")

## Files up to this size are hashed and copied at once, in the frame that asks.
const QUICK_BYTES: int = 4 * 1024 * 1024

static var _lock: Mutex = Mutex.new()
## path -> [modified, size, sha256]: a reimport that ends a job must not read a large file again.
static var _hashes: Dictionary = {}


## `{key, sha256, is_cached, stamp}` or `{error}`.
static func prepare(path: String, options: Dictionary, cache: String) -> Dictionary:
	var stamp: Array = get_stamp(path)
	var sha256: String = _hash(path, stamp)
	if sha256.is_empty():
		var cause: String = "%s cannot be read: %s." % [path, error_string(FileAccess.get_open_error())]
		return {"error": {"code": "SOURCE_UNREADABLE", "cause": cause, "remedy": "Check the file and its rights."}}
	var made: Dictionary = CacheKey.make(path, sha256, Options.get_changed(options))
	if made.has("error"):
		return made
	var key: String = made["key"]
	return {"key": key, "sha256": sha256, "is_cached": Artifact.exists(cache, key), "stamp": stamp}


## `{metadata, payload_path, external_paths}` or `{error}`.
static func install(cache: String, key: String, save_path: String) -> Dictionary:
	return Artifact.install(cache, key, save_path)


## What changes when the file changes.
static func get_stamp(path: String) -> Array:
	var file: FileAccess = FileAccess.open(path, FileAccess.READ)
	return [FileAccess.get_modified_time(path), file.get_length() if file != null else -1]


## Whether `prepare` and `install` are done within a few milliseconds.
static func is_quick(path: String, options: Dictionary) -> bool:
	return int(get_stamp(path)[1]) <= QUICK_BYTES and str(options.get("calibration", "")).is_empty()


## Whether the artifact is small enough to be installed at once.
static func is_quick_artifact(cache: String, key: String) -> bool:
	var payload: String = Artifact.get_folder(cache, key).path_join(Artifact.PAYLOAD)
	return int(get_stamp(payload)[1]) <= QUICK_BYTES


static func _hash(path: String, stamp: Array) -> String:
	_lock.lock()
	var known: Array = _hashes.get(path, [])
	_lock.unlock()
	if known.size() == 3 and known[0] == stamp[0] and known[1] == stamp[1]:
		return known[2]
	var sha256: String = FileAccess.get_sha256(path)
	# A file that changes within the second of its time stamp is read again.
	if Time.get_unix_time_from_system() - float(stamp[0]) > 2.0:
		_lock.lock()
		_hashes[path] = [stamp[0], stamp[1], sha256]
		_lock.unlock()
	return sha256
