@tool
extends RefCounted
## Runs callables: on the main thread for a short time in every frame, or on worker threads. A callable's value goes to
## `outbox` as `{kind: "done", call, value}`.

const MAX_WORKERS: int = 8
const MAX_WAITING: int = 256
const STOP_WAIT_MSEC: int = 2000
const FrameInbox = preload("frame_inbox.gd")
const Mailbox = preload("mailbox.gd")

# Threads that hung when their server stopped; a Thread object must not go away while it runs.
static var _abandoned: Array[Thread] = []

var outbox: Mailbox = null
## Microseconds of a frame that may be spent before no further call is begun.
var frame_budget_usec: int = 500

var _main_jobs: Mailbox = Mailbox.new()
var _due: FrameInbox = FrameInbox.new(_main_jobs)
# Main thread only: finished calls, until the outbox is free.
var _finished: Array = []
var _worker_jobs: Mailbox = Mailbox.new()
var _wake: Semaphore = Semaphore.new()
var _mutex: Mutex = Mutex.new()
var _workers: Array[Thread] = []
var _idle_workers: int = 0
var _stopping: bool = false


## Returns false when too many calls are already waiting.
func submit(running: ExecuTorchMCPCall, callable: Callable) -> bool:
	var jobs: Mailbox = _worker_jobs if running.is_threaded else _main_jobs
	if jobs.size() >= MAX_WAITING:
		return false
	# A job is also the message that it is done: the frame loop allocates nothing that another thread must free.
	jobs.push({"kind": "done", "call": running, "callable": callable, "value": null})
	if running.is_threaded:
		_mutex.lock()
		if _worker_jobs.size() > _idle_workers and _workers.size() < MAX_WORKERS and not _stopping:
			var worker: Thread = Thread.new()
			_workers.append(worker)
			worker.start(_work)
		_mutex.unlock()
		_wake.post()
	return true


## Main thread, every frame.
func run_main_jobs() -> void:
	var began: int = Time.get_ticks_usec()
	while Time.get_ticks_usec() - began < frame_budget_usec:
		var job: Variant = _due.take_one()
		if job == null:
			break
		_run(job)
	if not _finished.is_empty() and outbox.send_at_once(_finished):
		_finished = []


## Main thread. Workers that do not return in two seconds keep running: a thread cannot be ended from outside.
func stop() -> void:
	_mutex.lock()
	_stopping = true
	var workers: Array[Thread] = _workers.duplicate()
	_mutex.unlock()
	_due.clear()
	_finished = []
	_worker_jobs.take_all()
	for _worker: Thread in workers:
		_wake.post()
	var deadline: int = Time.get_ticks_msec() + STOP_WAIT_MSEC
	for worker: Thread in workers:
		while worker.is_alive() and Time.get_ticks_msec() < deadline:
			OS.delay_msec(1)
		if worker.is_alive():
			_abandoned.append(worker)
			push_warning("ExecuTorch MCP: a tool did not return; its thread keeps running.")
		else:
			worker.wait_to_finish()
	_workers.clear()


func _work() -> void:
	while true:
		_mutex.lock()
		_idle_workers += 1
		_mutex.unlock()
		_wake.wait()
		_mutex.lock()
		_idle_workers -= 1
		var stopping: bool = _stopping
		_mutex.unlock()
		if stopping:
			return
		var job: Variant = _worker_jobs.take_one()
		if job != null:
			_run(job)


func _run(job: Dictionary) -> void:
	var running: ExecuTorchMCPCall = job["call"]
	var callable: Callable = job["callable"]
	if not running.is_cancelled():
		if callable.is_valid():
			# A callable that awaits continues later; then this function continues too.
			job["value"] = await callable.callv(arguments_for(callable, running))
		else:
			job["value"] = running.error_result(
				"The object that registered '%s' no longer exists." % running.registered_name
			)
	# A callable that awaited may continue on any thread.
	if not running.is_threaded and OS.get_thread_caller_id() == OS.get_main_thread_id():
		_finished.append(job)
	else:
		outbox.push(job)


## A callable has no parameter, the arguments, or the arguments and the call.
static func arguments_for(callable: Callable, running: ExecuTorchMCPCall) -> Array:
	match callable.get_argument_count():
		0:
			return []
		1:
			return [running.arguments]
	return [running.arguments, running]
