@tool
extends RefCounted
## Starts one backend process: tries the interpreters one after the other until one sends a valid `hello`.

const Connection := preload("rpc_connection.gd")
const Interpreters := preload("interpreters.gd")

const Settings := preload("res://addons/executorch/editor/shared/settings.gd")
const GameSettings := preload("res://addons/executorch/runtime/library/project_settings.gd")
const SigningKeys := preload("res://addons/executorch/editor/cache/signing_keys.gd")

## Version of the RPC; the same as in python_backend/__init__.py.
const PROTOCOL: int = 1
const PYTHON_PACKAGES: String = "res://addons/executorch/python"
const SECRET_BYTES: int = 32
const HELLO_MSEC: int = 30 * 1000
const END_MSEC: int = 3000
const MAX_TRIES: int = 8

## Processes whose socket was closed -> when they are killed if they did not end by then.
static var _ending: Dictionary = {}

## The proven connection, or null when no interpreter would do.
var connection: Connection
var hello: Dictionary = {}
## `{code, cause, remedy}` when there is no connection.
var error: Dictionary = {}
## The game's kernel libraries, which the process has from its start.
var libraries: PackedStringArray = GameSettings.get_kernel_libraries()

var _candidates: Array[Dictionary] = []
var _next: int = 0
var _server: TCPServer
var _secret: String = ""
var _pid: int = -1
var _interpreter: String = ""
var _unproven: Array[Connection] = []
var _deadline_msec: int = 0
var _running: bool = false
## The best interpreter that answered although something is missing in it.
var _fallback: Dictionary = {}
var _is_last_resort: bool = false


## Kills the processes that did not end in time; with `wait`, returns when there are none.
static func reap(wait: bool) -> void:
	while not _ending.is_empty():
		for pid: int in _ending.keys():
			if not OS.is_process_running(pid):
				_ending.erase(pid)
			elif Time.get_ticks_msec() > int(_ending[pid]):
				OS.kill(pid)
				_ending.erase(pid)
		if not wait:
			return
		OS.delay_msec(5)


func begin() -> void:
	_running = true
	_candidates = Interpreters.find_candidates().slice(0, MAX_TRIES)
	if not DirAccess.dir_exists_absolute(ProjectSettings.globalize_path(PYTHON_PACKAGES.path_join("python_backend"))):
		_give_up(
			"PYTHON_PACKAGES_MISSING",
			"The addon's Python packages are missing (%s)." % PYTHON_PACKAGES,
			"Install the complete addon; in a checkout run `python3 dev.py build`."
		)
	elif _candidates.is_empty():
		_give_up(
			"NO_PYTHON",
			"No Python interpreter was found.",
			(
				"Install Python %s and name it in EXECUTORCH_PYTHON or the editor setting executorch/python/interpreter."
				% Interpreters.VERSIONS
			)
		)
	else:
		_try_next()


func is_running() -> bool:
	return _running


func poll() -> void:
	if not _running:
		return
	while _server != null and _server.is_connection_available():
		_unproven.append(Connection.new(_server.take_connection()))
	for candidate: Connection in _unproven.duplicate():
		var messages: Array[Dictionary] = candidate.poll()
		if not messages.is_empty():
			_unproven.erase(candidate)
			_judge(candidate, messages[0])
			return
	if not OS.is_process_running(_pid):
		_failed("BACKEND_DID_NOT_START", "%s ended before the backend answered (%s)." % [_interpreter, describe_end()])
	elif Time.get_ticks_msec() > _deadline_msec:
		var seconds: float = HELLO_MSEC / 1000.0
		_failed("BACKEND_DID_NOT_START", "%s did not start the backend within %d s." % [_interpreter, seconds])


## How the process ended, in words.
func describe_end() -> String:
	return "exit status %d" % OS.get_process_exit_code(_pid) if _pid > 0 else "it was not started"


## Ends the process: it ends when the socket closes, and is killed if it does not.
func end() -> void:
	_running = false
	if connection != null:
		connection.close()
	_stop_process()


func _try_next() -> void:
	if _next < _candidates.size():
		_next += 1  # first: _spawn comes back here at once when there is no such file
		_spawn(_candidates[_next - 1])
	elif not _fallback.is_empty() and not _is_last_resort:
		# An incomplete Python can still report what is missing, and set it up.
		_is_last_resort = true
		error = {}
		_spawn(_fallback)
	else:
		_running = false


func _spawn(candidate: Dictionary) -> void:
	_interpreter = candidate["path"]
	if not FileAccess.file_exists(_interpreter):
		_failed("PYTHON_NOT_FOUND", "There is no Python interpreter at %s (%s)." % [_interpreter, candidate["source"]])
		return
	_server = TCPServer.new()
	if _server.listen(0, "127.0.0.1") != OK:
		_give_up("NO_PORT", "The editor cannot listen on any port of 127.0.0.1.", "Check the machine's firewall rules.")
		return
	_secret = Crypto.new().generate_random_bytes(SECRET_BYTES).hex_encode()
	var environment: Dictionary = {
		"EXECUTORCH_RPC_PORT": str(_server.get_local_port()),
		"EXECUTORCH_RPC_SECRET": _secret,
		"PYTHONPATH": ProjectSettings.globalize_path(PYTHON_PACKAGES),
		"PYTHONSAFEPATH": "1",
		"EXECUTORCH_LIBRARIES": (";" if OS.get_name() == "Windows" else ":").join(libraries),
		"EXECUTORCH_CACHE": Settings.get_cache_folder(),
	}
	var signing_key: String = SigningKeys.get_named()
	if not signing_key.is_empty():
		environment[SigningKeys.VARIABLE] = signing_key
	if Settings.read_from_editor(Settings.WITHOUT_SANDBOX):
		environment["EXECUTORCH_WITHOUT_SANDBOX"] = "1"
	var before: Dictionary = {}
	for variable: String in environment:
		if OS.has_environment(variable):
			before[variable] = OS.get_environment(variable)
		OS.set_environment(variable, environment[variable] as String)
	_pid = OS.create_process(
		_interpreter, [ProjectSettings.globalize_path(PYTHON_PACKAGES.path_join("python_backend/__main__.py")), "serve"]
	)
	for variable: String in environment:
		if before.has(variable):
			OS.set_environment(variable, before[variable] as String)
		else:
			OS.unset_environment(variable)
	_deadline_msec = Time.get_ticks_msec() + HELLO_MSEC
	if _pid <= 0:
		_failed("BACKEND_DID_NOT_START", "%s cannot be started." % _interpreter)


func _judge(candidate: Connection, message: Dictionary) -> void:
	var told: Dictionary = message.get("params", {})
	if message.get("method") != "hello" or str(told.get("secret", "")) != _secret:
		candidate.close()
		return
	if int(told.get("protocol", 0)) != PROTOCOL:
		candidate.close()
		_failed(
			"BACKEND_WRONG_PROTOCOL",
			"The backend uses protocol %s, the addon uses %d." % [told.get("protocol"), PROTOCOL]
		)
		return
	told.erase("secret")
	var environment: Dictionary = told.get("environment", {})
	var chosen: bool = Interpreters.is_chosen(_candidates[maxi(_next - 1, 0)])
	if environment.get("ok", false) or chosen or _is_last_resort:
		connection = candidate
		hello = told
		_running = false
		_server.stop()
		return
	candidate.close()
	var problems: Array = environment.get("problems", [])
	var first: Dictionary = problems[0] if not problems.is_empty() else {}
	if _fallback.is_empty() or (first.get("code") != "WRONG_PYTHON" and _fallback["wrong"]):
		_fallback = {"path": _interpreter, "source": "PATH", "wrong": first.get("code") == "WRONG_PYTHON"}
	_stop_process()
	_try_next()


func _failed(code: String, cause: String) -> void:
	_stop_process()
	if error.is_empty():
		error = {
			"code": code,
			"cause": cause,
			"remedy":
			(
				"Name a working Python %s in EXECUTORCH_PYTHON or the editor setting executorch/python/interpreter."
				% Interpreters.VERSIONS
			),
		}
	_try_next()


func _give_up(code: String, cause: String, remedy: String) -> void:
	_stop_process()
	error = {"code": code, "cause": cause, "remedy": remedy}
	_running = false


func _stop_process() -> void:
	if _server != null:
		_server.stop()
	for candidate: Connection in _unproven:
		candidate.close()
	_unproven.clear()
	if _pid > 0:
		_ending[_pid] = Time.get_ticks_msec() + END_MSEC
	_pid = -1
