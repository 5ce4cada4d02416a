@tool
extends RefCounted
## The steps of an import that need no backend. They run on any thread and touch no scene and no signal.

const Artifact := preload("artifact.gd")
const AtomicFile := preload("res://addons/executorch/runtime/library/atomic_file.gd")
const CacheKey := preload("cache_key.gd")
const Native := preload("res://addons/executorch/runtime/library/native_library.gd")
const Options := preload("res://addons/executorch/editor/shared/import_options.gd")

## Files up to this size are hashed and copied at once, on the main thread.
const QUICK_BYTES: int = 4 * 1024 * 1024
## The same as in importer/plain_files.py.
const MAX_FILE_BYTES: int = 64 << 30
## Times of change have whole seconds, of some file systems every other one.
const SETTLED_SECONDS: float = 2.0

static var _lock: Mutex = Mutex.new()
## path -> [identity, sha256]: a reimport that ends a job must not read a large file again.
static var _hashes: Dictionary = {}


## `{key, sha256, is_cached, is_small, refused}` or `{error, sha256}`. `is_small`: `install` is done within a few
## milliseconds. `refused`: the error of an entry that is there and may not be used.
static func prepare(path: String, options: Dictionary, cache: String) -> Dictionary:
	if AtomicFile.length_of(path) > MAX_FILE_BYTES:
		var large: Dictionary = {"code": "FILE_TOO_LARGE", "cause": "%s has more than 64 GB." % path}
		large["remedy"] = "Use a smaller file; one that is mostly holes was not made by a training."
		return {"error": large}
	var sha256: String = get_hash(path)
	if sha256.is_empty():
		var cause: String = "%s cannot be read: %s." % [path, error_string(FileAccess.get_open_error())]
		var error: Dictionary = {"code": "SOURCE_UNREADABLE", "cause": cause}
		error["remedy"] = "Check that the file can be read."
		return {"error": error, "sha256": ""}
	var made: Dictionary = CacheKey.make(path, sha256, Options.get_changed(options))
	if made.has("error"):
		made["sha256"] = sha256
		return made
	var found: Dictionary = Artifact.find(cache, str(made["key"]))
	var is_cached: bool = found.has("metadata")
	return {
		"key": made["key"],
		"sha256": sha256,
		"is_cached": is_cached,
		"is_small": is_cached and Artifact.get_size(found) <= QUICK_BYTES,
		"refused": found.get("error", {}),
	}


## `{metadata, payload_path, external_paths, variant_paths}` or `{error}`.
static func install(cache: String, key: String, save_path: String) -> Dictionary:
	return Artifact.install(cache, key, save_path)


## The same without Python, of an entry that was refused: one that no known key signed may be used.
static func install_refused(cache: String, key: String, save_path: String, refused: Dictionary) -> Dictionary:
	return Artifact.install_unproved(cache, key, save_path) if Artifact.may_try(refused) else {"error": refused}


## Whether an installation failed because of the entry, which a conversion replaces.
static func is_refused(result: Dictionary) -> bool:
	return result.has("error") and str((result["error"] as Dictionary).get("code", "")) in Artifact.REFUSALS


## Whether `prepare` is done within a few milliseconds.
static func is_quick(path: String, options: Dictionary) -> bool:
	return _is_small(path) and str(options.get("calibration", "")).is_empty()


## The SHA-256 of a file; empty when it cannot be read. What is known of an unchanged file is not read again.
static func get_hash(path: String) -> String:
	var identity: String = _identity_of(path)
	var known: String = _find(path, identity)
	if not known.is_empty():
		return known
	var sha256: String = FileAccess.get_sha256(path)
	if not identity.is_empty() and _identity_of(path) == identity:
		_lock.lock()
		_hashes[path] = [identity, sha256]
		_lock.unlock()
	return sha256


## The same within a few milliseconds: null for a large file that was not read since it changed.
static func get_known_hash(path: String) -> Variant:
	if _is_small(path):
		return get_hash(path)
	var known: Variant = _find(path, _identity_of(path))
	return null if known == "" else known


## The result of `work`; the import that follows need not read a large file in a frame.
static func hash_and_run(path: String, work: Callable) -> Dictionary:
	get_hash(path)
	return work.call()


static func _find(path: String, identity: String) -> String:
	_lock.lock()
	var known: Array = _hashes.get(path, [])
	_lock.unlock()
	return known[1] if not identity.is_empty() and known.size() == 2 and known[0] == identity else ""


## Changes when the file does. Empty for a file that has just changed: another change may leave the same times.
static func _identity_of(path: String) -> String:
	if Native.is_available():
		return Native.statics().get_file_identity(ProjectSettings.globalize_path(path))
	var modified: int = FileAccess.get_modified_time(path)
	var is_settled: bool = Time.get_unix_time_from_system() - float(modified) > SETTLED_SECONDS
	return "%d %d" % [modified, AtomicFile.length_of(path)] if is_settled else ""


static func _is_small(path: String) -> bool:
	return AtomicFile.length_of(path) <= QUICK_BYTES
