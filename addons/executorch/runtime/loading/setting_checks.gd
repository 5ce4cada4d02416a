@tool
extends RefCounted
## Values of settings that no model can be run with, whether one is loaded or not.

# The native library's number and name, which says the same of a model that is loaded.
const _INVALID_OPTION: Dictionary = {"code": 0x110, "name": "INVALID_OPTION"}
const _MEMORY_POLICY_STATIC: int = 1


## The error of an optimization level, or null.
static func level_error(level: int) -> ExecuTorchError:
	if level >= 0 and level <= 2:
		return null
	return _error(
		"There is no optimization level %d." % level,
		"Give OPTIMIZATION_NONE, OPTIMIZATION_BASIC or OPTIMIZATION_AGGRESSIVE."
	)


## The error of a memory policy with its limit, or null.
static func memory_error(policy: int, limit_bytes: int) -> ExecuTorchError:
	if policy < 0 or policy > 2:
		return _error(
			"There is no memory policy %d." % policy,
			"Give MEMORY_POLICY_AUTO, MEMORY_POLICY_STATIC or MEMORY_POLICY_CUSTOM."
		)
	if limit_bytes < 0:
		return _error(
			"A memory limit of %d bytes is below 0." % limit_bytes, "Give 0 for no limit, or a number of bytes."
		)
	if policy == _MEMORY_POLICY_STATIC and limit_bytes == 0:
		return _error(
			"MEMORY_POLICY_STATIC needs a limit: all memory comes from one block of that size.",
			"Give the number of bytes as well."
		)
	return null


## The error of the time that a sliced call may take of each frame, or null.
static func budget_error(budget_msec: float) -> ExecuTorchError:
	if is_finite(budget_msec) and budget_msec > 0.0:
		return null
	return _error(
		"A sliced call cannot take %s ms of each frame." % budget_msec,
		"Give a number of milliseconds above 0, such as 2.0."
	)


static func _error(cause: String, remedy: String) -> ExecuTorchError:
	return ExecuTorchError.from_dictionary(_INVALID_OPTION.merged({"cause": cause, "remedy": remedy}))
