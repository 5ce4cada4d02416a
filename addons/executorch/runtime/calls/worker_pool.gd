@tool
extends RefCounted
## The threads that run the asynchronous calls of all sessions: few, whatever the number of sessions. They end with the
## scene tree; after that nothing is run.

const CallQueue := preload("call_queue.gd")
const LEAST_THREADS: int = 4

static var _lock: Mutex = Mutex.new()
static var _wake: Semaphore = Semaphore.new()
static var _threads: Array[Thread] = []
# Queues that have a call to run. A queue stands here at most once, so that its calls run one after the other.
static var _ready: Array[CallQueue] = []
static var _idle: int = 0
static var _stopped: bool = false
static var _attached: bool = false


## Lets a worker run one call of `queue`. Any thread.
static func schedule(queue: CallQueue) -> void:
	_lock.lock()
	if not _stopped:
		_ready.append(queue)
		if _ready.size() > _idle and _threads.size() < get_limit():
			var thread: Thread = Thread.new()
			_threads.append(thread)
			thread.start(_work)
	_lock.unlock()
	_wake.post()
	_attach()


## Whether the scene tree has ended. Nothing is run any more.
static func is_stopped() -> bool:
	return _stopped


## How many threads there may be.
static func get_limit() -> int:
	return maxi(OS.get_processor_count(), LEAST_THREADS)


## How many threads there are.
static func get_thread_count() -> int:
	_lock.lock()
	var count: int = _threads.size()
	_lock.unlock()
	return count


## Drops the waiting calls, and waits for those that run.
static func stop() -> void:
	_lock.lock()
	_stopped = true
	_ready.clear()
	var threads: Array[Thread] = _threads.duplicate()
	_threads.clear()
	_lock.unlock()
	for _thread: Thread in threads:
		_wake.post()
	for thread: Thread in threads:
		thread.wait_to_finish()


## The tree's root leaves last, before scripts and the native library go.
static func _attach() -> void:
	if _attached:
		return
	if OS.get_thread_caller_id() != OS.get_main_thread_id():
		_attach.call_deferred()
		return
	var tree: SceneTree = Engine.get_main_loop() as SceneTree
	if Engine.get_main_loop() == null:
		# A script that is the main loop itself (`--script`) calls a model while it is made, before the first frame.
		if Engine.get_process_frames() == 0:
			_attach.call_deferred()
	elif tree != null:
		_attached = true
		if tree.root != null:
			tree.root.tree_exiting.connect(stop)
		else:
			# Another thread made the first call while the tree ended.
			stop()


static func _work() -> void:
	while true:
		_lock.lock()
		_idle += 1
		_lock.unlock()
		_wake.wait()
		_lock.lock()
		_idle -= 1
		var stopped: bool = _stopped
		var queue: CallQueue = _ready.pop_front() if not _ready.is_empty() else null
		_lock.unlock()
		if stopped:
			return
		if queue != null and queue.run_next():
			schedule(queue)
