@tool
class_name ExecuTorchCall
extends RefCounted
## One asynchronous run of a model. [method ExecuTorchResource.submit] and [method ExecuTorchRuntime.submit] return it.
##
## [codeblock]
## var call: ExecuTorchCall = model.submit({"input_0": observations})
## call.finished.connect(func(result: Dictionary) -> void: act(result["output_0"]))
## [/codeblock]

## Emitted on the main thread when the call has ended. [param result] is empty when it failed or was cancelled; see
## [method get_error].
signal finished(result: Dictionary)

## The outputs of the model: name to packed array. Empty until the call has ended, and if it failed.
var result: Dictionary = {}

var _model_name: String = ""
var _queue: WeakRef
var _error: ExecuTorchError
var _finished: bool = false
var _cancelled: bool = false


## Returns [code]true[/code] when the call has ended, in whatever way.
func is_finished() -> bool:
	return _finished


## Returns [code]true[/code] when [method cancel] was called before the call ended.
func is_cancelled() -> bool:
	return _cancelled


## Cancels the call. A call that waits leaves the queue and never runs; one that runs is completed and its result is
## dropped. [signal finished] is emitted at the end of the frame in both cases.
func cancel() -> void:
	if _finished or _cancelled:
		return
	_cancelled = true
	var queue: RefCounted = _queue.get_ref() as RefCounted if _queue != null else null
	if queue != null:
		queue.call(&"remove", self)
	# A static function, because a Callable does not keep its object alive and its arguments do.
	_end_cancelled.call_deferred(self)


## Returns why the call failed, or [code]null[/code].
func get_error() -> ExecuTorchError:
	return _error


## For the addon: the name of the model in messages.
func set_model_name(model_name: String) -> void:
	_model_name = model_name


## For the addon: the queue that the call waits in.
func follow(queue: RefCounted) -> void:
	_queue = weakref(queue)


## For the addon: ends the call, once, on the main thread.
func end_with(outputs: Dictionary, error: ExecuTorchError) -> void:
	if _finished:
		return
	if _cancelled:
		outputs = {}
		error = cancelled_error()
	elif error != null:
		error.report(_model_name)
	result = outputs
	_error = error
	_finished = true
	finished.emit(outputs)


## For the addon: the error of a call that was cancelled.
static func cancelled_error() -> ExecuTorchError:
	return ExecuTorchError.create(ExecuTorchError.Code.CALL_CANCELLED, "The call was cancelled.", "")


static func _end_cancelled(request: ExecuTorchCall) -> void:
	request.end_with({}, cancelled_error())
