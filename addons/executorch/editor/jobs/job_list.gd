@tool
extends RefCounted
## The editor's jobs, newest last: each file has one, its latest.

signal added(job: Job)
signal removed(job: Job)

const Job := preload("job.gd")

var _jobs: Array[Job] = []


func get_all() -> Array[Job]:
	return _jobs.duplicate()


## The job of a file, or null.
func find(path: String) -> Job:
	for job: Job in _jobs:
		if job.path == path:
			return job
	return null


## Makes a job, which takes the place of the file's former one.
func add(path: String, options: Dictionary, save_path: String) -> Job:
	remove(find(path))
	var job: Job = Job.new()
	job.path = path
	job.options = options.duplicate()
	job.save_path = save_path
	_jobs.append(job)
	added.emit(job)
	return job


func remove(job: Job) -> void:
	if job != null:
		_jobs.erase(job)
		removed.emit(job)


func remove_ended() -> void:
	for job: Job in get_all():
		if job.is_ended():
			remove(job)
