@tool
extends RefCounted
## What ExecuTorchResource does with files and bytes.

const ModelVersion := preload("loading/model_version.gd")
const Loader := preload("loading/model_loader.gd")
const ResourceBinary := preload("loading/resource_binary.gd")
const ResourceText := preload("loading/resource_text.gd")
const AtomicFile := preload("library/atomic_file.gd")

## Of a resource outside of the project only the fields are read; code in it does not run.
const FIELDS: Dictionary[String, int] = {
	"state": TYPE_INT,
	"error": TYPE_DICTIONARY,
	"metadata": TYPE_DICTIONARY,
	"external_paths": TYPE_PACKED_STRING_ARRAY,
	"model_data": TYPE_PACKED_BYTE_ARRAY,
	"payload_path": TYPE_STRING,
	"variant_paths": TYPE_DICTIONARY,
	"variant_data": TYPE_DICTIONARY,
	"memory_policy": TYPE_INT,
	"memory_limit_bytes": TYPE_INT,
	"optimization_level": TYPE_INT,
}

## Where the import plugin installs programs.
const _IMPORT_FOLDER: String = "res://.godot/imported/"


## See [method ExecuTorchResource.load_from_file].
static func load_file(resource: ExecuTorchResource, path: String) -> Error:
	resource.clear()
	path = path_of(path)
	var is_resource: bool = path.get_extension() in ["tres", "res"]
	if is_in_project(path) and (is_resource or ResourceLoader.exists(path)):
		var other: ExecuTorchResource = ResourceLoader.load(path) as ExecuTorchResource
		if other == null:
			return resource.get_default_session().keep_error(_no_model(path))
		_copy(other, resource)
	elif is_resource:
		var found: ExecuTorchError = _read_resource(path, resource)
		if found != null:
			return resource.get_default_session().keep_error(found)
	elif path.begins_with("uid://") or not FileAccess.file_exists(path):
		return resource.get_default_session().keep_error(_no_file(path))
	else:
		resource.keep_own_paths([path])
		resource.state = ExecuTorchResource.State.READY
		resource.payload_path = path
		resource.metadata = {"name": path.get_file().get_basename()}
	if resource.load_model() != OK:
		return FAILED
	if not resource.metadata.has("methods"):
		resource.describe_from_program()
	return OK


## See [method ExecuTorchResource.set_model_data].
static func set_data(resource: ExecuTorchResource, data: PackedByteArray) -> Error:
	resource.clear()
	resource.state = ExecuTorchResource.State.READY
	resource.model_data = data
	if resource.load_model() != OK:
		return FAILED
	resource.describe_from_program()
	return OK


## See [method ExecuTorchResource.save_to_file].
static func save_file(resource: ExecuTorchResource, path: String) -> Error:
	var version: ModelVersion = resource.get_version()
	var is_resource: bool = path.get_extension() in ["tres", "res"]
	var programs: Array = version.programs.map(_bytes_of) if is_resource else [data_of(version)]
	for index: int in programs.size():
		if (programs[index] as PackedByteArray).is_empty():
			var missing: ExecuTorchError = Loader.nothing_error(version)
			if version.has_program():
				missing = _no_file(str(version.programs[index]["path"]))
			return resource.get_default_session().keep_error(missing)
	var status: Error = OK
	if is_resource:
		status = _save_resource(resource, programs, path)
	else:
		status = AtomicFile.write_bytes(path, programs[0] as PackedByteArray)
	return OK if status == OK else resource.get_default_session().keep_error(_not_written(path, status))


## The program's bytes; empty when there are none.
static func data_of(version: ModelVersion) -> PackedByteArray:
	if not version.model_data.is_empty() or version.payload_place.is_empty():
		return version.model_data
	return FileAccess.get_file_as_bytes(version.payload_place)


## Bytes of the program and of its external weights.
static func size_of(version: ModelVersion) -> int:
	var payload: Dictionary = version.metadata.get("payload", {})
	var size: int = version.model_data.size()
	if size == 0:
		size = int(payload.get("size", 0))
	if size == 0 and not version.payload_place.is_empty():
		var file: FileAccess = FileAccess.open(version.payload_place, FileAccess.READ)
		size = file.get_length() if file != null else 0
	for external: Dictionary in payload.get("external", []) as Array:
		size += int(external.get("size", 0))
	return size


## Where a path of a resource really is; empty when it is outside of the project. `own` are paths that the game itself
## asked for, which may be anywhere.
static func place_of(path: String, resource_path: String, own: PackedStringArray) -> String:
	if path.is_empty() or path in own:
		return path
	if _leads_up(path):
		return ""
	if path.begins_with("res://") or path.begins_with("user://"):
		return path
	return "" if path.is_absolute_path() else resource_path.get_base_dir().path_join(path)


## The path behind a `uid://`, which Godot's file fields keep; any other path as it is.
static func path_of(path: String) -> String:
	var id: int = ResourceUID.text_to_id(path) if path.begins_with("uid://") else ResourceUID.INVALID_ID
	return ResourceUID.get_id_path(id) if id != ResourceUID.INVALID_ID and ResourceUID.has_id(id) else path


## Whether a path is one of the project: Godot's own loader may open it.
static func is_in_project(path: String) -> bool:
	return path.begins_with("res://") and not _leads_up(path)


## Whether the import plugin put the program there.
static func is_import(place: String) -> bool:
	return place.begins_with(_IMPORT_FOLDER)


static func _copy(from: ExecuTorchResource, to: ExecuTorchResource) -> void:
	for field: String in FIELDS:
		to.set(field, from.get(field))


## A resource outside of the project may hold a script, which ResourceLoader would run: only our own fields are read.
static func _read_resource(path: String, resource: ExecuTorchResource) -> ExecuTorchError:
	if not FileAccess.file_exists(path):
		return _no_model(path)
	var wanted: PackedStringArray = FIELDS.keys()
	var fields: Variant = null
	if path.get_extension() == "tres":
		fields = ResourceText.read(FileAccess.get_file_as_string(path), wanted)
	else:
		fields = ResourceBinary.read(FileAccess.get_file_as_bytes(path), wanted)
	if not fields is Dictionary or not (fields as Dictionary).keys().all(_has_type.bind(fields)):
		return _not_a_resource(path)
	var folder: String = path.get_base_dir()
	var paths: PackedStringArray = [fields.get("payload_path", "")]
	var variants: Dictionary = fields.get("variant_paths", {})
	for recipe: Variant in variants:
		paths.append(str(variants[recipe]))
	paths.append_array(fields.get("external_paths", PackedStringArray()))
	var own: PackedStringArray = []
	for index: int in paths.size():
		if paths[index].is_relative_path() and not paths[index].is_empty() and not _leads_up(paths[index]):
			paths[index] = folder.path_join(paths[index])
			own.append(paths[index])
	resource.keep_own_paths(own, true)
	fields["payload_path"] = paths[0]
	for index: int in variants.size():
		variants[variants.keys()[index]] = paths[1 + index]
	fields["external_paths"] = paths.slice(1 + variants.size())
	for field: String in FIELDS:
		if fields.has(field):
			resource.set(field, fields[field])
	return null


static func _has_type(field: String, fields: Dictionary) -> bool:
	return typeof(fields[field]) == FIELDS[field]


static func _leads_up(path: String) -> bool:
	return path.replace("\\", "/").split("/").has("..")


static func _bytes_of(program: Dictionary) -> PackedByteArray:
	if not (program["data"] as PackedByteArray).is_empty() or str(program["place"]).is_empty():
		return program["data"]
	return FileAccess.get_file_as_bytes(program["place"] as String)


## `programs`: the bytes of the main program and of the variants.
static func _save_resource(resource: ExecuTorchResource, programs: Array, path: String) -> Error:
	var copy: ExecuTorchResource = ExecuTorchResource.new()
	_copy(resource, copy)
	copy.model_data = programs[0]
	copy.payload_path = ""
	copy.variant_paths = {}
	var data: Dictionary = {}
	var variants: Array = resource.metadata.get("variants", [])
	for index: int in variants.size():
		data[str((variants[index] as Dictionary).get("recipe", ""))] = programs[1 + index]
	copy.variant_data = data
	# The extension decides the form in which Godot saves it.
	var unfinished: String = "%s.%s" % [AtomicFile.unfinished_of(path.get_basename()), path.get_extension()]
	return AtomicFile.put_in_place(unfinished, path, ResourceSaver.save(copy, unfinished))


static func _no_model(path: String) -> ExecuTorchError:
	return ExecuTorchError.create(
		ExecuTorchError.Code.PAYLOAD_MISSING,
		"%s is not an ExecuTorch model." % path,
		"Check the path and the file's import."
	)


static func _no_file(path: String) -> ExecuTorchError:
	return (
		ExecuTorchError
		. create(
			ExecuTorchError.Code.PAYLOAD_MISSING,
			"There is no file %s." % path if not path.is_empty() else "No path was given.",
			"Check the path: it begins with res:// or user://, or is an absolute path of this machine.",
		)
	)


static func _not_a_resource(path: String) -> ExecuTorchError:
	return ExecuTorchError.create(
		ExecuTorchError.Code.PAYLOAD_MISSING,
		"%s is not a saved ExecuTorchResource, or holds more than its data." % path,
		"Save the model with save_to_file(), or give the .pte file itself."
	)


static func _not_written(path: String, status: Error) -> ExecuTorchError:
	return (
		ExecuTorchError
		. create(
			ExecuTorchError.Code.FILE_NOT_WRITTEN,
			"%s cannot be written: %s." % [path, error_string(status)],
			"Check that the folder exists and is writable, and that the disk has space.",
		)
	)
