@tool
extends RefCounted
## What ExecuTorchResource does with files and bytes.

const Native := preload("native_library.gd")
const Payload := preload("model_payload.gd")


## Loads the program of a resource: a native module, or an ExecuTorchError.
static func make_module(resource: ExecuTorchResource) -> Variant:
	if resource.payload_path.is_empty() and resource.model_data.is_empty():
		return _nothing_error(resource)
	if resource.state == ExecuTorchResource.State.FAILED:
		var cause: String = str(resource.error.get("cause", ""))
		push_warning("ExecuTorch: %s: the last good model is used. %s" % [resource.get_source_file_path(), cause])
	if resource.model_data.is_empty() and resource.get_absolute_path(resource.payload_path).is_empty():
		return (
			ExecuTorchError
			. create(
				ExecuTorchError.Code.PATH_NOT_ALLOWED,
				"The payload path %s leads out of the project." % resource.payload_path,
				"Use a path in res:// or user://, or load_from_file() for any file of this machine.",
			)
		)
	var module: RefCounted = Native.create_module()
	if module == null:
		return Native.missing_error()
	var found: ExecuTorchError = configure(module, resource)
	if found == null:
		found = Payload.load_into(module, resource)
	if found == null:
		found = _give_signatures(module, resource)
	return module if found == null else found


## Gives a module that is not loaded yet the resource's run-time options. Null when it worked.
static func configure(module: RefCounted, resource: ExecuTorchResource) -> ExecuTorchError:
	var status: int = module.configure_memory(resource.memory_policy, resource.memory_limit_bytes)
	if status == 0 and resource.memory_policy == ExecuTorchResource.MEMORY_POLICY_CUSTOM:
		status = module.set_memory_pool(Native.shared_pool())
	if status == 0:
		status = module.set_optimization_level(resource.optimization_level)
	return null if status == 0 else ExecuTorchError.from_dictionary(module.get_last_error() as Dictionary)


## See [method ExecuTorchResource.load_from_file].
static func load_file(resource: ExecuTorchResource, path: String) -> Error:
	resource.clear()
	var imported: bool = path.begins_with("res://") and ResourceLoader.exists(path)
	if imported or path.get_extension() in ["tres", "res"]:
		var other: ExecuTorchResource = ResourceLoader.load(path) as ExecuTorchResource
		if other == null:
			return resource.keep_error(_no_model(path))
		_copy(other, resource)
	else:
		resource.state = ExecuTorchResource.State.READY
		resource.set_own_path(path)
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
	var data: PackedByteArray = data_of(resource)
	if data.is_empty():
		return resource.keep_error(_nothing_error(resource))
	var unfinished: String = "%s.%d.tmp.%s" % [path.get_basename(), OS.get_process_id(), path.get_extension()]
	var status: Error = FAILED
	if path.get_extension() in ["tres", "res"]:
		var copy: ExecuTorchResource = ExecuTorchResource.new()
		_copy(resource, copy)
		copy.model_data = data
		copy.payload_path = ""
		status = ResourceSaver.save(copy, unfinished)
	else:
		var file: FileAccess = FileAccess.open(unfinished, FileAccess.WRITE)
		status = FileAccess.get_open_error()
		if file != null:
			file.store_buffer(data)
			file.flush()
			status = file.get_error()
			file.close()
	if status == OK:
		status = DirAccess.rename_absolute(unfinished, path)
	if status != OK:
		DirAccess.remove_absolute(unfinished)
		return (
			resource
			. keep_error(
				(
					ExecuTorchError
					. create(
						ExecuTorchError.Code.FILE_NOT_WRITTEN,
						"%s cannot be written: %s." % [path, error_string(status)],
						"Check the folder, the right to write and the space on the disk.",
					)
				)
			)
		)
	return OK


## The program's bytes; empty when there are none.
static func data_of(resource: ExecuTorchResource) -> PackedByteArray:
	if not resource.model_data.is_empty() or resource.payload_path.is_empty():
		return resource.model_data
	return FileAccess.get_file_as_bytes(resource.get_absolute_path(resource.payload_path))


## Bytes of the program and of its external weights.
static func size_of(resource: ExecuTorchResource) -> int:
	var payload: Dictionary = resource.metadata.get("payload", {})
	var size: int = resource.model_data.size()
	if size == 0:
		size = int(payload.get("size", 0))
	if size == 0 and not resource.payload_path.is_empty():
		var file: FileAccess = FileAccess.open(resource.get_absolute_path(resource.payload_path), FileAccess.READ)
		size = file.get_length() if file != null else 0
	for external: Dictionary in payload.get("external", []) as Array:
		size += int(external.get("size", 0))
	return size


static func pending_error() -> ExecuTorchError:
	return (
		ExecuTorchError
		. create(
			ExecuTorchError.Code.MODEL_PENDING,
			"The model is still being converted.",
			"Wait until the ExecuTorch dock shows it as done, or run `godot --headless --import` first.",
		)
	)


static func _copy(from: ExecuTorchResource, to: ExecuTorchResource) -> void:
	to.state = from.state
	to.error = from.error
	to.external_paths = from.external_paths
	to.model_data = from.model_data
	to.metadata = from.metadata
	to.memory_policy = from.memory_policy
	to.memory_limit_bytes = from.memory_limit_bytes
	to.optimization_level = from.optimization_level
	to.payload_path = from.get_absolute_path(from.payload_path) if not from.payload_path.is_empty() else ""


## The names and ranges that the program itself does not have.
static func _give_signatures(module: RefCounted, resource: ExecuTorchResource) -> ExecuTorchError:
	for method: Dictionary in resource.metadata.get("methods", []) as Array:
		var inputs: Array = method.get("inputs", [])
		var outputs: Array = method.get("outputs", [])
		if module.set_signature(str(method.get("name", "")), inputs, outputs) != 0:
			return ExecuTorchError.from_dictionary(module.get_last_error() as Dictionary)
	return null


static func _nothing_error(resource: ExecuTorchResource) -> ExecuTorchError:
	if resource.state == ExecuTorchResource.State.FAILED:
		return (
			ExecuTorchError
			. create(
				ExecuTorchError.Code.MODEL_FAILED,
				"The model could not be imported: %s" % str(resource.error.get("cause", "")),
				str(resource.error.get("remedy", "")),
			)
		)
	return ExecuTorchError.create(
		ExecuTorchError.Code.MODEL_EMPTY,
		"The resource holds no model.",
		"Load an imported model, or call load_from_file() first."
	)


static func _no_model(path: String) -> ExecuTorchError:
	return ExecuTorchError.create(
		ExecuTorchError.Code.PAYLOAD_MISSING,
		"%s is no ExecuTorch model." % path,
		"Check the path and the file's import."
	)
