@tool
extends RefCounted
## The asynchronous calls of one session: they run one after the other on the threads of the worker pool.

## How many calls may wait. 0 means no limit.
var limit: int = 64

# schedule.call(queue): lets a worker call run_next(). A Callable, because the worker pool uses this class.
var _schedule: Callable
# provide.call(): loads the model; an ExecuTorchError when that failed, MODEL_PENDING while it is converted.
var _provide: Callable
# execute.call(method, inputs): [outputs, error]
var _execute: Callable
var _lock: Mutex = Mutex.new()
var _waiting: Array[Job] = []
var _running: Job
# The running call counts as waiting while its model is checked.
var _is_asking: bool = false
# Scheduled or running; false also while the queue waits for a model that is being converted.
var _is_active: bool = false
var _is_stopped: bool = false


func _init(provide: Callable, execute: Callable, schedule: Callable) -> void:
	_provide = provide
	_execute = execute
	_schedule = schedule


## Adds a call with inputs that belong to it; false when the queue is full. `owner` lives until the call has ended.
func submit(request: ExecuTorchCall, method: String, inputs: Dictionary, owner: RefCounted) -> bool:
	var job: Job = Job.new()
	job.request = request
	job.method = method
	job.inputs = inputs
	job.owner = owner
	_lock.lock()
	var accepted: bool = not _is_stopped and (limit <= 0 or _count() < limit)
	if accepted:
		request.follow(self)
		_waiting.append(job)
	_lock.unlock()
	if accepted:
		wake()
	return accepted


## Why a call was not taken. `setting` is where the limit is set.
static func full_error(most: int, setting: String) -> ExecuTorchError:
	return (
		ExecuTorchError
		. create(
			ExecuTorchError.Code.QUEUE_FULL,
			"%d calls are already waiting." % most,
			"Wait for results before asking for more, or raise %s." % setting,
		)
	)


## Continues when there is something to do: after a submit, and when the model has changed.
func wake() -> void:
	_lock.lock()
	var begins: bool = not _is_active and not _waiting.is_empty()
	_is_active = _is_active or begins
	_lock.unlock()
	if begins:
		_schedule.call(self)


## Calls that wait, without the one that runs.
func get_depth() -> int:
	_lock.lock()
	var depth: int = _count()
	_lock.unlock()
	return depth


func _count() -> int:
	var is_waiting: bool = _is_asking and _running != null and not _running.request.is_cancelled()
	return _waiting.size() + int(is_waiting)


## Removes a cancelled call. One that runs is completed, and its result is dropped.
func remove(request: ExecuTorchCall) -> void:
	_lock.lock()
	_waiting = _waiting.filter(func(job: Job) -> bool: return job.request != request)
	_lock.unlock()


## Cancels all calls; see [method ExecuTorchCall.cancel].
func cancel_all() -> void:
	_lock.lock()
	var given_up: Array[Job] = _waiting
	_waiting = []
	if _running != null:
		given_up.append(_running)
	_lock.unlock()
	for job: Job in given_up:
		job.request.cancel()


## For workers: runs the oldest call. True when there is another one to run.
func run_next() -> bool:
	_lock.lock()
	_running = _waiting.pop_front() if not _waiting.is_empty() else null
	var job: Job = _running
	_is_active = job != null
	_is_asking = job != null
	_lock.unlock()
	if job == null:
		return false
	var got: Variant = _provide.call()
	if _is_pending(got) and not job.request.is_cancelled():
		return _wait_for_model(job)
	_lock.lock()
	_is_asking = false
	_lock.unlock()
	_run(job, got)
	_lock.lock()
	_running = null
	_is_active = not _waiting.is_empty()
	var goes_on: bool = _is_active
	_lock.unlock()
	return goes_on


## Puts the call back to the front until the model is loaded. If it was loaded since the check, it is checked again.
func _wait_for_model(job: Job) -> bool:
	_lock.lock()
	_running = null
	_is_asking = false
	if job.request.is_cancelled():
		_deliver.call_deferred(job, {}, null)
	else:
		_waiting.push_front(job)
	_is_active = false
	_lock.unlock()
	if _is_pending(_provide.call()):
		return false
	wake()
	return false


func _run(job: Job, got: Variant) -> void:
	var outputs: Dictionary = {}
	var error: ExecuTorchError = got as ExecuTorchError
	if got == null:
		error = ExecuTorchError.broken()
	elif error == null and not job.request.is_cancelled():
		var done: Array = _execute.call(job.method, job.inputs)
		outputs = done[0]
		error = done[1]
	# A static function, because a Callable does not keep its object alive and its arguments do.
	_deliver.call_deferred(job, outputs, error)


## A provider that returned nothing at all did not run: waiting for it would never end.
static func _is_pending(got: Variant) -> bool:
	return got is ExecuTorchError and (got as ExecuTorchError).code == ExecuTorchError.Code.MODEL_PENDING


static func _deliver(job: Job, outputs: Dictionary, error: ExecuTorchError) -> void:
	job.request.end_with(outputs, error)


## A call, its method and its inputs.
class Job:
	extends RefCounted
	var request: ExecuTorchCall
	var method: String
	var inputs: Dictionary
	## The session or resource, which must live as long as the call.
	var owner: RefCounted
