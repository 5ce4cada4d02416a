@tool
@icon("res://addons/executorch/icons/error.svg")
class_name ExecuTorchError
extends RefCounted
## What went wrong with a model: a code, its cause (with expected and got) and what to do about it.
##
## [method ExecuTorchResource.get_last_error] and the same method of [ExecuTorchRuntime], [ExecuTorchNode] and
## [ExecuTorchCall] return one. [code]docs/errors.md[/code] has a line for each [member code_name].

## Numbers of the errors that the addon's GDScript finds itself. ExecuTorch's own are below 0x100, the native library's
## begin at 0x100; errors of the importer have a name and no number ([constant Code.IMPORT_ERROR]).
enum Code {
	## No error.
	OK = 0,
	## The native library has no build for this platform, or it is not there.
	NATIVE_LIBRARY_MISSING = 0x200,
	## The model is still being converted.
	MODEL_PENDING = 0x201,
	## The model's conversion failed; the cause is the importer's.
	MODEL_FAILED = 0x202,
	## The resource holds no model.
	MODEL_EMPTY = 0x203,
	## The payload or a part of it is not where the resource says.
	PAYLOAD_MISSING = 0x204,
	## A path leads out of the project.
	PATH_NOT_ALLOWED = 0x205,
	## The asynchronous call was cancelled.
	CALL_CANCELLED = 0x206,
	## Too many asynchronous calls wait.
	QUEUE_FULL = 0x207,
	## The file could not be written.
	FILE_NOT_WRITTEN = 0x208,
	## The value is no tensor: mixed types, ragged nesting or an unknown dtype.
	NOT_A_TENSOR = 0x209,
	## A script of the addon could not run; what Godot says of it stands above this error.
	SCRIPT_BROKEN = 0x20A,
	## An error of the importer or the backend, told by [member code_name].
	IMPORT_ERROR = 0x2FF,
}

## The number: one of [enum Code], of the native library, or of ExecuTorch.
var code: int = Code.OK
## The name, for example [code]"WRONG_SHAPE"[/code] or ExecuTorch's [code]"InvalidProgram"[/code].
var code_name: String = ""
## What happened, with expected and got.
var cause: String = ""
## What to do about it.
var remedy: String = ""


## Makes an error of the addon's own.
static func create(number: Code, what: String, what_to_do: String) -> ExecuTorchError:
	var error: ExecuTorchError = ExecuTorchError.new()
	error.code = number
	error.code_name = str(Code.find_key(number))
	error.cause = what
	error.remedy = what_to_do
	return error


## The error in place of what a script of the addon should have returned.
static func broken() -> ExecuTorchError:
	return create(
		Code.SCRIPT_BROKEN,
		"A script of the addon did not run to its end.",
		"Look for Godot's own error before this one; install the addon again, whole, when a script does not compile.",
	)


## Makes an error from [code]{code, name, cause, remedy}[/code] (the native library's) or [code]{code: String, cause,
## remedy}[/code] (the importer's).
static func from_dictionary(values: Dictionary) -> ExecuTorchError:
	var error: ExecuTorchError = ExecuTorchError.new()
	var number: Variant = values.get("code", Code.IMPORT_ERROR)
	error.code = number if number is int else Code.IMPORT_ERROR
	error.code_name = str(values.get("name", number))
	error.cause = str(values.get("cause", ""))
	error.remedy = str(values.get("remedy", ""))
	return error


## [code]{code, name, cause, remedy}[/code].
func to_dictionary() -> Dictionary:
	return {"code": code, "name": code_name, "cause": cause, "remedy": remedy}


## Writes the error to Godot's output, with the name of the model it belongs to.
func report(model_name: String) -> void:
	push_error("ExecuTorch: %s%s" % ["" if model_name.is_empty() else model_name + ": ", self])


func _to_string() -> String:
	return ("%s [%s] %s" % [cause, code_name, remedy]).strip_edges()
