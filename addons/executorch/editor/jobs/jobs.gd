@tool
extends Node
## The editor's conversions: a list of jobs that run in the background, and the backend that they run on.

signal job_added(job: Job)
signal job_changed(job: Job)
## The job has ended, in whatever way.
signal job_finished(job: Job)
signal job_removed(job: Job)
signal backend_state_changed
## A notification of the backend that belongs to no request, for example `file_changed`.
signal backend_notified(method: String, params: Dictionary)

const Backend := preload("res://addons/executorch/editor/backend/python_backend.gd")
const Request := preload("res://addons/executorch/editor/backend/rpc_request.gd")
const Record := preload("job_record.gd")
const ConversionParams := preload("conversion_params.gd")
const Failures := preload("import_failures.gd")
const ImportQueue := preload("import_queue.gd")
const LeftFiles := preload("left_files.gd")
const RunMode := preload("run_mode.gd")
const Facts := preload("res://addons/executorch/editor/shared/model_facts.gd")
const Steps := preload("res://addons/executorch/editor/cache/conversion_steps.gd")
const Settings := preload("res://addons/executorch/editor/shared/settings.gd")
const Outcomes := preload("import_outcomes.gd")
const Tasks := preload("job_tasks.gd")
const PythonWait := preload("python_wait.gd")
const JobList := preload("job_list.gd")
const Job := preload("job.gd")

## Beyond the conversion's own deadline, which the backend keeps.
const GRACE_SECONDS: int = 120
const POLL_MSEC: int = 5
const DEADLINES_SECONDS: Dictionary = {
	"setup": 7200, "convert": 720, "graph": 120, "check_options": 60, "status": 15, "cancel": 15
}

## The imports of this run of the editor that failed.
var failures: Failures
## What waits for Python, and its set-up.
var python_wait: PythonWait = PythonWait.new()

var _backend: Backend = Backend.new()
var _record: Record = Record.new()
var _list: JobList = JobList.new()
var _tasks: Tasks = Tasks.new()
## job -> its request to the backend.
var _requests: Dictionary = {}
var _outcomes: Outcomes = Outcomes.new()
var _imports: ImportQueue = ImportQueue.new()
## The imports of an earlier run of the editor that are done again, and those that failed.
var _unfinished: PackedStringArray = []
var _failed: PackedStringArray = []


func _init() -> void:
	name = "ExecuTorchJobs"
	var left_files: LeftFiles = LeftFiles.new()
	left_files.left.connect(_on_left)
	add_child(left_files)
	failures = Failures.new(_record)
	_unfinished = _record.get_unfinished(RunMode.waits())
	_failed = _record.get_failed()
	_list.added.connect(job_added.emit)
	_list.removed.connect(job_removed.emit)
	python_wait.released.connect(_convert)
	_backend.state_changed.connect(_on_backend_state_changed)
	_backend.notified.connect(func(method: String, params: Dictionary) -> void: backend_notified.emit(method, params))


func _enter_tree() -> void:
	EditorInterface.get_resource_filesystem().filesystem_changed.connect(resume)


func _exit_tree() -> void:
	EditorInterface.get_resource_filesystem().filesystem_changed.disconnect(resume)


func _process(_delta: float) -> void:
	if _backend.is_active() or not _tasks.is_empty():
		_backend.poll()
		_tasks.poll()
	_imports.flush()


## All jobs of this run of the editor, newest last.
func get_jobs() -> Array[Job]:
	return _list.get_all()


## The latest job of a file, or null.
func find_job(path: String) -> Job:
	return _list.find(path)


## Converts a file in the background; it is reimported when the artifact is in the cache.
func enqueue(path: String, options: Dictionary, save_path: String) -> Job:
	forget(path)
	var job: Job = _list.add(path, options, save_path)
	_record.put(path, Record.QUEUED, save_path)
	var work: Callable = Steps.prepare.bind(path, options, Settings.get_cache_folder())
	_tasks.run(job, work, _on_prepared)
	return job


## Converts a file and waits: `{metadata, payload_path, external_paths}` or `{error}`. A file that is written meanwhile
## is converted as it is then, a few times.
func run_now(path: String, options: Dictionary, save_path: String) -> Dictionary:
	var job: Job = _list.add(path, options, save_path)
	job.prepared = Steps.prepare(path, options, Settings.get_cache_folder())
	var result: Dictionary = Outcomes.settled(job, _run_prepared)
	_finish(job, result)
	return result


## The artifact that is available at once: `{metadata, payload_path, external_paths}`, or empty when the file must be
## queued.
func try_now(path: String, options: Dictionary, save_path: String) -> Dictionary:
	if not Steps.is_quick(path, options):
		return {}
	var cache: String = Settings.get_cache_folder()
	var prepared: Dictionary = Steps.prepare(path, options, cache)
	if prepared.has("error") or not prepared["is_small"]:
		return {}
	var result: Dictionary = Steps.install(cache, str(prepared["key"]), save_path)
	if not result.has("error"):
		forget(path)
		failures.clear(path)
	return {} if result.has("error") else result


## The result of the file's job when it has just ended and nothing has changed since; else empty.
func take_outcome(path: String, options: Dictionary) -> Dictionary:
	return _outcomes.take(path, options)


## The first scan is over: the imports that an earlier run left unfinished are started again. Godot considers these
## files imported already. Done at once when the process ends with the scan or exports now.
func resume() -> void:
	for path: String in _unfinished:
		if find_job(path) == null:
			_imports.add(path)
	_unfinished.clear()
	if RunMode.waits():
		_imports.flush()
		return
	for path: String in _failed:
		if find_job(path) == null and FileAccess.file_exists(path):
			var failed: Job = _list.add(path, {}, _record.get_save_path(path))
			failed.recall_failure()
			job_changed.emit(failed)
	_failed.clear()


## Imports a file again, as soon as Godot can.
func import_again(path: String) -> void:
	_imports.add(path)


## Cancels a job. Its file is marked, and keeps its last good model.
func cancel(job: Job) -> void:
	if job.is_ended():
		return
	_abandon(job)
	var error: Dictionary = {
		"code": "CANCELLED", "cause": "The conversion was cancelled.", "remedy": "Press Try Again to convert it."
	}
	_conclude(job, {"error": error}, Job.State.CANCELLED)


## Ends the conversion of a file that was removed, and removes it from the list.
func forget(path: String) -> void:
	var job: Job = find_job(path)
	if job != null and not job.is_ended():
		_abandon(job)
		_end(job, Job.State.CANCELLED)
		_list.remove(job)


## Converts the file of a job that has ended once more.
func retry(job: Job) -> void:
	if job.is_ended() and job.options.is_empty():
		_imports.add(job.path)  # Of an earlier run of the editor: its options are in the `.import` file.
	elif job.is_ended():
		enqueue(job.path, job.options, job.save_path)


## Forgets the jobs that have ended.
func clear_finished() -> void:
	_list.remove_ended()


func get_backend_state() -> Backend.State:
	return _backend.state


## The backend's versions and environment: `{importer, python, executable, pid, environment}`; empty when it is not
## running.
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
	var is_setup: bool = method == "setup"
	var heard: Callable = python_wait.note_setup.bind(on_progress) if is_setup else on_progress
	var request: Request = _backend.request(method, params, heard, seconds * 1000)
	if is_setup:
		python_wait.begin_setup()
	if not request.is_finished():
		await request.finished
	if is_setup:
		python_wait.end_setup.call_deferred()
	return request.answer


## Ends everything; unfinished jobs are in the record.
func close() -> void:
	_tasks.close()
	# That they end is not a failure of the models.
	for job: Job in _requests:
		(_requests[job] as Request).finished.disconnect(_on_converted.bind(job))
	_requests.clear()
	_backend.close()


func _on_backend_state_changed() -> void:
	backend_state_changed.emit()
	if _backend.can_convert() and not python_wait.is_setting_up():
		python_wait.release()
		for job: Job in get_jobs():
			if job.state == Job.State.FAILED and Job.is_repaired_by_python(job.error):
				retry(job)


func _on_left(file_or_folder: String) -> void:
	for job: Job in get_jobs():
		if LeftFiles.is_of(job.path, file_or_folder):
			forget(job.path)
			failures.clear(job.path)


func _on_prepared(job: Job, prepared: Dictionary) -> void:
	if job.is_ended():
		return
	job.prepared = prepared
	if prepared.has("error"):
		_conclude(job, prepared)
	elif prepared["is_cached"]:
		job.key = prepared["key"]
		_run_install(job, Steps.install.bind(Settings.get_cache_folder(), job.key, job.save_path))
	elif python_wait.is_setting_up():
		_await_python(job, {})
	else:
		_convert(job)


## The job waits for a Python that can convert; `why` is the error that says what is missing, or empty.
func _await_python(job: Job, why: Dictionary) -> void:
	job.lack = why
	python_wait.add(job)
	_note(job, {"stage": Job.WAITING_FOR_PYTHON, "message": why.get("cause", "")})


func _convert(job: Job) -> void:
	_note(job, {"stage": "queued"})
	var request: Request = _request_conversion(job)
	request.finished.connect(_on_converted.bind(job))
	if request.is_finished():
		_on_converted(request.answer, job)


func _on_converted(answer: Dictionary, job: Job) -> void:
	_requests.erase(job)
	if job.is_ended():
		return
	var error: Dictionary = answer.get("error", {})
	var is_refused: bool = not (job.prepared["refused"] as Dictionary).is_empty()
	if Job.lacks_python(error) and not is_refused and not _backend.can_convert():
		_await_python(job, error)
	elif Outcomes.is_overtaken(answer):
		var work: Callable = Steps.prepare.bind(job.path, job.options, Settings.get_cache_folder())
		_tasks.run(job, work, _on_prepared_again.bind(answer))
	else:
		var stage: String = job.stage if answer.has("error") else "install"
		_run_install(job, Outcomes.installation_after(answer, Settings.get_cache_folder(), job), stage)


## The file, or one that it depends on, was written while it was converted: what it is now is converted.
func _on_prepared_again(job: Job, prepared: Dictionary, answer: Dictionary) -> void:
	if prepared.get("key", "") != job.key:
		_on_prepared(job, prepared)
	elif not job.is_ended():
		_conclude(job, answer)


func _run_prepared(job: Job) -> Dictionary:
	var cache: String = Settings.get_cache_folder()
	if job.prepared.has("error"):
		return job.prepared
	if job.prepared["is_cached"]:
		var installed: Dictionary = Steps.install(cache, str(job.prepared["key"]), job.save_path)
		if not Steps.is_refused(installed):
			return installed
		job.prepared["refused"] = installed["error"]
	print("ExecuTorch: converting %s" % job.path)
	var request: Request = _request_conversion(job)
	while not request.is_finished():
		_backend.poll()
		OS.delay_msec(POLL_MSEC)
	_requests.erase(job)
	return Outcomes.installation_after(request.answer, cache, job).call()


func _run_install(job: Job, work: Callable, stage: String = "install") -> void:
	_note(job, {"stage": stage, "fraction": 0.0, "message": ""})
	_tasks.run(job, Steps.hash_and_run.bind(job.path, work), _on_installed)


func _on_installed(job: Job, result: Dictionary) -> void:
	if job.is_ended():
		return
	if Steps.is_refused(result) and not job.is_converted:
		job.prepared["refused"] = result["error"]
		_convert(job)
	else:
		_conclude(job, result)


## The job has a result: the file is imported again and finds it.
func _conclude(job: Job, result: Dictionary, state: Job.State = Job.State.FAILED) -> void:
	_outcomes.put(job, result)
	_finish(job, result, state)
	_imports.add(job.path, true)


func _finish(job: Job, result: Dictionary, state: Job.State = Job.State.FAILED) -> void:
	if result.has("error"):
		failures.note(job.path, job.save_path, result["error"] as Dictionary)
		_end(job, state, result["error"] as Dictionary)
	else:
		failures.clear(job.path)
		job.warning = Facts.new(result["metadata"] as Dictionary).get_warning()
		_end(job, Job.State.DONE)


func _end(job: Job, state: Job.State, error: Dictionary = {}) -> void:
	job.end_with(state, error)
	job_changed.emit(job)
	job_finished.emit(job)


func _request_conversion(job: Job) -> Request:
	job.key = job.prepared["key"]
	job.is_converted = true
	var params: Dictionary = ConversionParams.make(job.path, job.options, job.prepared)
	var seconds: int = int(job.options.get("deadline_seconds", 600)) + GRACE_SECONDS
	var request: Request = _backend.request(
		"convert", params, func(progress: Dictionary) -> void: _note(job, progress), seconds * 1000
	)
	_requests[job] = request
	return request


func _note(job: Job, progress: Dictionary) -> void:
	if not job.is_ended():
		job.note(str(progress.get("stage", "")), float(progress.get("fraction", 0.0)), str(progress.get("message", "")))
		job_changed.emit(job)


func _abandon(job: Job) -> void:
	var request: Request = _requests.get(job)
	if request != null:
		_requests.erase(job)
		request.finished.disconnect(_on_converted.bind(job))
		_backend.request("cancel", {"id": request.id}, Callable(), int(DEADLINES_SECONDS["cancel"]) * 1000)
