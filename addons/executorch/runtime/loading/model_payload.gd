@tool
extends RefCounted
## Brings a version's payload into a native module: mapped from a file, streamed from a PCK, or from embedded bytes.

const ModelVersion := preload("model_version.gd")
const Settings := preload("../library/project_settings.gd")
## The library's name for a program that did not pass its checks or its trial.
const REFUSED: String = "STRUCTURE_INVALID"

# Programs that were refused: sizes -> {hashes: error}, see _sizes_of and _hashes_of.
static var _refusals: Dictionary = {}
static var _lock: Mutex = Mutex.new()


## Loads the program of `version` into `module`. Null when it worked.
static func load_into(module: RefCounted, version: ModelVersion) -> ExecuTorchError:
	var found: ExecuTorchError = _refusal_of(version)
	if found != null:
		return found
	found = _load(module, version)
	if found != null and found.code_name == REFUSED:
		found.cause = "The program was refused: %s" % found.cause
		_remember(version, found)
	return found


static func _load(module: RefCounted, version: ModelVersion) -> ExecuTorchError:
	var payload: Dictionary = version.metadata.get("payload", {})
	var external: Array = []
	var hashes: PackedStringArray = []
	for index: int in version.external_paths.size():
		var described: Array = payload.get("external", [])
		var sha256: String = str((described[index] as Dictionary).get("sha256", "")) if index < described.size() else ""
		var source: Variant = _external_source(version.external_places[index])
		if source == null:
			return _missing(version.external_paths[index])
		external.append(source)
		hashes.append(sha256)
	var expected: String = str(payload.get("sha256", ""))
	# A hash that anybody could have written does not prove the program: it is checked here, and the library, which
	# is given none, tries the program in a process of its own first.
	if not version.is_imported and not expected.is_empty():
		var actual: String = _sha256_of(version)
		if not actual.is_empty() and actual != expected:
			return _other_file(version)
	var options: Dictionary = {
		"sha256": expected if version.is_imported else "",
		"external": external,
		"external_sha256": hashes,
		"trial_seconds": _trial_seconds(),
	}
	if not version.model_data.is_empty():
		return _error_of(module, module.load_from_buffer(version.model_data, options))
	return load_path(module, version.payload_place, options)


## How long a trial may take: the game's frames wait for one on the main thread, so it has a deadline of its own there.
static func _trial_seconds() -> int:
	var seconds: int = int(Settings.read(Settings.TRIAL_SECONDS))
	if OS.get_thread_caller_id() != OS.get_main_thread_id():
		return seconds
	return mini(seconds, maxi(1, int(Settings.read(Settings.MAIN_THREAD_TRIAL_SECONDS))))


## Loads the program at `path` (`res://`, `user://` or the system's). Null when it worked.
static func load_path(module: RefCounted, path: String, options: Dictionary) -> ExecuTorchError:
	var file: FileAccess = FileAccess.open(path, FileAccess.READ)
	if file == null:
		return _missing(path)
	var place: String = file.get_path_absolute()
	if _is_on_disk(place):
		file.close()
		return _error_of(module, module.load_from_file(place, options))
	return _error_of(module, module.load_from_stream(file, options))


## The error of a module's last call, or null.
static func _error_of(module: RefCounted, status: int) -> ExecuTorchError:
	return null if status == 0 else ExecuTorchError.from_dictionary(module.get_last_error() as Dictionary)


## The error of a version that was refused before: trials cost seconds. Null when there is none.
static func _refusal_of(version: ModelVersion) -> ExecuTorchError:
	var sizes: Array = _sizes_of(version)
	_lock.lock()
	var is_possible: bool = _refusals.has(sizes)
	_lock.unlock()
	if not is_possible:  # Nothing is hashed for a program that cannot be one of them.
		return null
	var hashes: Array = _hashes_of(version)
	_lock.lock()
	var found: ExecuTorchError = (_refusals[sizes] as Dictionary).get(hashes)
	_lock.unlock()
	return found


static func _remember(version: ModelVersion, refusal: ExecuTorchError) -> void:
	var sizes: Array = _sizes_of(version)
	var hashes: Array = _hashes_of(version)
	_lock.lock()
	(_refusals.get_or_add(sizes, {}) as Dictionary)[hashes] = refusal
	_lock.unlock()


static func _sizes_of(version: ModelVersion) -> Array:
	var found: Array = [version.model_data.size()]
	if version.model_data.is_empty():
		found = [_size_of(version.payload_place)]
	for place: String in version.external_places:
		found.append(_size_of(place))
	return found


static func _size_of(place: String) -> int:
	var file: FileAccess = FileAccess.open(place, FileAccess.READ)
	return file.get_length() if file != null else 0


## The contents, and the seconds of the trial. Modification times do not suffice: they have whole seconds, and a file
## that was repaired within one second would stay refused.
static func _hashes_of(version: ModelVersion) -> Array:
	var found: Array = [_trial_seconds(), _sha256_of(version)]
	for place: String in version.external_places:
		found.append(FileAccess.get_sha256(place))
	return found


static func _sha256_of(version: ModelVersion) -> String:
	if version.model_data.is_empty():
		return FileAccess.get_sha256(version.payload_place)
	var context: HashingContext = HashingContext.new()
	context.start(HashingContext.HASH_SHA256)
	context.update(version.model_data)
	return context.finish().hex_encode()


## The same error as the library's, without calling it.
static func _other_file(version: ModelVersion) -> ExecuTorchError:
	var cause: String = "The SHA-256 of the program of %s is not the one in its metadata." % version.source_path
	var remedy: String = "The file is not the one that was imported: import the model again."
	return ExecuTorchError.from_dictionary({"code": 0x103, "name": "HASH_MISMATCH", "cause": cause, "remedy": remedy})


static func _missing(path: String) -> ExecuTorchError:
	return (
		ExecuTorchError
		. create(
			ExecuTorchError.Code.PAYLOAD_MISSING,
			"%s cannot be opened: %s." % [path, error_string(FileAccess.get_open_error())],
			"Import the model again; in an exported game, check that the export plugin of ExecuTorch was enabled.",
		)
	)


## External weights are mapped, those inside a PCK are read through its FileAccess. Null when they are not there.
static func _external_source(path: String) -> Variant:
	var file: FileAccess = FileAccess.open(path, FileAccess.READ)
	if file == null:
		return null
	var place: String = file.get_path_absolute()
	if _is_on_disk(place):
		return place
	return file


## A file inside a PCK has no place of its own on the disk.
static func _is_on_disk(place: String) -> bool:
	return place.is_absolute_path() and not place.begins_with("res://") and FileAccess.file_exists(place)
