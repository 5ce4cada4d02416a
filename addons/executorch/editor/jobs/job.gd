@tool
extends RefCounted
## One conversion of one file.

enum State { QUEUED, RUNNING, DONE, FAILED, CANCELLED }

## The stage of a job that waits until Python is set up.
const WAITING_FOR_PYTHON: String = "python"
const MAX_LOG_LINES: int = 2000
const Artifact := preload("res://addons/executorch/editor/cache/artifact.gd")
## How the stages are called on the screen.
const STAGE_TITLES: Dictionary[String, String] = {
	"queued": "Waiting",
	"python": "Waiting for Python",
	"start": "Starting",
	"read": "Reading",
	"load": "Loading",
	"export": "Exporting",
	"lower": "Compiling",
	"write": "Writing",
	"validate": "Checking",
	"store": "Storing",
	"install": "Storing",
}
## Errors of a machine without a Python that can convert: jobs wait until there is one.
const LACKS_PYTHON: PackedStringArray = [
	"NO_PYTHON",
	"PYTHON_NOT_FOUND",
	"WRONG_PYTHON",
	"PACKAGE_MISSING",
	"PACKAGE_WRONG_VERSION",
	"BACKEND_DID_NOT_START",
	"BACKEND_WRONG_PROTOCOL",
]

## The file, `res://...`.
var path: String = ""
var state: State = State.QUEUED
## `queued start read load export lower write validate store install`.
var stage: String = "queued"
## 0 to 1 within the stage.
var fraction: float = 0.0
var message: String = ""
## `{code, cause, remedy, stage, log}` of a failed job.
var error: Dictionary = {}
## Why the job waits for Python, `{code, cause, remedy}`; empty while Python is set up.
var lack: Dictionary = {}
## The warning about the results of a model that was converted, `{title, cause, remedy}`, or empty.
var warning: Dictionary = {}
## Every progress message with its time, and the converter's own log after a failure.
var log_lines: PackedStringArray = []
## The import options as Godot gave them.
var options: Dictionary = {}
## Where the imported files go, without a suffix.
var save_path: String = ""
## The artifact's key, once it is known.
var key: String = ""
## The result of conversion_steps.gd.
var prepared: Dictionary = {}
## Whether the request was sent to the backend.
var is_converted: bool = false

## Milliseconds of work before the present stretch of it, and when that began; -1 while the job waits.
var _worked_msec: int = 0
var _began_msec: int = -1
var _has_ended: bool = false


## Whether an error `{code, cause, remedy}` is of the machine's Python, and not of the model.
static func lacks_python(failure: Dictionary) -> bool:
	return str(failure.get("code", "")) in LACKS_PYTHON


## Whether the job is tried again when there is a Python that can convert.
static func is_repaired_by_python(failure: Dictionary) -> bool:
	return lacks_python(failure) or str(failure.get("code", "")) in Artifact.REFUSALS


## Whether the job has ended.
func is_ended() -> bool:
	return _has_ended


func waits_for_python() -> bool:
	return stage == WAITING_FOR_PYTHON and not _has_ended


## The stage as a person reads it.
func get_stage_title() -> String:
	return STAGE_TITLES.get(stage, stage.capitalize())


## Seconds of work; waiting for Python or for other conversions does not count.
func get_elapsed_seconds() -> float:
	return (_worked_msec + (Time.get_ticks_msec() - _began_msec if _began_msec >= 0 else 0)) / 1000.0


## For the queue: a step forward.
func note(new_stage: String, new_fraction: float, text: String) -> void:
	var is_news: bool = new_stage != stage or text != message or log_lines.is_empty()
	stage = new_stage
	fraction = clampf(new_fraction, 0.0, 1.0)
	message = text
	state = State.QUEUED if stage in ["queued", WAITING_FOR_PYTHON] else State.RUNNING
	_count_time(state == State.RUNNING)
	if is_news and log_lines.size() < MAX_LOG_LINES:
		log_lines.append(("%7.2f s  %-9s  %s" % [get_elapsed_seconds(), get_stage_title(), text]).strip_edges(false))


## For the queue: the end.
func end_with(final_state: State, why: Dictionary = {}) -> void:
	state = final_state
	error = why
	if state == State.DONE:
		fraction = 1.0
	_count_time(false)
	_has_ended = true
	if not why.is_empty():
		log_lines.append(
			"%7.2f s  %s: %s" % [get_elapsed_seconds(), str(why.get("code", "")), str(why.get("cause", ""))]
		)
		var told: Variant = why.get("log", "")
		log_lines.append_array(PackedStringArray(told as Array) if told is Array else str(told).split("\n", false))


## For the queue: the job failed in an earlier run of the editor; why is in the imported resource.
func recall_failure() -> void:
	_has_ended = true
	state = State.FAILED
	var place: String = save_path + ".tres"
	var model: ExecuTorchResource = null
	if ResourceLoader.exists(place):
		model = ResourceLoader.load(place, "", ResourceLoader.CACHE_MODE_IGNORE) as ExecuTorchResource
	error = model.error if model != null else {"code": "", "cause": "An earlier import failed.", "remedy": ""}
	log_lines.append("Failed before the editor was started; Try again shows the log.")


func _count_time(works: bool) -> void:
	var now: int = Time.get_ticks_msec()
	if not works and _began_msec >= 0:
		_worked_msec += now - _began_msec
		_began_msec = -1
	elif works and _began_msec < 0:
		_began_msec = now
