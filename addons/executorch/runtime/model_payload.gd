@tool
extends RefCounted
## Brings a resource's payload into a native module: mapped from a file, streamed from a PCK, or from embedded bytes.

const EXTERNAL_FOLDER: String = "user://executorch_external"


## Loads what `resource` holds into `module`. Null when it worked.
static func load_into(module: RefCounted, resource: ExecuTorchResource) -> ExecuTorchError:
	var payload: Dictionary = resource.metadata.get("payload", {})
	var options: Dictionary = {"sha256": str(payload.get("sha256", ""))}
	var external: PackedStringArray = []
	var hashes: PackedStringArray = []
	for index: int in resource.external_paths.size():
		var described: Array = payload.get("external", [])
		var sha256: String = str((described[index] as Dictionary).get("sha256", "")) if index < described.size() else ""
		var place: String = _external_place(resource.get_absolute_path(resource.external_paths[index]), sha256)
		if place.is_empty():
			return _missing(resource.external_paths[index])
		external.append(place)
		hashes.append(sha256)
	options["external"] = external
	options["external_sha256"] = hashes
	if not resource.model_data.is_empty():
		return _error_of(module, module.load_from_buffer(resource.model_data, options))
	return load_path(module, resource.get_absolute_path(resource.payload_path), options)


## Loads the program at `path` (`res://`, `user://` or the system's). Null when it worked.
static func load_path(module: RefCounted, path: String, options: Dictionary) -> ExecuTorchError:
	var file: FileAccess = FileAccess.open(path, FileAccess.READ)
	if file == null:
		return _missing(path)
	# A file inside a PCK has no place of its own on the disk.
	var place: String = file.get_path_absolute()
	if place.is_absolute_path() and FileAccess.file_exists(place) and not place.begins_with("res://"):
		file.close()
		return _error_of(module, module.load_from_file(place, options))
	return _error_of(module, module.load_from_stream(file, options))


## The error of a module's last call, or null.
static func _error_of(module: RefCounted, status: int) -> ExecuTorchError:
	return null if status == 0 else ExecuTorchError.from_dictionary(module.get_last_error() as Dictionary)


static func _missing(path: String) -> ExecuTorchError:
	return (
		ExecuTorchError
		. create(
			ExecuTorchError.Code.PAYLOAD_MISSING,
			"%s cannot be opened: %s." % [path, error_string(FileAccess.get_open_error())],
			"Import the model again; in an exported game, check that the export plugin of ExecuTorch was enabled.",
		)
	)


## External weights are mapped, so those inside a PCK are copied out once, under the name of their hash.
static func _external_place(path: String, sha256: String) -> String:
	var file: FileAccess = FileAccess.open(path, FileAccess.READ)
	if file == null:
		return ""
	var place: String = file.get_path_absolute()
	if place.is_absolute_path() and not place.begins_with("res://"):
		return place
	if sha256.is_empty():
		sha256 = path.sha256_text()
	var copy: String = EXTERNAL_FOLDER.path_join(sha256 + ".ptd")
	if not FileAccess.file_exists(copy) or _length_of(copy) != file.get_length():
		DirAccess.make_dir_recursive_absolute(EXTERNAL_FOLDER)
		var unfinished: String = "%s.%d.tmp" % [copy, OS.get_process_id()]
		var target: FileAccess = FileAccess.open(unfinished, FileAccess.WRITE)
		if target == null:
			return ""
		while file.get_position() < file.get_length():
			target.store_buffer(file.get_buffer(1 << 20))
		target.close()
		if DirAccess.rename_absolute(unfinished, copy) != OK:
			return ""
	return ProjectSettings.globalize_path(copy)


static func _length_of(path: String) -> int:
	var file: FileAccess = FileAccess.open(path, FileAccess.READ)
	return file.get_length() if file != null else -1
