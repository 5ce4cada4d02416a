@tool
@icon("res://addons/executorch/icons/resource.svg")
class_name ExecuTorchModelDescription
extends Resource
## The properties of an [ExecuTorchResource]: its program, its metadata, and how it is run.

## The state of a resource.
enum State {
	## The resource has no model.
	EMPTY,
	## The editor is still converting the model.
	PENDING,
	## The model can be run.
	READY,
	## The conversion failed; see [member error]. An earlier version of the model, if there is one, can still be run.
	FAILED,
}

## Where a session's memory comes from.
enum MemoryPolicy {
	## Buffers are as large as the program needs them.
	MEMORY_POLICY_AUTO = 0,
	## All memory comes from one block of [member memory_limit_bytes]; a model that does not fit is refused.
	MEMORY_POLICY_STATIC = 1,
	## Planned memory comes from a memory pool that all models with this policy share.
	MEMORY_POLICY_CUSTOM = 2,
}

## How a model is run.
enum OptimizationLevel {
	## A call uses one thread. Sessions do not share packed weights. Runs the portable variant, if there is one.
	OPTIMIZATION_NONE = 0,
	## The default. The sessions of a model share its packed weights and their workspace. Runs the main program, or the
	## variant that the project setting [code]executorch/runtime/variant[/code] names.
	OPTIMIZATION_BASIC = 1,
	## A warm-up call is made when a method is loaded, and all models share one workspace. Runs the int8 variant, if
	## there is one.
	OPTIMIZATION_AGGRESSIVE = 2,
}

const MetadataForm := preload("loading/metadata_form.gd")
const MEMORY_POLICY_AUTO: MemoryPolicy = MemoryPolicy.MEMORY_POLICY_AUTO
const MEMORY_POLICY_STATIC: MemoryPolicy = MemoryPolicy.MEMORY_POLICY_STATIC
const MEMORY_POLICY_CUSTOM: MemoryPolicy = MemoryPolicy.MEMORY_POLICY_CUSTOM
const OPTIMIZATION_NONE: OptimizationLevel = OptimizationLevel.OPTIMIZATION_NONE
const OPTIMIZATION_BASIC: OptimizationLevel = OptimizationLevel.OPTIMIZATION_BASIC
const OPTIMIZATION_AGGRESSIVE: OptimizationLevel = OptimizationLevel.OPTIMIZATION_AGGRESSIVE
const _FILE_FORMAT: int = 1

# Stands first in every saved file, because its value is never the default one. Godot may load a file into this very
# object, and a file names only what differs from the defaults: where this is read, everything else becomes the default.
@warning_ignore("unused_private_class_variable")
@export_storage var _file_format: int = 0:
	get:
		return _FILE_FORMAT
	set(_value):
		if _is_reloaded:
			_is_refilled = true
			_set_defaults()
## The state of the resource.
@export_storage var state: State = State.EMPTY:
	set(value):
		_begin_edit()
		state = value
		_end_edit()
## The error of a failed conversion: [code]{code, cause, remedy}[/code]. Empty otherwise.
@export_storage var error: Dictionary = {}:
	get:
		_edit_lock.lock()
		var value: Dictionary = error
		_edit_lock.unlock()
		return value
	set(value):
		_begin_edit()
		error = value
		_end_edit()
## The model's metadata: name, source, methods, accuracy and more, as [code]docs/architecture.md[/code] describes them.
## Fields whose value is unknown are absent.
@export_storage var metadata: Dictionary = {}:
	get:
		_edit_lock.lock()
		var value: Dictionary = metadata
		_edit_lock.unlock()
		return value
	set(value):
		_begin_edit()
		metadata = MetadataForm.checked(value)
		_end_edit()
## The files with external weights ([code].ptd[/code]). Paths have the form of [member payload_path].
@export_storage var external_paths: PackedStringArray = []:
	get:
		_edit_lock.lock()
		var paths: PackedStringArray = []
		for path: String in external_paths:
			paths.append(_from_project(path))
		_edit_lock.unlock()
		return paths
	set(value):
		_begin_edit()
		external_paths = value
		_end_edit()
## The program, when it is stored in the resource instead of in a file.
@export_storage var model_data: PackedByteArray = []:
	get:
		_edit_lock.lock()
		var value: PackedByteArray = model_data
		_edit_lock.unlock()
		return value
	set(value):
		_begin_edit()
		model_data = value
		_end_edit()
## The program's file: a [code]res://[/code] or [code]user://[/code] path, or a path relative to the resource's own
## file. When the resource has a file, the full path is returned, so that copies of the resource find the program.
@export_storage var payload_path: String = "":
	get:
		_edit_lock.lock()
		var value: String = _from_project(payload_path)
		_edit_lock.unlock()
		return value
	set(value):
		_begin_edit()
		payload_path = value
		_end_edit()
## The files of the variants: recipe to path. Variants are further programs of the model, which
## [member optimization_level] chooses; [code]metadata.variants[/code] describes them. Paths have the form of
## [member payload_path].
@export_storage var variant_paths: Dictionary = {}:
	get:
		_edit_lock.lock()
		var paths: Dictionary = {}
		for recipe: Variant in variant_paths:
			paths[recipe] = _from_project(str(variant_paths[recipe]))
		_edit_lock.unlock()
		return paths
	set(value):
		_begin_edit()
		variant_paths = value
		_end_edit()
## The variants' programs, when they are stored in the resource instead of in files: recipe to [PackedByteArray].
@export_storage var variant_data: Dictionary = {}:
	get:
		_edit_lock.lock()
		var value: Dictionary = variant_data
		_edit_lock.unlock()
		return value
	set(value):
		_begin_edit()
		variant_data = value
		_end_edit()
@export_group("Memory")
## Where a session's memory comes from. A loaded model is loaded again with its next call.
@export var memory_policy: MemoryPolicy = MemoryPolicy.MEMORY_POLICY_AUTO:
	set(value):
		_begin_edit()
		memory_policy = value
		_end_edit()
## The memory limit of a session in bytes, for planned memory and allocators; 0 means no limit. A model that needs more
## is refused. With [constant MEMORY_POLICY_STATIC] it is the size of the block that all memory comes from.
@export_range(0, 1073741824, 1, "or_greater", "suffix:bytes") var memory_limit_bytes: int = 0:
	set(value):
		_begin_edit()
		memory_limit_bytes = value
		_end_edit()
@export_group("Optimization")
## How the model is run.
@export var optimization_level: OptimizationLevel = OptimizationLevel.OPTIMIZATION_BASIC:
	set(value):
		_begin_edit()
		optimization_level = value
		_end_edit()

# Held while a property is read or written: workers read them too. Recursive.
var _edit_lock: Mutex = Mutex.new()
# Resource.reset_state() was called, with which Godot begins to load a file into this very object.
var _is_reloaded: bool = false
# That file's properties are being set: no signal is emitted for a mixture of old and new ones.
var _is_refilled: bool = false


## Returns the names of the inputs of [param method], in order.
func get_input_names(method: String = "forward") -> PackedStringArray:
	return _names_in(get_method_meta(method), "inputs")


## Returns the names of the outputs of [param method], in order.
func get_output_names(method: String = "forward") -> PackedStringArray:
	return _names_in(get_method_meta(method), "outputs")


## Returns the shapes of the inputs of [param method], in order. A size that may change is the largest one.
func get_input_shapes(method: String = "forward") -> Array[PackedInt64Array]:
	return _shapes_in(get_method_meta(method), "inputs")


## Returns the shapes of the outputs of [param method], in order. A size that may change is the largest one.
func get_output_shapes(method: String = "forward") -> Array[PackedInt64Array]:
	return _shapes_in(get_method_meta(method), "outputs")


## Returns the model's name, from its metadata or its file.
func get_model_name() -> String:
	var known: String = str(metadata.get("name", ""))
	return known if not known.is_empty() else get_source_file_path().get_file().get_basename()


## Returns the first 12 digits of the program's SHA-256, which change with every new version. Empty when unknown.
func get_model_version() -> String:
	return str((metadata.get("payload", {}) as Dictionary).get("sha256", "")).left(12)


## Returns the file that was imported, or the program's file.
func get_source_file_path() -> String:
	if _is_imported():
		return resource_path
	var source: String = str((metadata.get("source", {}) as Dictionary).get("path", ""))
	return source if not source.is_empty() else resource_path if not resource_path.is_empty() else payload_path


## Returns the program's constant methods: name to value.
func get_constants() -> Dictionary:
	return metadata.get("constants", {})


## Returns the names of the program's methods.
func get_method_names() -> PackedStringArray:
	var names: PackedStringArray = []
	for entry: Dictionary in metadata.get("methods", []) as Array:
		names.append(str(entry.get("name", "")))
	return names


## Returns the metadata of [param method]: [code]{name, inputs: [{name, dtype, shape, ranges}], outputs,
## planned_memory}[/code], and more fields if the model was imported. Returns an empty [Dictionary] if the program has
## no such method.
func get_method_meta(method: String = "forward") -> Dictionary:
	for entry: Dictionary in metadata.get("methods", []) as Array:
		if entry.get("name", "") == method:
			return entry
	return {}


# An imported model is tuned by its import options: the inspector shows those, and no empty groups.
func _validate_property(property: Dictionary) -> void:
	if property["name"] in ["Memory", "Optimization"] and _is_imported():
		property["usage"] = PROPERTY_USAGE_NONE


func _is_imported() -> bool:
	return resource_path.begins_with("res://") and not resource_path.get_extension() in ["tres", "res", "tscn", "scn"]


func _names_in(meta: Dictionary, side: String) -> PackedStringArray:
	var names: PackedStringArray = []
	for entry: Dictionary in meta.get(side, []) as Array:
		names.append(str(entry.get("name", "")))
	return names


func _shapes_in(meta: Dictionary, side: String) -> Array[PackedInt64Array]:
	var shapes: Array[PackedInt64Array] = []
	for entry: Dictionary in meta.get(side, []) as Array:
		shapes.append(PackedInt64Array(Array(entry.get("shape", []))))
	return shapes


# Sets everything back to its default. A file names only what differs from the defaults.
func _set_defaults() -> void:
	_edit_lock.lock()
	_is_reloaded = false
	state = State.EMPTY
	error = {}
	payload_path = ""
	external_paths = []
	model_data = []
	variant_paths = {}
	variant_data = {}
	metadata = {}
	memory_policy = MemoryPolicy.MEMORY_POLICY_AUTO
	memory_limit_bytes = 0
	optimization_level = OptimizationLevel.OPTIMIZATION_BASIC
	_edit_lock.unlock()


func _begin_edit() -> void:
	_edit_lock.lock()
	_is_reloaded = false


func _end_edit() -> void:
	_edit_lock.unlock()
	_follow_edit()


# A property was changed: what was loaded for the old value is out of date.
func _follow_edit() -> void:
	emit_changed()


# A path relative to the resource's file, as a whole path when that file is in the project.
func _from_project(path: String) -> String:
	var folder: String = resource_path.get_base_dir()
	var is_relative: bool = path.is_relative_path() and not path.is_empty()
	return folder.path_join(path) if is_relative and _is_project_path(folder) else path


static func _is_project_path(path: String) -> bool:
	return path.begins_with("res://") or path.begins_with("user://")
