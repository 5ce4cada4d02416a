@tool
extends "res://tests/case.gd"
## What waits for the Python process gets its answer, whatever becomes of the process.

const Backend := preload("res://addons/executorch/editor/backend/python_backend.gd")
const GameSettings := preload("res://addons/executorch/runtime/library/project_settings.gd")
const Request := preload("res://addons/executorch/editor/backend/rpc_request.gd")

var _backend: Backend


func before_each() -> void:
	_backend = Backend.new()


func after_each() -> void:
	_backend.close()


func test_what_was_sent_is_sent_again_after_a_restart() -> void:
	_backend.start()
	await _poll_until(func() -> bool: return _backend.state == Backend.State.READY, "ready")
	var asked: Request = _backend.request("doctor", {})
	await _poll_until(func() -> bool: return asked.is_sent, "sent")
	_backend.restart()
	await _poll_until(asked.is_finished, "the answer")
	check(asked.answer.has("result"), str(asked.answer))


func test_other_kernel_libraries_have_another_process() -> void:
	_backend.start()
	await _poll_until(func() -> bool: return _backend.state == Backend.State.READY, "ready")
	var first: int = _backend.hello["pid"]
	var before: Variant = ProjectSettings.get_setting(GameSettings.LIBRARIES)
	ProjectSettings.set_setting(GameSettings.LIBRARIES, PackedStringArray(["res://libmine.so"]))
	var asked: Request = _backend.request("doctor", {})
	await _poll_until(asked.is_finished, "the answer")
	ProjectSettings.set_setting(GameSettings.LIBRARIES, before)
	check(asked.answer.has("result"), str(asked.answer))
	check(int(_backend.hello["pid"]) != first, "another process")


func test_a_process_that_always_dies_is_told_at_once() -> void:
	for death: int in Backend.MAX_RESTARTS:
		_backend.start()
		await _poll_until(func() -> bool: return _backend.state == Backend.State.READY, "ready")
		_kill()
		await _poll_until(func() -> bool: return _backend.state != Backend.State.READY, "its end")
	check_equal(_backend.state, Backend.State.FAILED)
	var asked: Request = _backend.request("status", {})
	await _poll_until(asked.is_finished, "the answer")
	check_equal((asked.answer.get("error", {}) as Dictionary).get("code", ""), "BACKEND_DIED")


func test_a_process_that_dies_while_it_watches_is_started_again() -> void:
	_backend.start()
	await _poll_until(func() -> bool: return _backend.state == Backend.State.READY, "ready")
	var folder: String = OS.get_cache_dir().path_join("executorch_watched")
	DirAccess.make_dir_recursive_absolute(folder)
	var places: Dictionary = {"link": folder.path_join("link.pt"), "target": folder.path_join("target.pt")}
	var asked: Request = _backend.request("watch", places)
	await _poll_until(asked.is_finished, "the answer")
	check(asked.answer.has("result"), str(asked.answer))
	_kill()
	await _poll_until(func() -> bool: return _backend.state != Backend.State.READY, "its end")
	await _poll_until(func() -> bool: return _backend.state == Backend.State.READY, "its successor")


## As the system does it when memory is short; OS.kill would take the exit status away.
func _kill() -> void:
	OS.execute("kill", ["-9", str(int(_backend.hello["pid"]))])


func _poll_until(condition: Callable, what: String) -> void:
	var polled: Callable = func() -> bool:
		_backend.poll()
		return condition.call()
	await wait_until(polled, 30.0, what)
