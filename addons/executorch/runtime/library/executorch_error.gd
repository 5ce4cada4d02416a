@tool
@icon("res://addons/executorch/icons/error.svg")
class_name ExecuTorchError
extends RefCounted
## An error of a model: a code, its cause and its remedy.
##
## Returned by [method ExecuTorchResource.get_last_error], [method ExecuTorchRuntime.get_last_error],
## [method ExecuTorchNode.get_last_error] and [method ExecuTorchCall.get_error]. [code]docs/errors.md[/code] lists all
## errors by their [member code_name].

## The errors that the addon's GDScript reports. ExecuTorch's own numbers are below 0x100, those of the native library
## begin at 0x100. All errors of the importer share [constant Code.IMPORT_ERROR] and differ by their [member code_name].
enum Code {
	## No error.
	OK = 0,
	## The native library is missing, or has no build for this platform.
	NATIVE_LIBRARY_MISSING = 0x200,
	## The model is still being converted.
	MODEL_PENDING = 0x201,
	## The conversion failed and there is no earlier version. [member cause] is that of the importer.
	MODEL_FAILED = 0x202,
	## The resource or session has no model.
	MODEL_EMPTY = 0x203,
	## The program, its external weights or a resource pack is missing.
	PAYLOAD_MISSING = 0x204,
	## The path of a resource's program is outside of [code]res://[/code] and [code]user://[/code].
	PATH_NOT_ALLOWED = 0x205,
	## The asynchronous call or the download was cancelled.
	CALL_CANCELLED = 0x206,
	## More asynchronous calls wait than [member ExecuTorchRuntime.queue_limit] allows.
	QUEUE_FULL = 0x207,
	## The file could not be written.
	FILE_NOT_WRITTEN = 0x208,
	## A value cannot be converted to a tensor.
	NOT_A_TENSOR = 0x209,
	## A script of the addon stopped with an error. Godot prints its own error before this one.
	SCRIPT_BROKEN = 0x20A,
	## A node of a task has a model that is made for something else, or has no task card.
	WRONG_TASK = 0x20B,
	## What was given as a picture is none, or has no pixels.
	NOT_A_PICTURE = 0x20C,
	## A node that reads text has no tokenizer.
	TOKENIZER_MISSING = 0x20D,
	## A text has no tokens.
	TEXT_WITHOUT_TOKENS = 0x20E,
	## The server could not be reached, broke off, or answered with an error.
	DOWNLOAD_FAILED = 0x20F,
	## The downloaded file has another hash. Nothing was kept.
	DOWNLOAD_WRONG_HASH = 0x210,
	## The file is larger than the download allows.
	DOWNLOAD_TOO_LARGE = 0x211,
	## The address, hash, path or header of a download is not valid.
	DOWNLOAD_REFUSED = 0x212,
	## The given sound cannot be read, or it has no samples.
	NOT_A_SOUND = 0x213,
	## A sentence is longer than the model of a voice takes.
	TEXT_TOO_LONG = 0x214,
	## An error of the importer or the backend; see [member code_name].
	IMPORT_ERROR = 0x2FF,
}

## The number of the error: one of [enum Code], of the native library, or of ExecuTorch.
var code: int = Code.OK
## The name of the error, for example [code]"WRONG_SHAPE"[/code] or ExecuTorch's [code]"InvalidProgram"[/code].
var code_name: String = ""
## What happened, with the expected and the actual value.
var cause: String = ""
## What to do about the error.
var remedy: String = ""


## For the addon: returns an error with one of [enum Code].
static func create(number: Code, what: String, what_to_do: String) -> ExecuTorchError:
	var error: ExecuTorchError = ExecuTorchError.new()
	error.code = number
	error.code_name = str(Code.find_key(number))
	error.cause = what
	error.remedy = what_to_do
	return error


## For the addon: returns the error that replaces the result of a script that stopped.
static func broken() -> ExecuTorchError:
	return create(
		Code.SCRIPT_BROKEN,
		"A script of the addon stopped with an error.",
		"Read Godot's own error before this one. If a script does not compile, install the complete addon again.",
	)


## For the addon: returns an error with the fields of a [Dictionary]. The native library's errors are [code]{code, name,
## cause, remedy}[/code], the importer's [code]{code: String, cause, remedy}[/code].
static func from_dictionary(values: Dictionary) -> ExecuTorchError:
	var error: ExecuTorchError = ExecuTorchError.new()
	var number: Variant = values.get("code", Code.IMPORT_ERROR)
	error.code = number if number is int else Code.IMPORT_ERROR
	error.code_name = str(values.get("name", number))
	error.cause = str(values.get("cause", ""))
	error.remedy = str(values.get("remedy", ""))
	return error


## Returns a [Dictionary] [code]{code, name, cause, remedy}[/code].
func to_dictionary() -> Dictionary:
	return {"code": code, "name": code_name, "cause": cause, "remedy": remedy}


## Prints the error with [method @GlobalScope.push_error], with the name of its model.
func report(model_name: String) -> void:
	push_error("ExecuTorch: %s%s" % ["" if model_name.is_empty() else model_name + ": ", self])


func _to_string() -> String:
	return ("%s [%s] %s" % [cause, code_name, remedy]).strip_edges()
