@tool
extends RefCounted
## Runs the sliced calls of all sessions on the main thread, at the beginning of each frame. The calls of a frame share
## its time: one begins when those before it have ended. Ends with the scene tree, as the worker pool does.

const CallQueue := preload("call_queue.gd")

static var _lock: Mutex = Mutex.new()
# Queues whose oldest call is a sliced one. A queue stands here at most once.
static var _ready: Array[CallQueue] = []
static var _attached: bool = false
static var _stopped: bool = false


## Runs the oldest call of `queue` from the next frame on. Any thread.
static func schedule(queue: CallQueue) -> void:
	_lock.lock()
	if not _stopped:
		_ready.append(queue)
	_lock.unlock()
	_attach()


static func _attach() -> void:
	if _attached:
		return
	if OS.get_thread_caller_id() != OS.get_main_thread_id():
		_attach.call_deferred()
		return
	var tree: SceneTree = Engine.get_main_loop() as SceneTree
	if Engine.get_main_loop() == null:
		if Engine.get_process_frames() == 0:
			_attach.call_deferred()
	elif tree != null:
		_attached = true
		tree.process_frame.connect(_run_frame)
		if tree.root != null:
			tree.root.tree_exiting.connect(_stop)
		else:
			_stop()


static func _run_frame() -> void:
	var frame: CallQueue.Frame = CallQueue.Frame.new()
	_lock.lock()
	var queues: Array[CallQueue] = _ready
	_ready = []
	_lock.unlock()
	var unfinished: Array[CallQueue] = []
	for queue: CallQueue in queues:
		if queue.run_slices(frame):
			unfinished.append(queue)
	_lock.lock()
	# Those that were scheduled meanwhile come after the others.
	_ready = unfinished + _ready
	_lock.unlock()


# Gives up the calls that have not ended.
static func _stop() -> void:
	_lock.lock()
	_stopped = true
	var queues: Array[CallQueue] = _ready
	_ready = []
	_lock.unlock()
	for queue: CallQueue in queues:
		queue.give_up()
