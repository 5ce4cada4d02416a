@tool
extends RefCounted
## Results of jobs that have just ended: the next import of the file finds its result here.

const Job := preload("job.gd")
const Options := preload("res://addons/executorch/editor/shared/import_options.gd")
const Settings := preload("res://addons/executorch/editor/shared/settings.gd")
const Steps := preload("res://addons/executorch/editor/cache/conversion_steps.gd")

## So many conversions of a file that was written meanwhile; then waiting for it is over.
const MOST_CONVERSIONS: int = 5

## path -> `{options, sha256, result}`
var _outcomes: Dictionary = {}


func put(job: Job, result: Dictionary) -> void:
	# Of what the job has read; the file may have changed since. A job that was cancelled may have read nothing.
	var sha256: Variant = job.prepared.get("sha256")
	_outcomes[job.path] = {"options": Options.get_changed(job.options), "sha256": sha256, "result": result}


## The result of the file's job, once; empty when there is none, or when the file or its options have changed since.
func take(path: String, options: Dictionary) -> Dictionary:
	if not _outcomes.has(path):
		return {}
	var outcome: Dictionary = _outcomes[path]
	_outcomes.erase(path)
	var is_same_file: bool = outcome["sha256"] == null or outcome["sha256"] == Steps.get_known_hash(path)
	return outcome["result"] if is_same_file and outcome["options"] == Options.get_changed(options) else {}


## Installs what the backend answered, for a worker thread.
static func installation_after(answer: Dictionary, cache: String, job: Job) -> Callable:
	if not answer.has("error"):
		return Steps.install.bind(cache, job.key, job.save_path)
	var refused: Dictionary = job.prepared["refused"]
	if refused.is_empty() or not Job.lacks_python(answer["error"] as Dictionary):
		return func() -> Dictionary: return {"error": answer["error"]}
	return Steps.install_refused.bind(cache, job.key, job.save_path, refused)


## Whether the file, or one that it depends on, was written while it was converted.
static func is_overtaken(answer: Dictionary) -> bool:
	return answer.has("error") and str((answer["error"] as Dictionary).get("code", "")) == "KEY_DIFFERS"


## The result of converting a prepared job. When the file was written meanwhile, what it is then is converted, a few
## times.
static func settled(job: Job, conversion: Callable) -> Dictionary:
	for _number: int in MOST_CONVERSIONS:
		var result: Dictionary = conversion.call(job)
		if not is_overtaken(result):
			return result
		job.prepared = Steps.prepare(job.path, job.options, Settings.get_cache_folder())
		if str(job.prepared.get("key", "")) == job.key:
			return result
	var cause: String = (
		"%s, or a file that it depends on, was written during each of %d conversions."
		% [job.path.get_file(), MOST_CONVERSIONS]
	)
	var remedy: String = (
		"Import it when the training or program that writes it has ended, or let that write to a place outside of the "
		+ "project and copy finished files."
	)
	return {"error": {"code": "KEY_DIFFERS", "cause": cause, "remedy": remedy}}
