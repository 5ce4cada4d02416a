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
var _search: int = -1


func _init(jobs: ExecuTorchJobs = null) -> void:
	_jobs = jobs


## Where the environment goes.
static func get_folder() -> String:
	return Interpreters.get_user_environment().get_base_dir().get_base_dir()


## The interpreter that the environment variable forces; empty when it is not set.
static func get_forced_interpreter() -> String:
	return OS.get_environment(Interpreters.VARIABLE)


func is_running() -> bool:
	return _running


## Lists the interpreters of this machine with their versions; `candidates_found` follows. Asking takes some 20 ms
## for each,
## so it is done on a thread.
func find_candidates() -> void:
	if _search >= 0:
		if not WorkerThreadPool.is_task_completed(_search):
			return
		WorkerThreadPool.wait_for_task_completion(_search)
	_search = WorkerThreadPool.add_task(_ask_versions, false, "ExecuTorch: Python versions")


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
	var before: String = Interpreters.get_setting()
	choose(base)
	var wanted: Dictionary = {"folder": get_folder(), "requirements": requirements, "wheels": wheels}
	var answer: Dictionary = await _jobs.call_backend("setup", wanted, _on_progress)
	_running = false
	if answer.has("error"):
		EditorInterface.get_editor_settings().set_setting(Interpreters.SETTING, before)
		finished.emit(answer["error"])
		return
	choose(str((answer["result"] as Dictionary).get("executable", "")))
	finished.emit({})


## Ends the set-up; what is installed stays for the next try.
func cancel() -> void:
	if _running and _request != null:
		_jobs.call_backend("cancel", {"id": _request})


func _on_progress(progress: Dictionary) -> void:
	_request = progress.get("id")
	progressed.emit(
		str(progress.get("stage", "")), float(progress.get("fraction", 0.0)), str(progress.get("message", ""))
	)


func _ask_versions() -> void:
	var found: Array[Dictionary] = []
	for candidate: Dictionary in Interpreters.find_candidates():
		var output: Array = []
		var status: int = OS.execute(str(candidate["path"]), ["--version"], output, true)
		var version: String = (
			str(output[0]).strip_edges().trim_prefix("Python ") if status == 0 and not output.is_empty() else ""
		)
		var known: Dictionary = candidate.duplicate()
		known["version"] = version
		known["supported"] = is_supported(version)
		found.append(known)
	candidates_found.emit.call_deferred(found)


## Whether a version such as "3.11.2" can run the importer.
static func is_supported(version: String) -> bool:
	var parts: PackedStringArray = version.split(".")
	return parts.size() >= 2 and parts[0] == "3" and int(parts[1]) >= OLDEST and int(parts[1]) <= NEWEST
