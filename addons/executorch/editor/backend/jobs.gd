@tool
class_name ExecuTorchJobs
extends Node
## The editor's conversions: a list of jobs that run in the background, and the backend that they run on.

signal job_added(job: ExecuTorchJob)
signal job_changed(job: ExecuTorchJob)
## The job has ended, in whatever way.
signal job_finished(job: ExecuTorchJob)
signal job_removed(job: ExecuTorchJob)
signal backend_state_changed
## A notification of the backend that belongs to no request, for example `file_changed`.
signal backend_notified(method: String, params: Dictionary)

const Backend := preload("python_backend.gd")
const Request := preload("rpc_request.gd")
const Task := preload("background_task.gd")
const Record := preload("job_record.gd")
const ImportQueue := preload("import_queue.gd")
const LeftFiles := preload("left_files.gd")
const RunMode := preload("run_mode.gd")
const Steps := preload("../import/conversion_steps.gd")
const ModelSettings := preload("../import/model_settings.gd")
const Options := preload("../import/import_options.gd")
const CacheKey := preload("../import/cache_key.gd")

## Beyond the conversion's own deadline, which the backend keeps.
const GRACE_SECONDS: int = 120
const POLL_MSEC: int = 5
const DEADLINES_SECONDS: Dictionary = {
	"setup": 7200, "convert": 720, "graph": 120, "check_options": 60, "status": 15, "cancel": 15
}

var _backend: Backend = Backend.new()
var _record: Record = Record.new()
var _jobs: Array[ExecuTorchJob] = []
## job -> the worker thread's task, and what to call with its result.
var _tasks: Dictionary = {}
## job -> its request to the backend.
var _requests: Dictionary = {}
## path -> `{options, stamp, result}`: what the next import of the file finds ready.
var _outcomes: Dictionary = {}
var _imports: ImportQueue = ImportQueue.new()
## What a former run of the editor left.
var _unfinished: PackedStringArray = []
var _failures: Dictionary = {}


func _init() -> void:
	name = "ExecuTorchJobs"
	add_child(LeftFiles.new(self))
	_unfinished = _record.get_unfinished(RunMode.waits())
	_backend.state_changed.connect(_on_backend_state_changed)
	_backend.notified.connect(func(method: String, params: Dictionary) -> void: backend_notified.emit(method, params))


func _enter_tree() -> void:
	EditorInterface.get_resource_filesystem().filesystem_changed.connect(resume)


func _exit_tree() -> void:
	EditorInterface.get_resource_filesystem().filesystem_changed.disconnect(resume)


func _process(_delta: float) -> void:
	if _backend.is_active() or not _tasks.is_empty():
		_backend.poll()
		_poll_tasks()
	_imports.flush()


## All jobs of this run of the editor, newest last.
func get_jobs() -> Array[ExecuTorchJob]:
	return _jobs.duplicate()


## The latest job of a file, or null.
func find_job(path: String) -> ExecuTorchJob:
	for index: int in range(_jobs.size() - 1, -1, -1):
		if _jobs[index].path == path:
			return _jobs[index]
	return null


## Converts a file in the background; it is reimported when the artifact is in the cache.
func enqueue(path: String, options: Dictionary, save_path: String) -> ExecuTorchJob:
	forget(path)
	var job: ExecuTorchJob = _add(path, options, save_path)
	_record.put(path, Record.QUEUED, save_path)
	var work: Callable = Steps.prepare.bind(path, options, ModelSettings.get_cache_folder())
	_run_task(job, work, _on_prepared)
	return job


## Converts a file and waits: `{metadata, payload_path, external_paths}` or `{error}`.
func run_now(path: String, options: Dictionary, save_path: String) -> Dictionary:
	var job: ExecuTorchJob = _add(path, options, save_path)
	var cache: String = ModelSettings.get_cache_folder()
	var prepared: Dictionary = Steps.prepare(path, options, cache)
	if not prepared.has("error") and not prepared["is_cached"]:
		print("ExecuTorch: converting %s" % path)
		var request: Request = _request_conversion(job, prepared)
		while not request.is_finished():
			_backend.poll()
			OS.delay_msec(POLL_MSEC)
		_requests.erase(job)
		prepared.merge(_error_in(request.answer))
	var result: Dictionary = prepared
	if not prepared.has("error"):
		result = Steps.install(cache, str(prepared["key"]), save_path)
	_finish(job, result)
	return result


## What is there without a wait: `{metadata, payload_path, external_paths}`, or empty when the file must be queued.
func try_now(path: String, options: Dictionary, save_path: String) -> Dictionary:
	if not Steps.is_quick(path, options):
		return {}
	var cache: String = ModelSettings.get_cache_folder()
	var prepared: Dictionary = Steps.prepare(path, options, cache)
	if prepared.has("error") or not prepared["is_cached"] or not Steps.is_quick_artifact(cache, str(prepared["key"])):
		return {}
	var result: Dictionary = Steps.install(cache, str(prepared["key"]), save_path)
	if not result.has("error"):
		forget(path)
		note_success(path)
	return {} if result.has("error") else result


## The result of the file's job when it has just ended and nothing has changed since; else empty.
func take_outcome(path: String, options: Dictionary) -> Dictionary:
	if not _outcomes.has(path):
		return {}
	var outcome: Dictionary = _outcomes[path]
	_outcomes.erase(path)
	var is_current: bool = (
		outcome["options"] == Options.get_changed(options) and outcome["stamp"] == Steps.get_stamp(path)
	)
	return outcome["result"] if is_current else {}


## The first scan is over: what a former run left and this scan did not import is imported again. Godot itself holds
## such files for imported. Done at once when the process ends with the scan or exports now.
func resume() -> void:
	for path: String in _unfinished:
		if find_job(path) == null:
			_imports.add(path)
	_unfinished.clear()
	if RunMode.waits():
		_imports.flush()


## Imports a file again, as soon as Godot can.
func import_again(path: String) -> void:
	_imports.add(path)


## Gives a job up. Its file is marked, and keeps its last good model.
func cancel(job: ExecuTorchJob) -> void:
	if job.is_ended():
		return
	_abandon(job)
	var error: Dictionary = {
		"code": "CANCELLED",
		"cause": "The conversion was cancelled.",
		"remedy": "Import the file again when you want it."
	}
	_conclude(job, {"error": error}, ExecuTorchJob.State.CANCELLED)


## Ends the conversion of a file that nobody waits for any more. Nobody has given it up: it is not in the list.
func forget(path: String) -> void:
	var job: ExecuTorchJob = find_job(path)
	if job != null and not job.is_ended():
		_abandon(job)
		_end(job, ExecuTorchJob.State.CANCELLED)
		_jobs.erase(job)
		job_removed.emit(job)


## Converts the file of a job that has ended once more.
func retry(job: ExecuTorchJob) -> void:
	if job.is_ended():
		_jobs.erase(job)
		job_removed.emit(job)
		enqueue(job.path, job.options, job.save_path)


## Forgets the jobs that have ended.
func clear_finished() -> void:
	for job: ExecuTorchJob in _jobs.duplicate():
		if job.is_ended():
			_jobs.erase(job)
			job_removed.emit(job)


## Whether an import of this run of the editor failed and was not mended since.
func has_failures() -> bool:
	return not _failures.is_empty()


## Tells of a failed import: in Godot's output, in the record, and in the exit status when somebody waits for it.
func note_failure(path: String, save_path: String, error: Dictionary) -> void:
	_failures[path] = error
	_record.put(path, Record.QUEUED if ExecuTorchJob.lacks_python(error) else Record.FAILED, save_path)
	push_error(
		(
			"ExecuTorch: %s could not be imported: %s [%s] %s"
			% [path, error.get("cause", ""), error.get("code", ""), error.get("remedy", "")]
		)
	)


func note_success(path: String) -> void:
	_failures.erase(path)
	_record.remove(path)


## Why the last import of this run failed: `{code, cause, remedy}`; empty when it did not.
func get_failure(path: String) -> Dictionary:
	return _failures.get(path, {})


func get_backend_state() -> Backend.State:
	return _backend.state


## What the backend said of itself: `{importer, python, executable, pid, environment}`; empty when it is not running.
func get_backend_info() -> Dictionary:
	return _backend.hello


## Why the backend is not there: `{code, cause, remedy}`.
func get_backend_error() -> Dictionary:
	return _backend.error


func start_backend() -> void:
	_backend.start()


func stop_backend() -> void:
	_backend.stop()


func restart_backend() -> void:
	_backend.restart()


## Asks the backend and waits without blocking: `{result}` or `{error: {code, cause, remedy}}`. Every method has its
## deadline.
func call_backend(method: String, params: Dictionary, on_progress: Callable = Callable()) -> Dictionary:
	var seconds: int = DEADLINES_SECONDS.get(method, GRACE_SECONDS)
	var request: Request = _backend.request(method, params, on_progress, seconds * 1000)
	if not request.is_finished():
		await request.finished
	return request.answer


## Ends everything; unfinished jobs are in the record.
func close() -> void:
	for task: Array in _tasks.values():
		(task[0] as Task).get_result()
	_tasks.clear()
	# Their end is no failure of the models.
	for job: ExecuTorchJob in _requests:
		(_requests[job] as Request).finished.disconnect(_on_converted.bind(job))
	_requests.clear()
	_backend.close()


func _on_backend_state_changed() -> void:
	backend_state_changed.emit()
	var environment: Dictionary = _backend.hello.get("environment", {})
	if _backend.state == Backend.State.READY and environment.get("ok", false):
		for job: ExecuTorchJob in _jobs.duplicate():
			if job.state == ExecuTorchJob.State.FAILED and ExecuTorchJob.lacks_python(job.error):
				retry(job)


func _add(path: String, options: Dictionary, save_path: String) -> ExecuTorchJob:
	var job: ExecuTorchJob = ExecuTorchJob.new()
	job.path = path
	job.options = options.duplicate()
	job.save_path = save_path
	_jobs.append(job)
	job_added.emit(job)
	return job


func _run_task(job: ExecuTorchJob, work: Callable, then: Callable) -> void:
	_tasks[job] = [Task.new(work), then]


func _poll_tasks() -> void:
	for job: ExecuTorchJob in _tasks.keys():
		var entry: Array = _tasks[job]
		if (entry[0] as Task).is_done():
			_tasks.erase(job)
			(entry[1] as Callable).call(job, (entry[0] as Task).get_result())


func _on_prepared(job: ExecuTorchJob, prepared: Dictionary) -> void:
	if job.is_ended():
		return
	if prepared.has("error"):
		_conclude(job, prepared)
	elif prepared["is_cached"]:
		job.key = prepared["key"]
		_install(job)
	else:
		var request: Request = _request_conversion(job, prepared)
		request.finished.connect(_on_converted.bind(job))
		if request.is_finished():
			_on_converted(request.answer, job)


func _on_converted(answer: Dictionary, job: ExecuTorchJob) -> void:
	_requests.erase(job)
	if job.is_ended():
		return
	if answer.has("error"):
		_conclude(job, answer)
	else:
		_install(job)


func _install(job: ExecuTorchJob) -> void:
	_note(job, {"stage": "install", "fraction": 0.0, "message": ""})
	_run_task(job, Steps.install.bind(ModelSettings.get_cache_folder(), job.key, job.save_path), _on_installed)


func _on_installed(job: ExecuTorchJob, result: Dictionary) -> void:
	if not job.is_ended():
		_conclude(job, result)


## The job has a result: the file is imported again and finds it.
func _conclude(job: ExecuTorchJob, result: Dictionary, state: ExecuTorchJob.State = ExecuTorchJob.State.FAILED) -> void:
	_outcomes[job.path] = {
		"options": Options.get_changed(job.options), "stamp": Steps.get_stamp(job.path), "result": result
	}
	_finish(job, result, state)
	_imports.add(job.path)


func _finish(job: ExecuTorchJob, result: Dictionary, state: ExecuTorchJob.State = ExecuTorchJob.State.FAILED) -> void:
	if result.has("error"):
		note_failure(job.path, job.save_path, result["error"] as Dictionary)
		_end(job, state, result["error"] as Dictionary)
	else:
		note_success(job.path)
		_end(job, ExecuTorchJob.State.DONE)


func _end(job: ExecuTorchJob, state: ExecuTorchJob.State, error: Dictionary = {}) -> void:
	job.end_with(state, error)
	job_changed.emit(job)
	job_finished.emit(job)


func _request_conversion(job: ExecuTorchJob, prepared: Dictionary) -> Request:
	job.key = prepared["key"]
	var params: Dictionary = {
		"source": ProjectSettings.globalize_path(job.path),
		"project": ProjectSettings.globalize_path("res://").trim_suffix("/"),
		"cache": ModelSettings.get_cache_folder(),
		"key": job.key,
		"options": Options.get_changed(job.options),
		"display_path": job.path,
		"allow_pickle": ModelSettings.is_trusted(str(prepared["sha256"])),
	}
	var seconds: int = int(job.options.get("deadline_seconds", 600)) + GRACE_SECONDS
	var request: Request = _backend.request(
		"convert", params, func(progress: Dictionary) -> void: _note(job, progress), seconds * 1000
	)
	_requests[job] = request
	return request


func _note(job: ExecuTorchJob, progress: Dictionary) -> void:
	if not job.is_ended():
		job.note(str(progress.get("stage", "")), float(progress.get("fraction", 0.0)), str(progress.get("message", "")))
		job_changed.emit(job)


func _abandon(job: ExecuTorchJob) -> void:
	if _requests.has(job):
		var request: Request = _requests[job]
		_requests.erase(job)
		request.finished.disconnect(_on_converted.bind(job))
		_backend.request("cancel", {"id": request.id}, Callable(), int(DEADLINES_SECONDS["cancel"]) * 1000)


func _error_in(answer: Dictionary) -> Dictionary:
	return {"error": answer["error"]} if answer.has("error") else {}
