@tool
extends RefCounted
## Makes a native module that runs one version of a model.

const ModelVersion := preload("model_version.gd")
const Native := preload("../library/native_library.gd")
const Payload := preload("model_payload.gd")

# ExecuTorchModelDescription's enums, which are above this folder.
const _PENDING: int = 1
const _FAILED: int = 3
const _MEMORY_POLICY_CUSTOM: int = 2


## A native module with the program loaded, or an ExecuTorchError: MODEL_PENDING while the model is converted.
static func make_module(version: ModelVersion) -> Variant:
	if version.state == _PENDING:
		return _pending_error()
	if not version.has_program():
		return nothing_error(version) if version.chosen == 0 else _no_variant_error(version)
	if version.state == _FAILED:
		var cause: String = str(version.error.get("cause", ""))
		push_warning("ExecuTorch: %s: the last version that worked is used. %s" % [version.source_path, cause])
	if version.model_data.is_empty() and version.payload_place.is_empty():
		return (
			ExecuTorchError
			. create(
				ExecuTorchError.Code.PATH_NOT_ALLOWED,
				"The payload path %s is outside of the project." % version.payload_path,
				"Use a path in res:// or user://, or load_from_file() for any file of this machine.",
			)
		)
	var module: RefCounted = Native.create_module()
	if module == null:
		return Native.missing_error()
	var found: ExecuTorchError = configure(module, version)
	if found == null:
		found = Payload.load_into(module, version)
	if found == null:
		found = _give_signatures(module, version)
	return module if found == null else found


## The error of a version without a program.
static func nothing_error(version: ModelVersion) -> ExecuTorchError:
	if version.state == _FAILED:
		return (
			ExecuTorchError
			. create(
				ExecuTorchError.Code.MODEL_FAILED,
				"The model could not be imported: %s" % str(version.error.get("cause", "")),
				str(version.error.get("remedy", "")),
			)
		)
	return ExecuTorchError.create(
		ExecuTorchError.Code.MODEL_EMPTY,
		"The resource has no model.",
		"Load an imported model, or call load_from_file() first."
	)


## Gives a module that is not loaded yet the run-time options. Null when it worked.
static func configure(module: RefCounted, version: ModelVersion) -> ExecuTorchError:
	var status: int = module.configure_memory(version.memory_policy, version.memory_limit_bytes)
	if status == 0 and version.memory_policy == _MEMORY_POLICY_CUSTOM:
		status = module.set_memory_pool(Native.shared_pool())
	if status == 0:
		status = module.set_optimization_level(version.optimization_level)
	return null if status == 0 else ExecuTorchError.from_dictionary(module.get_last_error() as Dictionary)


static func _no_variant_error(version: ModelVersion) -> ExecuTorchError:
	return (
		ExecuTorchError
		. create(
			ExecuTorchError.Code.PAYLOAD_MISSING,
			"%s has a variant %s without a program." % [version.source_path, version.metadata.get("recipe", "")],
			"Import the model again, or choose another optimization level.",
		)
	)


static func _pending_error() -> ExecuTorchError:
	return (
		ExecuTorchError
		. create(
			ExecuTorchError.Code.MODEL_PENDING,
			"The model is still being converted.",
			"Wait until the ExecuTorch panel shows it as done, or run `godot --headless --import` first.",
		)
	)


## The names and ranges that the program itself does not have.
static func _give_signatures(module: RefCounted, version: ModelVersion) -> ExecuTorchError:
	for method: Dictionary in version.metadata.get("methods", []) as Array:
		var inputs: Array = method.get("inputs", [])
		var outputs: Array = method.get("outputs", [])
		if module.set_signature(str(method.get("name", "")), inputs, outputs) != 0:
			return ExecuTorchError.from_dictionary(module.get_last_error() as Dictionary)
	return null
