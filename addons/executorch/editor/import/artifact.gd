@tool
extends RefCounted
## One entry of the artifact cache, and its way into `.godot/imported`. Files appear whole, by rename. Any thread.

const METADATA: String = "metadata.json"
const PAYLOAD: String = "model.pte"
const BLOCK: int = 1 << 20
## Fields of the metadata that are no whole numbers even when they look so.
const REAL_FIELDS: PackedStringArray = ["accuracy", "timings", "share", "tolerance", "constants"]


## The entry's folder for a key.
static func get_folder(cache: String, key: String) -> String:
	return cache.path_join(key.left(2)).path_join(key)


## Whether the cache has a whole entry for the key.
static func exists(cache: String, key: String) -> bool:
	var folder: String = get_folder(cache, key)
	return FileAccess.file_exists(folder.path_join(METADATA)) and FileAccess.file_exists(folder.path_join(PAYLOAD))


## Copies an entry's files beside `save_path` and checks their hashes. Returns `{metadata, payload_path,
## external_paths}` or `{error: {code, cause, remedy}}`.
static func install(cache: String, key: String, save_path: String) -> Dictionary:
	var folder: String = get_folder(cache, key)
	var parser: JSON = JSON.new()
	if parser.parse(FileAccess.get_file_as_string(folder.path_join(METADATA))) != OK or not parser.data is Dictionary:
		return _damaged(folder, METADATA)
	var metadata: Dictionary = _with_integers(parser.data)
	var described: Variant = metadata.get("payload")
	if not described is Dictionary:
		return _damaged(folder, METADATA)
	var payload: Dictionary = described
	var sha256: String = str(payload.get("sha256", ""))
	if not sha256.is_valid_hex_number() or sha256.length() != 64:
		return _damaged(folder, METADATA)
	# The hash is part of the name: the file that is in use stays untouched until its successor is complete.
	var prefix: String = "%s.%s" % [save_path, sha256.left(12)]
	var error: Dictionary = _copy_checked(folder.path_join(PAYLOAD), prefix + ".pte", sha256)
	var external_paths: PackedStringArray = []
	var external: Array = payload.get("external", [])
	for index: int in external.size():
		var entry: Dictionary = external[index]
		var file: String = str(entry.get("file", ""))
		var target: String = "%s.%d.ptd" % [prefix, index]
		if error.is_empty() and (not file.is_valid_filename() or file.begins_with(".")):
			return _damaged(folder, METADATA)
		if error.is_empty():
			error = _copy_checked(folder.path_join(file), target, str(entry.get("sha256", "")))
		external_paths.append(target)
	if not error.is_empty():
		return {"error": error}
	return {"metadata": metadata, "payload_path": prefix + ".pte", "external_paths": external_paths}


## Removes the files of former artifacts of `save_path` that `keep` does not name.
static func remove_former(save_path: String, keep: PackedStringArray) -> void:
	var folder: String = save_path.get_base_dir()
	for file: String in DirAccess.get_files_at(folder):
		var path: String = folder.path_join(file)
		var is_payload: bool = file.get_extension() in ["pte", "ptd", "tmp"]
		if is_payload and file.begins_with(save_path.get_file() + ".") and not path in keep:
			DirAccess.remove_absolute(path)


static func _copy_checked(from: String, to: String, sha256: String) -> Dictionary:
	if FileAccess.file_exists(to) and FileAccess.get_sha256(to) == sha256:
		return {}
	var source: FileAccess = FileAccess.open(from, FileAccess.READ)
	if source == null:
		return _damaged(from.get_base_dir(), from.get_file())["error"]
	var unfinished: String = "%s.%d.tmp" % [to, OS.get_process_id()]
	var target: FileAccess = FileAccess.open(unfinished, FileAccess.WRITE)
	if target == null:
		return _not_written(to, error_string(FileAccess.get_open_error()))
	var hashing: HashingContext = HashingContext.new()
	var status: Error = hashing.start(HashingContext.HASH_SHA256)
	var length: int = source.get_length()
	while status == OK and source.get_position() < length:
		var block: PackedByteArray = source.get_buffer(BLOCK)
		if block.is_empty():
			status = ERR_FILE_CANT_READ
		else:
			status = hashing.update(block)
			target.store_buffer(block)
			status = target.get_error() if status == OK else status
	target.close()
	var is_whole: bool = status == OK and hashing.finish().hex_encode() == sha256
	if status == OK and not is_whole:
		DirAccess.remove_absolute(unfinished)
		return _damaged(from.get_base_dir(), from.get_file())["error"]
	# What a full disk did not take is missed only now.
	if is_whole and _length_of(unfinished) == length and DirAccess.rename_absolute(unfinished, to) == OK:
		return {}
	DirAccess.remove_absolute(unfinished)
	return _not_written(to, error_string(status) if status != OK else "the disk may be full")


static func _length_of(path: String) -> int:
	var file: FileAccess = FileAccess.open(path, FileAccess.READ)
	return file.get_length() if file != null else -1


static func _damaged(folder: String, file: String) -> Dictionary:
	return {
		"error":
		{
			"code": "CACHE_DAMAGED",
			"cause": "%s of the cache entry %s is missing or is not what was stored." % [file, folder],
			"remedy": "Remove that folder and import the model again.",
		}
	}


static func _not_written(path: String, detail: String) -> Dictionary:
	return {
		"code": "FILE_NOT_WRITTEN",
		"cause": "%s cannot be written: %s." % [path, detail],
		"remedy": "Free some space or give the right to write, and import the file again.",
	}


## JSON has one kind of number; sizes and counts are whole.
static func _with_integers(value: Variant) -> Variant:
	if value is float and (value as float) == floorf(value as float) and absf(value as float) < 9.0e15:
		return int(value)
	if value is Array:
		return (value as Array).map(_with_integers)
	if value is Dictionary:
		var changed: Dictionary = {}
		for key: String in value as Dictionary:
			changed[key] = value[key] if key in REAL_FIELDS else _with_integers(value[key])
		return changed
	return value
