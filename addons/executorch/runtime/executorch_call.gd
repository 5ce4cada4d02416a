@tool
class_name ExecuTorchCall
extends RefCounted
## One asynchronous run of a model. [method ExecuTorchResource.submit] and [method ExecuTorchRuntime.submit] return it.
##
## [codeblock]
## var call: ExecuTorchCall = model.submit({"input_0": observations})
## call.finished.connect(func(result: Dictionary) -> void: act(result["output_0"]))
## [/codeblock]

## The call has ended; [param result] is empty when it failed or was cancelled. Emitted on the main thread.
signal finished(result: Dictionary)

## What the model returned: output name to packed array. Empty until the call has ended, and when it failed.
var result: Dictionary = {}

## The name of the model it runs, for messages.
var model_name: String = ""
## What the model is given; emptied when the call has ended.
var inputs: Dictionary = {}
## The method that runs.
var method: String = "forward"
## For the queue: keeps the model alive until the call has ended.
var owner: RefCounted
## For the queue: returns the native module or an ExecuTorchError, MODEL_PENDING while the model is not ready. Any
## thread.
var provider: Callable

var _error: ExecuTorchError
var _finished: bool = false
var _cancelled: bool = false


## Whether the call has ended, in whatever way.
func is_finished() -> bool:
	return _finished


## Whether [method cancel] came before the end.
func is_cancelled() -> bool:
	return _cancelled


## Gives the call up. One that waits never runs; one that runs is run to its end and its result is dropped.
func cancel() -> void:
	if not _finished:
		_cancelled = true


## Why the call failed, or null.
func get_error() -> ExecuTorchError:
	return _error


## For the queue: ends the call, on the main thread.
func end_with(outputs: Dictionary, error: ExecuTorchError) -> void:
	if _cancelled:
		outputs = {}
		error = ExecuTorchError.create(ExecuTorchError.Code.CALL_CANCELLED, "The call was cancelled.", "")
	elif error != null:
		error.report(model_name)
	result = outputs
	_error = error
	_finished = true
	inputs = {}
	owner = null
	provider = Callable()
	finished.emit(outputs)
