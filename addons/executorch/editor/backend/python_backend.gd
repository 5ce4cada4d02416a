@tool
extends RefCounted
## The Python process that converts models: started when it is needed, spoken to over a loopback socket, ended when
## idle. Nothing here blocks; `poll` must be called often. Every wait has a deadline.

signal state_changed
## A notification that belongs to no request, for example `file_changed`.
signal notified(method: String, params: Dictionary)

enum State { STOPPED, STARTING, READY, FAILED }

const Connection := preload("rpc_connection.gd")
const Request := preload("rpc_request.gd")
const Launch := preload("backend_launch.gd")
const GameSettings := preload("res://addons/executorch/runtime/library/project_settings.gd")

const IDLE_MSEC: int = 10 * 60 * 1000
const DEFAULT_DEADLINE_MSEC: int = 120 * 1000
## A backend that ends unexpectedly is started again, but not more often than this.
const MAX_RESTARTS: int = 3
const RESTART_WINDOW_MSEC: int = 5 * 60 * 1000
const MAX_ATTEMPTS: int = 2

var state: State = State.STOPPED
## The backend's `hello`; empty while it is not running.
var hello: Dictionary = {}
## Why the backend is not there: `{code, cause, remedy}`.
var error: Dictionary = {}

var _launch: Launch
var _connection: Connection
var _requests: Dictionary = {}
var _next_id: int = 1
var _last_used_msec: int = 0
var _ends_msec: PackedInt64Array = []
## Links that the process watches, or will when it is there.
var _watched: Dictionary[String, bool] = {}


## Sends a request; the backend is started when it is not there. Never fails at once: see Request.finished.
func request(
	method: String, params: Dictionary, on_progress: Callable = Callable(), deadline_msec: int = DEFAULT_DEADLINE_MSEC
) -> Request:
	if _launch != null and _launch.libraries != GameSettings.get_kernel_libraries():
		restart()
	var made: Request = Request.new()
	made.id = str(_next_id)
	_next_id += 1
	made.method = method
	made.params = params
	made.on_progress = on_progress
	made.deadline_msec = Time.get_ticks_msec() + deadline_msec
	_requests[made.id] = made
	if method == "watch":
		_watched[str(params.get("link", ""))] = true
	elif method == "unwatch":
		_watched.erase(str(params.get("link", "")))
	if state == State.STOPPED or (state == State.FAILED and _may_restart()):
		start()
	return made


## Whether the backend runs in a Python that has the packages.
func can_convert() -> bool:
	return state == State.READY and (hello.get("environment", {}) as Dictionary).get("ok", false)


## Whether a request waits or a notification may arrive.
func is_active() -> bool:
	return state == State.STARTING or state == State.READY or not _requests.is_empty()


## Starts the backend if it is not there.
func start() -> void:
	if state == State.STARTING or state == State.READY:
		return
	error = {}
	_launch = Launch.new()
	_launch.begin()
	_set_state(State.STARTING)


## Ends the backend; requests that wait fail.
func stop() -> void:
	_fail_all("BACKEND_STOPPED", "The Python backend was stopped.", "Start it again from the ExecuTorch panel.")
	_end_process()
	_set_state(State.STOPPED)


## Restarts the backend; requests that wait are sent again.
func restart() -> void:
	_ends_msec.clear()
	_end_process()
	for waiting: Request in _requests.values():
		waiting.is_sent = false
	_set_state(State.STOPPED)
	start()


## Ends the backend and returns when its process has ended, after at most a few seconds.
func close() -> void:
	stop()
	Launch.reap(true)


## Reads, writes and checks deadlines, without waiting.
func poll() -> void:
	Launch.reap(false)
	if state == State.STARTING:
		_poll_launch()
	elif state == State.READY:
		_poll_connection()
	elif state == State.FAILED and not _requests.is_empty():
		# It ended too often to be started for later requests.
		_fail_all(str(error.get("code", "")), str(error.get("cause", "")), str(error.get("remedy", "")))
	_poll_deadlines()


func _poll_launch() -> void:
	_launch.poll()
	if _launch.is_running():
		return
	if _launch.connection == null:
		error = _launch.error
		_launch = null
		_set_state(State.FAILED)
		_fail_all(str(error["code"]), str(error["cause"]), str(error["remedy"]))
		return
	_connection = _launch.connection
	hello = _launch.hello
	_last_used_msec = Time.get_ticks_msec()
	_set_state(State.READY)


func _poll_connection() -> void:
	for message: Dictionary in _connection.poll():
		_receive(message)
		if _connection == null:
			return
	if not _connection.is_open():
		_lost()
		return
	for waiting: Request in _requests.values():
		if not waiting.is_sent:
			waiting.is_sent = true
			waiting.attempts += 1
			_connection.send({"id": waiting.id, "method": waiting.method, "params": waiting.params})
	var now: int = Time.get_ticks_msec()
	if not _requests.is_empty() or not _watched.is_empty():
		_last_used_msec = now
	elif now - _last_used_msec > IDLE_MSEC:
		stop()


func _receive(message: Dictionary) -> void:
	if message.has("method"):
		var params: Dictionary = message.get("params", {})
		var progressed: Request = _requests.get(str(params.get("id", ""))) if message["method"] == "progress" else null
		if progressed == null:
			notified.emit(str(message["method"]), params)
		elif progressed.on_progress.is_valid():
			progressed.on_progress.call(params)
		return
	var answered: Request = _requests.get(str(message.get("id", "")))
	if answered == null:
		return
	_requests.erase(answered.id)
	if message.has("error"):
		var told: Dictionary = message["error"]
		var data: Variant = told.get("data")
		var known: Dictionary = data if data is Dictionary else {}
		known.merge({"code": "BACKEND_ERROR", "cause": str(told.get("message", "")), "remedy": ""})
		answered.finish({"error": known})
	else:
		answered.finish({"result": message.get("result", {})})


## The connection has closed: unanswered requests are sent once more, to a new process.
func _lost() -> void:
	var fault: String = _connection.fault
	var detail: String = _launch.describe_end()
	var was_watching: bool = not _watched.is_empty()
	_end_process()
	_ends_msec.append(Time.get_ticks_msec())
	var cause: String = "The Python backend ended unexpectedly (%s)." % (detail if fault.is_empty() else fault)
	error = {
		"code": "BACKEND_DIED",
		"cause": cause,
		"remedy": "Import the file again; if it happens again, read the backend's output above.",
	}
	for waiting: Request in _requests.values():
		waiting.is_sent = false
		if waiting.attempts >= MAX_ATTEMPTS or not _may_restart():
			_requests.erase(waiting.id)
			waiting.finish({"error": error.duplicate()})
	_set_state(State.STOPPED if _may_restart() else State.FAILED)
	# The watching part sends its links again when the backend runs.
	if not _requests.is_empty() or (was_watching and _may_restart()):
		start()


func _may_restart() -> bool:
	var now: int = Time.get_ticks_msec()
	var recent: int = 0
	for end: int in _ends_msec:
		recent += int(now - end < RESTART_WINDOW_MSEC)
	return recent < MAX_RESTARTS


func _poll_deadlines() -> void:
	var now: int = Time.get_ticks_msec()
	for waiting: Request in _requests.values():
		if now > waiting.deadline_msec:
			_requests.erase(waiting.id)
			if waiting.is_sent and _connection != null:
				_connection.send({"id": waiting.id + "-late", "method": "cancel", "params": {"id": waiting.id}})
			waiting.fail(
				"BACKEND_NO_ANSWER",
				"The Python backend did not answer `%s` in time." % waiting.method,
				"Restart it from the ExecuTorch panel, or raise deadline_seconds in the import options."
			)


func _fail_all(code: String, cause: String, remedy: String) -> void:
	var waiting: Array = _requests.values()
	_requests.clear()
	for failed: Request in waiting:
		failed.fail(code, cause, remedy)


func _end_process() -> void:
	if _connection != null:
		_connection.close()
		_connection = null
	if _launch != null:
		_launch.end()
		_launch = null
	_watched.clear()
	hello = {}


func _set_state(to: State) -> void:
	if state != to:
		state = to
		state_changed.emit()
