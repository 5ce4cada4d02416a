@tool
extends RefCounted
## Finds a Python that can convert models, or makes one: a virtual environment in the user's data folder, outside of the
## project.

## Emitted for each step of the set-up. `fraction` is 0 to 1; `line` is the installer's output.
signal progressed(stage: String, fraction: float, line: String)
## Emitted when the set-up ends. `error` is `{code, cause, remedy}`, or empty.
signal finished(error: Dictionary)
## Emitted with the interpreters that were found, `[{path, source, version, supported}]`.
signal candidates_found(candidates: Array[Dictionary])

const Task := preload("res://addons/executorch/editor/shared/background_task.gd")
const Interpreters := preload("res://addons/executorch/editor/backend/interpreters.gd")
const Settings := preload("res://addons/executorch/editor/shared/settings.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
## Prints the version, and in a second line what identifies this interpreter.
const ASK: String = "import platform, sys; print(platform.python_version()); print(sys.prefix, platform.python_build())"

## Folder of Python wheels to install from without a network; empty = the package index.
var wheels: String = ""
## The requirements to install; empty = those of the importer.
var requirements: String = ""

var _jobs: Jobs
var _request: Variant = null
var _running: bool = false
## Whether the set-up was cancelled before its request was sent.
var _cancelled: bool = false
var _search: Task


func _init(jobs: Jobs = null) -> void:
	_jobs = jobs


## The folder of the environment.
static func get_folder() -> String:
	return Interpreters.get_user_folder()


## The interpreter that the environment variable forces; empty when it is not set.
static func get_forced_interpreter() -> String:
	return OS.get_environment(Interpreters.VARIABLE)


func is_running() -> bool:
	return _running


## Lists the interpreters of this machine with their versions; `candidates_found` follows. Asking takes some 20 ms for
## each, so it is done on a thread.
func find_candidates() -> void:
	if _search == null:
		_search = Task.new(_ask_versions)
		_get_tree().process_frame.connect(_poll_search)


## Waits for the search: a task that is not waited for outlives the editor's scripts.
func abandon_search() -> void:
	if _search != null:
		_get_tree().process_frame.disconnect(_poll_search)
		_search.get_result()
		_search = null


## Uses an interpreter from now on, and starts the backend with it.
func choose(path: String) -> void:
	Settings.write_to_editor(Settings.INTERPRETER, path)
	_jobs.restart_backend()


## Makes the environment with `base`, a Python of a supported version, and uses it; `finished` follows. What an earlier
## try has installed is kept.
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
		Settings.write_to_editor(Settings.INTERPRETER, before)
		# The process that runs is of the interpreter that was tried; a process that was stopped stays so.
		if before != base and (answer["error"] as Dictionary).get("code", "") != "BACKEND_STOPPED":
			_jobs.restart_backend()
		finished.emit(answer["error"])
		return
	choose(str((answer["result"] as Dictionary).get("executable", "")))
	finished.emit({})


## Ends the set-up; installed packages stay for the next attempt.
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


## Those that can convert models, each once: several names may lead to one interpreter. One that a person chose is
## listed also when it cannot.
func _ask_versions() -> Array[Dictionary]:
	var found: Array[Dictionary] = []
	var seen: Dictionary[String, bool] = {}
	for candidate: Dictionary in Interpreters.find_all():
		var output: Array = []
		var status: int = OS.execute(str(candidate["path"]), ["-c", ASK], output, true)
		var lines: PackedStringArray = str(output[0]).strip_edges().split("\n") if status == 0 else PackedStringArray()
		var known: Dictionary = candidate.duplicate()
		known["version"] = lines[0].strip_edges() if lines.size() == 2 else ""
		known["supported"] = is_supported(str(known["version"]))
		# The prefix distinguishes environments that are made with one interpreter.
		var place: String = lines[1] if lines.size() == 2 else str(candidate["path"])
		if not seen.has(place) and (known["supported"] or Interpreters.is_chosen(candidate)):
			seen[place] = true
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
	return (
		parts.size() >= 2
		and parts[0] == "3"
		and int(parts[1]) >= Interpreters.OLDEST
		and int(parts[1]) <= Interpreters.NEWEST
	)
