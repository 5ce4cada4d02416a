@tool
extends RefCounted
## A function on a worker thread whose result is fetched by polling.

var _work: Callable
var _task: int = -1
var _result: Variant


func _init(work: Callable) -> void:
	_work = work
	_task = WorkerThreadPool.add_task(_run, false, "ExecuTorch import")


func is_done() -> bool:
	return _task < 0 or WorkerThreadPool.is_task_completed(_task)


## The function's result; waits for it when it is not there.
func get_result() -> Variant:
	if _task >= 0:
		WorkerThreadPool.wait_for_task_completion(_task)
		_task = -1
	return _result


func _run() -> void:
	_result = _work.call()
