@tool
extends RefCounted
## Brings a resource's payload into a native module: mapped from a file, streamed from a PCK, or from embedded bytes.

const TRIAL_SECONDS: String = "executorch/runtime/trial_seconds"
const DEFAULT_TRIAL_SECONDS: int = 20


## Loads what `resource` holds into `module`. Null when it worked.
static func load_into(module: RefCounted, resource: ExecuTorchResource) -> ExecuTorchError:
	var payload: Dictionary = resource.metadata.get("payload", {})
	var external: Array = []
	var hashes: PackedStringArray = []
	for index: int in resource.external_paths.size():
		var described: Array = payload.get("external", [])
		var sha256: String = str((described[index] as Dictionary).get("sha256", "")) if index < described.size() else ""
		var source: Variant = _external_source(resource.get_absolute_path(resource.external_paths[index]))
		if source == null:
			return _missing(resource.external_paths[index])
		external.append(source)
		hashes.append(sha256)
	var options: Dictionary = {
		"sha256": str(payload.get("sha256", "")),
		"external": external,
		"external_sha256": hashes,
		"trial_seconds": int(ProjectSettings.get_setting(TRIAL_SECONDS, DEFAULT_TRIAL_SECONDS)),
	}
	if not resource.model_data.is_empty():
		return _error_of(module, module.load_from_buffer(resource.model_data, options))
	return load_path(module, resource.get_absolute_path(resource.payload_path), options)


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
