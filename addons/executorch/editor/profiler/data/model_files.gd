@tool
extends RefCounted
## The project's models as the profiler sees them: their paths, what is known of them, and freshly loaded native
## modules.

const TYPE: String = "ExecuTorchResource"
const NativeLibrary := preload("res://addons/executorch/runtime/library/native_library.gd")
const ModelExtensions := preload("res://addons/executorch/runtime/library/model_extensions.gd")
const ModelPayload := preload("res://addons/executorch/runtime/loading/model_payload.gd")


## Paths of all models of the project, also of those whose conversion failed.
static func list() -> PackedStringArray:
	var found: PackedStringArray = []
	_collect(EditorInterface.get_resource_filesystem().get_filesystem(), found)
	found.sort()
	return found


## `{name, path, recipe, sha256, methods: PackedStringArray, metadata}`.
static func describe(path: String) -> Dictionary:
	var resource: Resource = load(path)
	var metadata: Dictionary = {}
	if resource != null and resource.get(&"metadata") is Dictionary:
		metadata = resource.get(&"metadata")
	var methods: PackedStringArray = []
	for method: Dictionary in metadata.get("methods", []):
		methods.append(method.get("name", "forward") as String)
	if methods.is_empty():
		methods.append("forward")
	return {
		"name": path.get_file().get_basename(),
		"path": path,
		"recipe": metadata.get("recipe", ""),
		"sha256": (metadata.get("payload", {}) as Dictionary).get("sha256", ""),
		"methods": methods,
		"metadata": metadata,
	}


## Why a model cannot be run; empty when it can.
static func why_not(path: String) -> String:
	# Godot writes an error for a file that is not imported yet.
	var model: ExecuTorchResource = load(path) as ExecuTorchResource if ResourceLoader.exists(path) else null
	if model == null:
		return "It is not imported as an ExecuTorch model."
	if model.state == ExecuTorchResource.State.FAILED:
		return "Its conversion failed: %s" % model.error.get("cause", "")
	return "It is still being converted." if model.state == ExecuTorchResource.State.PENDING else ""


## A native module with the model of its own loaded, null when that failed. Any thread.
static func open(resource: ExecuTorchResource) -> RefCounted:
	var module: RefCounted = NativeLibrary.create_module()
	if module == null:
		NativeLibrary.missing_error().report(resource.resource_path)
		return null
	var error: ExecuTorchError = ModelPayload.load_into(module, resource.get_version())
	if error != null:
		error.report(resource.resource_path)
		return null
	return module


## The same for a program anywhere on the disk.
static func open_file(path: String, external: PackedStringArray) -> RefCounted:
	var module: RefCounted = NativeLibrary.create_module()
	if module == null:
		NativeLibrary.missing_error().report(path)
		return null
	var error: ExecuTorchError = ModelPayload.load_path(module, path, {"external": external})
	if error != null:
		error.report(path)
		return null
	return module


## Metadata of one method, empty when unknown.
static func method_metadata(metadata: Dictionary, method: String) -> Dictionary:
	for entry: Dictionary in metadata.get("methods", []):
		if entry.get("name") == method:
			return entry
	return {}


## Names of a method's inputs, in their order.
static func input_names(metadata: Dictionary, method: String) -> PackedStringArray:
	var names: PackedStringArray = []
	for entry: Dictionary in method_metadata(metadata, method).get("inputs", []):
		names.append(str(entry.get("name", "input_%d" % names.size())))
	return names


## A short name for a model of this project: two projects may both have res://models/net.pt.
static func key_of(path: String) -> String:
	return (ProjectSettings.globalize_path("res://") + "\n" + path).sha256_text().left(12)


static func _collect(folder: EditorFileSystemDirectory, found: PackedStringArray) -> void:
	if folder == null:
		return
	for index: int in folder.get_file_count():
		if _is_model(folder, index):
			found.append(folder.get_file_path(index))
	for index: int in folder.get_subdir_count():
		_collect(folder.get_subdir(index), found)


## Imported models have the type of their importer, Resource; saved ones name their script's class.
static func _is_model(folder: EditorFileSystemDirectory, index: int) -> bool:
	if ModelExtensions.is_model(folder.get_file(index)):
		return folder.get_file_type(index) == &"Resource" and folder.get_file_import_is_valid(index)
	# The addon's own script of that class is not a model.
	return folder.get_file_script_class_name(index) == TYPE and folder.get_file(index).get_extension() != "gd"
