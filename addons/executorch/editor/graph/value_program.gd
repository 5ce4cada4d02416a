@tool
extends RefCounted
## One run of a program that also returns a value inside of a model's graph. The importer makes it from the model's
## source, in the cache: the model in the project stays as it is.

const Artifact := preload("res://addons/executorch/editor/cache/artifact.gd")
const ConversionParams := preload("res://addons/executorch/editor/jobs/conversion_params.gd")
const Facts := preload("res://addons/executorch/editor/shared/model_facts.gd")
const ImportOptions := preload("res://addons/executorch/editor/shared/import_options.gd")
const ImportSettings := preload("res://addons/executorch/editor/shared/import_settings.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const Settings := preload("res://addons/executorch/editor/shared/settings.gd")
const Steps := preload("res://addons/executorch/editor/cache/conversion_steps.gd")
const Task := preload("res://addons/executorch/editor/shared/background_task.gd")
## Options of the import that such a program does not need.
const LEFT_OUT: PackedStringArray = ["variants", "evaluate", "external_weights"]
const PLACE: String = "res://.godot/executorch_values"

var _jobs: Jobs


func _init(jobs: Jobs) -> void:
	_jobs = jobs


## Why a model has no values that can be shown: `{cause, remedy}`; empty when it has some.
static func refusal(model: ExecuTorchResource, method_name: String) -> Dictionary:
	var facts: Facts = Facts.new(model.metadata)
	if not (facts.get_method(method_name).get("value_names", {}) as Dictionary).is_empty():
		return {}
	if facts.get_kind_id() == "pte":
		return {
			"cause": "This model is a finished program. It does not say what its instructions compute.",
			"remedy": "Import the model that it was made of, as .pt2, .pt or .onnx, to see the values inside.",
		}
	return {
		"cause": "The import of this model kept no names of the values inside.",
		"remedy": "Import the model again. Graphs with more than 4,096 values have none.",
	}


## Runs a method with `inputs` by position: `{value: {name, dtype, shape, data}, us}` or `{error: {cause, remedy}}`.
## Converts first where the program is not in the cache; `on_progress` hears of it. Waits without blocking.
func run(
	model: ExecuTorchResource, method_name: String, value: String, inputs: Array, on_progress: Callable
) -> Dictionary:
	var facts: Facts = Facts.new(model.metadata)
	var index: int = _index_of(facts.get_method(method_name), value)
	if index >= 0:
		return await _on_worker(_run.bind(model, method_name, inputs, index, value))
	var path: String = model.resource_path
	var options: Dictionary = _options_for(path, "%s.%s" % [method_name, value])
	var cache: String = Settings.get_cache_folder()
	var prepared: Dictionary = await _on_worker(Steps.prepare.bind(path, options, cache))
	if prepared.has("error"):
		return prepared
	if not prepared["is_cached"]:
		var params: Dictionary = ConversionParams.make(path, options, prepared)
		var answer: Dictionary = await _jobs.call_backend("convert", params, on_progress)
		if answer.has("error"):
			return answer
	return await _on_worker(_run_entry.bind(cache, str(prepared["key"]), method_name, inputs, value))


# The index of the output that a value is; -1 when the program does not return it.
func _index_of(method: Dictionary, value: String) -> int:
	var returned: Dictionary = (method.get("value_names", {}) as Dictionary).get("outputs", {})
	if returned.has(value):
		return int(returned[value])
	var outputs: Array = method.get("outputs", [])
	for index: int in outputs.size():
		if (outputs[index] as Dictionary).get("name", "") == value:
			return index
	return -1


func _options_for(path: String, value: String) -> Dictionary:
	var options: Dictionary = {}
	for option: String in ImportOptions.CONVERSION:
		var default: Variant = ImportOptions.CONVERSION[option]
		options[option] = default if LEFT_OUT.has(option) else ImportSettings.read(path, option, default)
	options["also_outputs"] = value
	return options


func _run_entry(cache: String, key: String, method_name: String, inputs: Array, value: String) -> Dictionary:
	DirAccess.make_dir_recursive_absolute(PLACE)
	var installed: Dictionary = Artifact.install(cache, key, PLACE.path_join(key.left(16)))
	if installed.has("error"):
		return installed
	var model: ExecuTorchResource = ExecuTorchResource.new()
	model.metadata = installed["metadata"]
	model.payload_path = installed["payload_path"]
	model.state = ExecuTorchResource.State.READY
	var outputs: Array = Facts.new(model.metadata).get_method(method_name).get("outputs", [])
	var result: Dictionary = _run(model, method_name, inputs, outputs.size() - 1, value)
	# The cache keeps it.
	model.unload_model()
	DirAccess.remove_absolute(installed["payload_path"] as String)
	return result


func _run(model: ExecuTorchResource, method_name: String, inputs: Array, index: int, value: String) -> Dictionary:
	var session: ExecuTorchRuntime = model.new_session()
	var outputs: Array[Dictionary] = []
	if session != null:
		outputs = session.execute_tensors(method_name, inputs)
	if index >= outputs.size():
		var error: ExecuTorchError = session.get_last_error() if session != null else model.get_last_error()
		return {"error": error.to_dictionary() if error != null else ExecuTorchError.broken().to_dictionary()}
	var shown: Dictionary = outputs[index].duplicate()
	shown["name"] = value
	return {"value": shown, "us": session.get_last_inference_time() * 1000.0}


func _on_worker(work: Callable) -> Dictionary:
	var task: Task = Task.new(work)
	while not task.is_done():
		await (Engine.get_main_loop() as SceneTree).process_frame
	return task.get_result()
