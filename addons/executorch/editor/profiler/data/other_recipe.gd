@tool
extends RefCounted
## One model of the project converted with another recipe, for a comparison. It comes out of the same cache as imports
## do; the project's own import of the model is not touched.

const Artifact := preload("res://addons/executorch/editor/import/artifact.gd")
const Steps := preload("res://addons/executorch/editor/import/conversion_steps.gd")
const ImportOptions := preload("res://addons/executorch/editor/import/import_options.gd")
const ImportSettings := preload("res://addons/executorch/editor/inspector/import_settings.gd")
const ModelFiles := preload("res://addons/executorch/editor/profiler/data/model_files.gd")
const ModelSettings := preload("res://addons/executorch/editor/import/model_settings.gd")


## `{metadata, open: Callable}` or `{error: {code, cause, remedy}}`; awaits the conversion when there was none yet.
## `on_progress` is called with the backend's `{stage, fraction, ...}`.
static func convert(jobs: ExecuTorchJobs, path: String, recipe: String, on_progress: Callable) -> Dictionary:
	var options: Dictionary = {}
	for option: String in ImportOptions.CONVERSION:
		options[option] = ImportSettings.read(path, option, ImportOptions.CONVERSION[option])
	options["recipe"] = recipe
	var cache: String = ModelSettings.get_cache_folder()
	var prepared: Dictionary = Steps.prepare(path, options, cache)
	if not prepared.has("error") and not prepared["is_cached"]:
		var params: Dictionary = {
			"source": ProjectSettings.globalize_path(path),
			"project": ProjectSettings.globalize_path("res://").trim_suffix("/"),
			"cache": cache,
			"key": prepared["key"],
			"options": ImportOptions.get_changed(options),
			"display_path": path,
			"allow_pickle": ModelSettings.is_trusted(str(prepared["sha256"])),
		}
		var answer: Dictionary = await jobs.call_backend("convert", params, on_progress)
		if answer.has("error"):
			return answer
	return prepared if prepared.has("error") else _load(Artifact.get_folder(cache, str(prepared["key"])))


static func _load(folder: String) -> Dictionary:
	var parser: JSON = JSON.new()
	var text: String = FileAccess.get_file_as_string(folder.path_join(Artifact.METADATA))
	if parser.parse(text) != OK or not parser.data is Dictionary:
		var cause: String = "The cache's entry %s is damaged." % folder
		return {"error": {"code": "CACHE_DAMAGED", "cause": cause, "remedy": "Delete it, then run again."}}
	var metadata: Dictionary = parser.data
	var external: PackedStringArray = []
	for entry: Dictionary in (metadata.get("payload", {}) as Dictionary).get("external", []):
		external.append(folder.path_join(str(entry.get("file", ""))))
	var open: Callable = ModelFiles.open_file.bind(folder.path_join(Artifact.PAYLOAD), external)
	return {"metadata": metadata, "open": open}
