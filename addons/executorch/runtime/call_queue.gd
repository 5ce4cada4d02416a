@tool
extends RefCounted
## Runs the asynchronous calls of one session, one after the other, on a thread of its own.

const Inputs := preload("model_inputs.gd")
const MODEL_WAIT_MSEC: int = 10

## How many calls may wait. 0 is no limit.
var limit: int = 64

var _lock: Mutex = Mutex.new()
var _wake: Semaphore = Semaphore.new()
var _waiting: Array[ExecuTorchCall] = []
var _running: ExecuTorchCall
var _thread: Thread
var _stopping: bool = false


## Adds a call; false when the queue is full.
func submit(request: ExecuTorchCall) -> bool:
	_lock.lock()
	var accepted: bool = not _stopping and (limit <= 0 or _waiting.size() < limit)
	if accepted:
		_waiting.append(request)
		if _thread == null:
			_thread = Thread.new()
			_thread.start(_work)
	_lock.unlock()
	if accepted:
		_wake.post()
	return accepted


## Calls that wait, without the one that runs.
func get_depth() -> int:
	_lock.lock()
	var depth: int = _waiting.size()
	_lock.unlock()
	return depth


## Gives up all calls; see [method ExecuTorchCall.cancel].
func cancel_all() -> void:
	_lock.lock()
	for request: ExecuTorchCall in _waiting:
		request.cancel()
	if _running != null:
		_running.cancel()
	_lock.unlock()


## Cancels everything and waits for the call that runs. The queue takes nothing more.
func stop() -> void:
	_lock.lock()
	_stopping = true
	_lock.unlock()
	cancel_all()
	_wake.post()
	if _thread != null:
		_thread.wait_to_finish()
		_thread = null


func _work() -> void:
	while true:
		_wake.wait()
		_lock.lock()
		_running = _waiting.pop_front() if not _waiting.is_empty() else null
		var stopping: bool = _stopping
		_lock.unlock()
		if _running != null:
			_run(_running)
		elif stopping:
			return


func _run(request: ExecuTorchCall) -> void:
	var got: Variant = request.provider.call()
	while _is_pending(got) and not request.is_cancelled():
		OS.delay_msec(MODEL_WAIT_MSEC)
		got = request.provider.call()
	var outputs: Dictionary = {}
	var error: ExecuTorchError = got as ExecuTorchError
	if got == null:
		error = ExecuTorchError.broken()
	elif error == null and not request.is_cancelled():
		var module: RefCounted = got
		outputs = Inputs.execute(module, request.method, request.inputs)
		error = Inputs.error_of(module) if outputs.is_empty() else null
	_lock.lock()
	_running = null
	_lock.unlock()
	# A static function, because a Callable does not keep its object alive and its arguments do.
	_deliver.call_deferred(request, outputs, error)


## A provider that returned nothing at all did not run: waiting for it would never end.
static func _is_pending(got: Variant) -> bool:
	return got is ExecuTorchError and (got as ExecuTorchError).code == ExecuTorchError.Code.MODEL_PENDING


static func _deliver(request: ExecuTorchCall, outputs: Dictionary, error: ExecuTorchError) -> void:
	request.end_with(outputs, error)
