@tool
extends RefCounted
## One model of the project converted with another recipe, for a comparison. It comes out of the same cache as imports
## do; the project's own import of the model is not touched.

const Artifact := preload("res://addons/executorch/editor/cache/artifact.gd")
const Steps := preload("res://addons/executorch/editor/cache/conversion_steps.gd")
const ConversionParams := preload("res://addons/executorch/editor/jobs/conversion_params.gd")
const ImportOptions := preload("res://addons/executorch/editor/shared/import_options.gd")
const ImportSettings := preload("res://addons/executorch/editor/shared/import_settings.gd")
const ModelFiles := preload("res://addons/executorch/editor/profiler/data/model_files.gd")
const Settings := preload("res://addons/executorch/editor/shared/settings.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")


## `{metadata, open: Callable}` or `{error: {code, cause, remedy}}`; awaits the conversion when there was none yet.
## `on_progress` is called with the backend's `{stage, fraction, ...}`.
static func convert(jobs: Jobs, path: String, recipe: String, on_progress: Callable) -> Dictionary:
	var options: Dictionary = {}
	for option: String in ImportOptions.CONVERSION:
		options[option] = ImportSettings.read(path, option, ImportOptions.CONVERSION[option])
	options["recipe"] = recipe
	var cache: String = Settings.get_cache_folder()
	var prepared: Dictionary = Steps.prepare(path, options, cache)
	if not prepared.has("error") and not prepared["is_cached"]:
		var params: Dictionary = ConversionParams.make(path, options, prepared)
		var answer: Dictionary = await jobs.call_backend("convert", params, on_progress)
		if answer.has("error"):
			return answer
	return prepared if prepared.has("error") else _load(Artifact.find(cache, str(prepared["key"])))


static func _load(found: Dictionary) -> Dictionary:
	if not found.has("metadata"):
		var cause: String = "The conversion is not in the cache any more."
		return (
			found
			if found.has("error")
			else {"error": {"code": "CACHE_DAMAGED", "cause": cause, "remedy": "Run again."}}
		)
	var folder: String = found["folder"]
	var metadata: Dictionary = found["metadata"]
	var external: PackedStringArray = []
	for entry: Dictionary in (metadata["payload"] as Dictionary).get("external", []):
		external.append(folder.path_join(str(entry["file"])))
	var open: Callable = ModelFiles.open_file.bind(folder.path_join(Artifact.PAYLOAD), external)
	return {"metadata": metadata, "open": open}
