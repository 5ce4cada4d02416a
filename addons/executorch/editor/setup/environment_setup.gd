@tool
extends RefCounted
## Finds a Python that can convert models, or makes one: a virtual environment in the user's data folder, outside
## of the project.

## `fraction` 0 to 1; `line` is what the installer said.
signal progressed(stage: String, fraction: float, line: String)
## `error` is empty when it went well, else `{code, cause, remedy}`.
signal finished(error: Dictionary)
## Candidates `[{path, source, version, supported}]` were asked for their versions.
signal candidates_found(candidates: Array[Dictionary])

const Task := preload("res://addons/executorch/editor/backend/background_task.gd")
const Interpreters := preload("res://addons/executorch/editor/backend/interpreters.gd")
const OLDEST: int = 10
const NEWEST: int = 13

## Folder of Python wheels to install from without a network; empty = the package index.
var wheels: String = ""
## The requirements to install; empty = what the importer needs.
var requirements: String = ""

var _jobs: ExecuTorchJobs
var _request: Variant = null
var _running: bool = false
## Somebody cancelled before the set-up was known by its request.
var _cancelled: bool = false
var _search: Task


func _init(jobs: ExecuTorchJobs = null) -> void:
	_jobs = jobs


## Where the environment goes.
static func get_folder() -> String:
	return Interpreters.get_user_folder()


## The interpreter that the environment variable forces; empty when it is not set.
static func get_forced_interpreter() -> String:
	return OS.get_environment(Interpreters.VARIABLE)


func is_running() -> bool:
	return _running


## Lists the interpreters of this machine with their versions; `candidates_found` follows. Asking takes some 20 ms
## for each,
## so it is done on a thread.
func find_candidates() -> void:
	if _search == null:
		_search = Task.new(_ask_versions)
		_get_tree().process_frame.connect(_poll_search)


## Waits for the search: a task that nobody waited for would outlive the editor's scripts.
func abandon_search() -> void:
	if _search != null:
		_get_tree().process_frame.disconnect(_poll_search)
		_search.get_result()
		_search = null


## Uses an interpreter from now on, and starts the backend with it.
func choose(path: String) -> void:
	EditorInterface.get_editor_settings().set_setting(Interpreters.SETTING, path)
	_jobs.restart_backend()


## Makes the environment with `base`, a Python of a supported version, and uses it; `finished` follows. What an
## earlier try has
## installed is kept.
func set_up(base: String) -> void:
	if _running:
		return
	_running = true
	_request = null
	_cancelled = false
	var before: String = Interpreters.get_setting()
	choose(base)
	var wanted: Dictionary = {"folder": get_folder(), "requirements": requirements, "wheels": wheels}
	var answer: Dictionary = await _jobs.call_backend("setup", wanted, _on_progress)
	_running = false
	if answer.has("error"):
		EditorInterface.get_editor_settings().set_setting(Interpreters.SETTING, before)
		# The process that runs is of the interpreter that was tried; a process that was stopped stays so.
		if before != base and (answer["error"] as Dictionary).get("code", "") != "BACKEND_STOPPED":
			_jobs.restart_backend()
		finished.emit(answer["error"])
		return
	choose(str((answer["result"] as Dictionary).get("executable", "")))
	finished.emit({})


## Ends the set-up; what is installed stays for the next try.
func cancel() -> void:
	_cancelled = true
	if _running and _request != null:
		_jobs.call_backend("cancel", {"id": _request})


func _on_progress(progress: Dictionary) -> void:
	var is_first: bool = _request == null
	_request = progress.get("id")
	if is_first and _cancelled:
		cancel()
	progressed.emit(
		str(progress.get("stage", "")), float(progress.get("fraction", 0.0)), str(progress.get("message", ""))
	)


func _ask_versions() -> Array[Dictionary]:
	var found: Array[Dictionary] = []
	for candidate: Dictionary in Interpreters.find_all():
		var output: Array = []
		var status: int = OS.execute(str(candidate["path"]), ["--version"], output, true)
		var version: String = (
			str(output[0]).strip_edges().trim_prefix("Python ") if status == 0 and not output.is_empty() else ""
		)
		var known: Dictionary = candidate.duplicate()
		known["version"] = version
		known["supported"] = is_supported(version)
		found.append(known)
	return found


func _poll_search() -> void:
	if _search.is_done():
		_get_tree().process_frame.disconnect(_poll_search)
		var found: Array[Dictionary] = _search.get_result()
		_search = null
		candidates_found.emit(found)


func _get_tree() -> SceneTree:
	return Engine.get_main_loop() as SceneTree


## Whether a version such as "3.11.2" can run the importer.
static func is_supported(version: String) -> bool:
	var parts: PackedStringArray = version.split(".")
	return parts.size() >= 2 and parts[0] == "3" and int(parts[1]) >= OLDEST and int(parts[1]) <= NEWEST
