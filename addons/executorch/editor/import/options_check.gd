@tool
extends Timer
## Checks a model's import options with Python when the typing pauses; nothing is imported.

## The problems, each `{option, cause, remedy}`; empty when there are none, or when Python is not available.
signal checked(problems: Array[Dictionary])

const Settings := preload("res://addons/executorch/editor/shared/import_settings.gd")
const Options := preload("res://addons/executorch/editor/shared/import_options.gd")
const Backend := preload("res://addons/executorch/editor/backend/python_backend.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const REST_SECONDS: float = 0.4

var _jobs: Jobs
var _path: String = ""
var _values: Dictionary = {}
## Number of the latest question: an answer to an earlier one is late.
var _question: int = 0


func _init(jobs: Jobs = null) -> void:
	_jobs = jobs
	one_shot = true
	wait_time = REST_SECONDS
	timeout.connect(_ask)


## Checks the options of the model at `path` with `values` over them. `by_hand`: a person is editing, so Python is
## started for it; else it is asked only when it runs already.
func check(path: String, values: Dictionary, by_hand: bool) -> void:
	_path = path
	_values = values
	_question += 1
	if _jobs != null and (by_hand or _jobs.get_backend_state() == Backend.State.READY):
		if is_inside_tree():
			start()
		else:
			autostart = true


func _ask() -> void:
	var options: Dictionary = {}
	for option: String in Options.CONVERSION:
		options[option] = Settings.read(_path, option, Options.CONVERSION[option])
	var params: Dictionary = {
		"source": ProjectSettings.globalize_path(_path),
		"project": ProjectSettings.globalize_path("res://").trim_suffix("/"),
		"options": Options.get_changed(options.merged(_values, true)),
	}
	_send(_jobs, params, get_instance_id(), _question)


# Static: the inspector may free this node while Python is thinking.
static func _send(jobs: Jobs, params: Dictionary, asker: int, question: int) -> void:
	var answer: Dictionary = await jobs.call_backend("check_options", params)
	if is_instance_id_valid(asker):
		instance_from_id(asker).call(&"_take", answer, question)


func _take(answer: Dictionary, question: int) -> void:
	if question != _question:
		return
	var problems: Array[Dictionary] = []
	for problem: Dictionary in (answer.get("result", {}) as Dictionary).get("problems", []) as Array:
		problems.append(problem)
	checked.emit(problems)
