@tool
extends RefCounted
## Calls of a native module that take ExecuTorchTensor beside what the module takes itself.


## Runs a method; empty when it failed (see error_of).
static func execute(module: RefCounted, method: String, inputs: Dictionary) -> Dictionary:
	var outputs: Dictionary = module.execute(method, inputs)
	if outputs.is_empty() and has_tensors(inputs):
		outputs = module.execute(method, plain(inputs))
	return outputs


## Whether any value is an ExecuTorchTensor.
static func has_tensors(inputs: Dictionary) -> bool:
	for value: Variant in inputs.values():
		if value is ExecuTorchTensor:
			return true
	return false


## The same inputs with every ExecuTorchTensor as `{data, shape, dtype}`.
static func plain(inputs: Dictionary) -> Dictionary:
	var changed: Dictionary = {}
	for key: Variant in inputs:
		changed[key] = plain_value(inputs[key])
	return changed


static func plain_value(value: Variant) -> Variant:
	return (value as ExecuTorchTensor).to_dictionary() if value is ExecuTorchTensor else value


## The error of the module's last call, or null.
static func error_of(module: RefCounted) -> ExecuTorchError:
	var told: Dictionary = module.get_last_error()
	return null if told.is_empty() else ExecuTorchError.from_dictionary(told)
