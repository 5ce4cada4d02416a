@tool
extends RefCounted
## The asynchronous calls of one session: they run one after the other, on the threads of the worker pool or, in slices,
## in the frames of the main thread.

## Where the slices of a call in one frame end.
enum Reached { BUDGET, PENDING_MODEL, END }

## How many calls may wait. 0 means no limit.
var limit: int = 64

# schedule.call(queue): lets a worker call run_next(). A Callable, because the worker pool uses this class.
var _schedule: Callable
# slice.call(queue): lets the frames call run_slices().
var _slice: Callable
# provide.call(): loads the model; an ExecuTorchError when that failed, MODEL_PENDING while it is converted.
var _provide: Callable
# execute.call(method, inputs): [outputs, error]
var _execute: Callable
# begin_sliced.call(method, inputs): the native run
var _begin_sliced: Callable
# explain.call(run, method, inputs): why a native run failed; null when it did not
var _explain: Callable
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


## How sliced calls are run; before the first of them.
func run_sliced_with(begin_sliced: Callable, explain: Callable, slice: Callable) -> void:
	_begin_sliced = begin_sliced
	_explain = explain
	_slice = slice


## Adds a call; false when the queue is full.
func submit(job: Job) -> bool:
	_lock.lock()
	var accepted: bool = not _is_stopped and (limit <= 0 or _count() < limit)
	if accepted:
		job.request.follow(self)
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
	var is_sliced: bool = begins and _waiting[0].is_sliced()
	_lock.unlock()
	if begins:
		(_slice if is_sliced else _schedule).call(self)


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


## Cancels all calls, and drops a sliced one that has begun instead of completing it: its model goes.
func drop_all() -> void:
	cancel_all()
	_lock.lock()
	var dropped: Job = _running
	_lock.unlock()
	if dropped != null:
		dropped.is_dropped = true


## Forgets all calls, because the game ends.
func give_up() -> void:
	_lock.lock()
	_is_stopped = true
	_waiting = []
	_running = null
	_lock.unlock()


## For workers: runs the oldest call. True when there is another one for a worker.
func run_next() -> bool:
	var job: Job = _take(false)
	if job == null:
		return false
	var got: Variant = _provide.call()
	if _is_pending(got) and not job.request.is_cancelled():
		return _wait_for_model(job)
	_lock.lock()
	_is_asking = false
	_lock.unlock()
	_run(job, got)
	return _end_running(false)


## For the frames, on the main thread: runs sliced calls until the frame has taken the budget of the next one. True when
## one of them has not ended.
func run_slices(frame: Frame) -> bool:
	while true:
		_lock.lock()
		var begun: Job = _running
		_lock.unlock()
		var job: Job = begun if begun != null else _take(true)
		if job == null:
			return false
		var end_usec: int = frame.begin_usec + job.budget_usec
		var reached: Reached = Reached.BUDGET
		if not frame.has_run or Time.get_ticks_usec() < end_usec:
			frame.has_run = true
			reached = _advance(job, end_usec)
		if reached == Reached.BUDGET:
			return true
		if reached == Reached.PENDING_MODEL:
			return _wait_for_model(job)
		if not _end_running(true):
			return false
	return false


func _advance(job: Job, end_usec: int) -> Reached:
	if job.run == null:
		var got: Variant = _provide.call()
		if _is_pending(got) and not job.request.is_cancelled():
			return Reached.PENDING_MODEL
		_lock.lock()
		_is_asking = false
		_lock.unlock()
		if got == null or got is ExecuTorchError or job.request.is_cancelled():
			_run(job, got)
			return Reached.END
		job.run = _begin_sliced.call(job.method, job.inputs)
	if job.is_dropped:
		job.run = null
		_deliver.call_deferred(job, {}, null)
		return Reached.END
	@warning_ignore("unsafe_method_access")
	if not job.run.advance(float(end_usec - Time.get_ticks_usec())):
		return Reached.BUDGET
	var error: ExecuTorchError = _explain.call(job.run, job.method, job.inputs)
	if error != null and error.code_name == "NOT_LOADED":
		# The program was unloaded before the call began: the next frame begins it again.
		job.run = null
		return Reached.BUDGET
	@warning_ignore("unsafe_method_access")
	_deliver.call_deferred(job, job.run.get_outputs(), error)
	return Reached.END


# The oldest call, if it is one for the frames or for workers. Otherwise the others are told, and it is null.
func _take(for_frames: bool) -> Job:
	_lock.lock()
	var is_there: bool = not _waiting.is_empty()
	var is_other: bool = is_there and _waiting[0].is_sliced() != for_frames
	_running = _waiting.pop_front() if is_there and not is_other else null
	var job: Job = _running
	_is_active = is_there
	_is_asking = job != null
	_lock.unlock()
	if is_other:
		(_schedule if for_frames else _slice).call(self)
	return job


# True when the next call is of the same kind. Otherwise the others are told.
func _end_running(for_frames: bool) -> bool:
	_lock.lock()
	_running = null
	_is_active = not _waiting.is_empty()
	var goes_on: bool = _is_active and _waiting[0].is_sliced() == for_frames
	var is_other: bool = _is_active and not goes_on
	_lock.unlock()
	if is_other:
		(_schedule if for_frames else _slice).call(self)
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


## The time of a frame, which all sliced calls share.
class Frame:
	extends RefCounted
	var begin_usec: int = Time.get_ticks_usec()
	## Whether any call has run: the first one runs, however small its budget.
	var has_run: bool = false


## A call, its method and its inputs, which belong to it.
class Job:
	extends RefCounted
	var request: ExecuTorchCall
	var method: String
	var inputs: Dictionary
	## The session or resource, which must live as long as the call.
	var owner: RefCounted
	## Of a sliced call: microseconds of a frame; 0 = a worker runs the call.
	var budget_usec: int = 0
	## Of a sliced call that has begun: the native run.
	var run: RefCounted
	## A sliced call whose model was unloaded.
	var is_dropped: bool = false

	func is_sliced() -> bool:
		return budget_usec > 0
