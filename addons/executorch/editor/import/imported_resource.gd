@tool
extends RefCounted
## Writes the resource that Godot loads for a model file: `<save_path>.tres`, an ExecuTorchResource. It is written
## completely or not at all.

const AtomicFile := preload("res://addons/executorch/runtime/library/atomic_file.gd")
const Artifact := preload("res://addons/executorch/editor/cache/artifact.gd")


## A model that can be run. `installed` is what Artifact.install returned. Empty, or an error `{code, cause, remedy}`.
static func save_ready(save_path: String, options: Dictionary, installed: Dictionary) -> Dictionary:
	var resource: ExecuTorchResource = ExecuTorchResource.new()
	resource.state = ExecuTorchResource.State.READY
	resource.metadata = installed["metadata"]
	resource.external_paths = installed["external_paths"]
	var kept: PackedStringArray = resource.external_paths.duplicate()
	if options.get("embed", false):
		resource.model_data = FileAccess.get_file_as_bytes(installed["payload_path"] as String)
		var paths: Dictionary = installed["variant_paths"]
		var data: Dictionary = {}
		for recipe: String in paths:
			data[recipe] = FileAccess.get_file_as_bytes(paths[recipe] as String)
		resource.variant_data = data
	else:
		resource.payload_path = installed["payload_path"]
		resource.variant_paths = installed["variant_paths"]
		kept.append_array(Artifact.files_of(installed))
	var error: Dictionary = _save(resource, save_path, options)
	if error.is_empty():
		Artifact.remove_former(save_path, kept)
	return error


## A model that is being converted. The earlier version stays in it, in case the conversion fails.
static func save_pending(save_path: String, options: Dictionary) -> Dictionary:
	return _save(_with_former(save_path, ExecuTorchResource.State.PENDING), save_path, options)


## A model whose conversion failed. The earlier version stays in it and can be run.
static func save_failed(save_path: String, options: Dictionary, error: Dictionary) -> Dictionary:
	var resource: ExecuTorchResource = _with_former(save_path, ExecuTorchResource.State.FAILED)
	resource.error = {
		"code": str(error.get("code", "")),
		"cause": str(error.get("cause", "")),
		"remedy": str(error.get("remedy", "")),
		"stage": str(error.get("stage", "")),
		"guesses": error.get("guesses", []),
	}
	return _save(resource, save_path, options)


static func _with_former(save_path: String, state: ExecuTorchResource.State) -> ExecuTorchResource:
	var resource: ExecuTorchResource = ExecuTorchResource.new()
	resource.state = state
	var place: String = save_path + ".tres"
	if not FileAccess.file_exists(place):
		return resource
	var former: ExecuTorchResource = (
		ResourceLoader.load(place, "", ResourceLoader.CACHE_MODE_IGNORE) as ExecuTorchResource
	)
	if former != null:
		resource.payload_path = former.payload_path
		resource.external_paths = former.external_paths
		resource.model_data = former.model_data
		resource.variant_paths = former.variant_paths
		resource.variant_data = former.variant_data
		resource.metadata = former.metadata
	return resource


static func _save(resource: ExecuTorchResource, save_path: String, options: Dictionary) -> Dictionary:
	resource.memory_policy = int(options.get("memory_policy", 0)) as ExecuTorchResource.MemoryPolicy
	resource.memory_limit_bytes = int(options.get("memory_limit_bytes", 0))
	resource.optimization_level = int(options.get("optimization_level", 1)) as ExecuTorchResource.OptimizationLevel
	var unfinished: String = "%s.%d.new.tres" % [save_path, OS.get_process_id()]
	var status: Error = ResourceSaver.save(resource, unfinished)
	if status == OK and not _is_whole(unfinished, resource):
		status = ERR_FILE_CANT_WRITE
	status = AtomicFile.put_in_place(unfinished, save_path + ".tres", status)
	if status == OK:
		return {}
	return {
		"code": "FILE_NOT_WRITTEN",
		"cause": "%s.tres cannot be written: %s." % [save_path, error_string(status)],
		"remedy": "Free some disk space or make the folder writable, and import the file again.",
	}


## A disk that is full lets the saver believe that all went well.
static func _is_whole(path: String, resource: ExecuTorchResource) -> bool:
	if not FileAccess.get_file_as_string(path).ends_with("\n"):
		return false
	var read: ExecuTorchResource = ResourceLoader.load(path, "", ResourceLoader.CACHE_MODE_IGNORE) as ExecuTorchResource
	return read != null and read.state == resource.state and read.metadata.size() == resource.metadata.size()
