@tool
extends RefCounted
## Work for jobs on worker threads; results arrive on the thread that polls.

const Job := preload("job.gd")
const Task := preload("res://addons/executorch/editor/shared/background_task.gd")

## job -> its task, and the callable for the task's result.
var _tasks: Dictionary[Job, Array] = {}


## Calls `then(job, result of work)` from a later poll().
func run(job: Job, work: Callable, then: Callable) -> void:
	_tasks[job] = [Task.new(work), then]


func is_empty() -> bool:
	return _tasks.is_empty()


func poll() -> void:
	for job: Job in _tasks.keys():
		var entry: Array = _tasks[job]
		if (entry[0] as Task).is_done():
			_tasks.erase(job)
			(entry[1] as Callable).call(job, (entry[0] as Task).get_result())


## Waits for all work and drops the results.
func close() -> void:
	for entry: Array in _tasks.values():
		(entry[0] as Task).get_result()
	_tasks.clear()
