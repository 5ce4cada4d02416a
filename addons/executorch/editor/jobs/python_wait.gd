@tool
extends RefCounted
## The jobs that wait for a Python that can convert, and how far the set-up of one is.

## The set-up has begun, goes on or has ended.
signal setup_changed
## The job may be converted.
signal released(job: Job)

const Job := preload("job.gd")

var _jobs: Array[Job] = []
var _setup_fraction: float = -1.0


## How far the set-up is, 0 to 1; below 0 while none runs.
func get_setup_fraction() -> float:
	return _setup_fraction


func is_setting_up() -> bool:
	return _setup_fraction >= 0.0


## Remembers a job until `release`.
func add(job: Job) -> void:
	if not _jobs.has(job):
		_jobs.append(job)


## Converts what waits.
func release() -> void:
	var waiting: Array[Job] = _jobs.duplicate()
	_jobs.clear()
	for job: Job in waiting:
		if not job.is_ended():
			released.emit(job)


func begin_setup() -> void:
	_setup_fraction = 0.0
	setup_changed.emit()


## A callback for the progress of a set-up: notes it, and passes it on.
func note_setup(progress: Dictionary, then: Callable) -> void:
	_setup_fraction = clampf(float(progress.get("fraction", 0.0)), 0.0, 1.0)
	setup_changed.emit()
	if then.is_valid():
		then.call(progress)


func end_setup() -> void:
	_setup_fraction = -1.0
	setup_changed.emit()
	release()
