@tool
@icon("res://addons/executorch/icons/resource.svg")
class_name ExecuTorchModelDescription
extends Resource
## What an [ExecuTorchResource] keeps of a model: where its program is, what is known of it, and how it is to be run.

## What is in the resource.
enum State {
	## No model.
	EMPTY,
	## The model is still being converted by the editor.
	PENDING,
	## The model can be run.
	READY,
	## The conversion failed: see [member error]. The last good model, if there was one, can still be run.
	FAILED,
}

## Where a session's memory comes from.
enum MemoryPolicy {
	## Buffers are sized from the program.
	MEMORY_POLICY_AUTO = 0,
	## Everything comes from one block of [member memory_limit_bytes]; a model that does not fit is refused.
	MEMORY_POLICY_STATIC = 1,
	## Planned memory comes from a pool that all models with this policy share.
	MEMORY_POLICY_CUSTOM = 2,
}

## How a model is run.
enum OptimizationLevel {
	## One thread.
	OPTIMIZATION_NONE = 0,
	## The default.
	OPTIMIZATION_BASIC = 1,
	## A warm-up call, a workspace shared by models, and the packed-weight cache.
	OPTIMIZATION_AGGRESSIVE = 2,
}

const MEMORY_POLICY_AUTO: MemoryPolicy = MemoryPolicy.MEMORY_POLICY_AUTO
const MEMORY_POLICY_STATIC: MemoryPolicy = MemoryPolicy.MEMORY_POLICY_STATIC
const MEMORY_POLICY_CUSTOM: MemoryPolicy = MemoryPolicy.MEMORY_POLICY_CUSTOM
const OPTIMIZATION_NONE: OptimizationLevel = OptimizationLevel.OPTIMIZATION_NONE
const OPTIMIZATION_BASIC: OptimizationLevel = OptimizationLevel.OPTIMIZATION_BASIC
const OPTIMIZATION_AGGRESSIVE: OptimizationLevel = OptimizationLevel.OPTIMIZATION_AGGRESSIVE

## What is in the resource.
@export_storage var state: State = State.EMPTY:
	set(value):
		# A reload fills this very object and names only what differs from the defaults; the state is named first.
		state = value
		_set_defaults()
		_forget_module()
## Why the conversion failed: [code]{code, cause, remedy}[/code]; empty when it did not.
@export_storage var error: Dictionary = {}
## What is known of the model: name, source, methods, accuracy and so on. Fields that are not known are absent.
@export_storage var metadata: Dictionary = {}:
	set(value):
		metadata = value
		_forget_module()
## Files with weights outside of the program ([code].ptd[/code]), named as [member payload_path].
@export_storage var external_paths: PackedStringArray = []:
	set(value):
		external_paths = value
		_forget_module()
## The program itself, when it is kept inside the resource instead of in a file.
@export_storage var model_data: PackedByteArray = []:
	set(value):
		model_data = value
		_forget_module()
## The program's file: [code]res://[/code], [code]user://[/code] or relative to this resource.
@export_storage var payload_path: String = "":
	set(value):
		payload_path = value
		_forget_module()
@export_group("Memory")
## Where memory comes from. Takes effect when the model is loaded, or at once when it is.
@export var memory_policy: MemoryPolicy = MemoryPolicy.MEMORY_POLICY_AUTO:
	set(value):
		memory_policy = value
		_forget_module()
## Bytes of the block of [constant MEMORY_POLICY_STATIC]; 0 is no limit for the other policies.
@export_range(0, 1073741824, 1, "or_greater", "suffix:bytes") var memory_limit_bytes: int = 0:
	set(value):
		memory_limit_bytes = value
		_forget_module()
@export_group("Optimization")
## How the model is run.
@export var optimization_level: OptimizationLevel = OptimizationLevel.OPTIMIZATION_BASIC:
	set(value):
		optimization_level = value
		_forget_module()


## Names of the inputs of [param method], in order.
func get_input_names(method: String = "forward") -> PackedStringArray:
	return _names_in(get_method_meta(method), "inputs")


## Names of the outputs of [param method], in order.
func get_output_names(method: String = "forward") -> PackedStringArray:
	return _names_in(get_method_meta(method), "outputs")


## Shapes of the inputs of [param method], in order; a size that may change is the largest one.
func get_input_shapes(method: String = "forward") -> Array[PackedInt64Array]:
	return _shapes_in(get_method_meta(method), "inputs")


## Shapes of the outputs of [param method], in order; a size that may change is the largest one.
func get_output_shapes(method: String = "forward") -> Array[PackedInt64Array]:
	return _shapes_in(get_method_meta(method), "outputs")


## The model's name: from its metadata, else its file's.
func get_model_name() -> String:
	var known: String = str(metadata.get("name", ""))
	return known if not known.is_empty() else get_source_file_path().get_file().get_basename()


## The first 12 digits of the program's SHA-256, which change with every new version; empty when unknown.
func get_model_version() -> String:
	return str((metadata.get("payload", {}) as Dictionary).get("sha256", "")).left(12)


## Where the model came from: the file that was imported, else the program's.
func get_source_file_path() -> String:
	if _is_imported():
		return resource_path
	var source: String = str((metadata.get("source", {}) as Dictionary).get("path", ""))
	return source if not source.is_empty() else resource_path if not resource_path.is_empty() else payload_path


## Methods that always return the same: name to value.
func get_constants() -> Dictionary:
	return metadata.get("constants", {})


## Names of the program's methods.
func get_method_names() -> PackedStringArray:
	var names: PackedStringArray = []
	for entry: Dictionary in metadata.get("methods", []) as Array:
		names.append(str(entry.get("name", "")))
	return names


## What is known of a method: [code]{name, inputs: [{name, dtype, shape, ranges}], outputs, planned_memory}[/code] and
## more when the model was imported; empty when there is no such method.
func get_method_meta(method: String = "forward") -> Dictionary:
	for entry: Dictionary in metadata.get("methods", []) as Array:
		if entry.get("name", "") == method:
			return entry
	return {}


## An imported model is tuned by its import options: the inspector shows those, and no empty groups.
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


func _set_defaults() -> void:
	error = {}
	payload_path = ""
	external_paths = []
	model_data = []
	metadata = {}
	memory_policy = MemoryPolicy.MEMORY_POLICY_AUTO
	memory_limit_bytes = 0
	optimization_level = OptimizationLevel.OPTIMIZATION_BASIC


## What was loaded for the old values is of no use any more.
func _forget_module() -> void:
	emit_changed()
