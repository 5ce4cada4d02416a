@tool
extends RefCounted
## One request to the backend and its answer.

## `answer` is `{result}` or `{error: {code, cause, remedy, ...}}`.
signal finished(answer: Dictionary)

var id: String = ""
var method: String = ""
var params: Dictionary = {}
## Called with each progress notification's params.
var on_progress: Callable
var answer: Dictionary = {}
## Time.get_ticks_msec() after which the request fails.
var deadline_msec: int = 0
## Whether it has gone out on the present connection.
var is_sent: bool = false
## How many connections it has gone out on.
var attempts: int = 0


func is_finished() -> bool:
	return not answer.is_empty()


## Ends the request; only the first answer counts.
func finish(with: Dictionary) -> void:
	if not is_finished():
		answer = with
		finished.emit(with)


func fail(code: String, cause: String, remedy: String) -> void:
	finish({"error": {"code": code, "cause": cause, "remedy": remedy}})
