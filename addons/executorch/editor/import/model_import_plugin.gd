@tool
extends "import_plugin.gd"
## Imports model files as ExecuTorchResource. In an open editor the conversion runs in the background.

const AtomicFile := preload("res://addons/executorch/runtime/library/atomic_file.gd")
const ModelExtensions := preload("res://addons/executorch/runtime/library/model_extensions.gd")
const Imported := preload("imported_resource.gd")
const Options := preload("res://addons/executorch/editor/shared/import_options.gd")
const RunMode := preload("res://addons/executorch/editor/jobs/run_mode.gd")
const Preview := preload("res://addons/executorch/editor/preview/model_preview.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")

## Larger payloads are not listed as generated files: Godot would read them again to hash them, in one frame.
const MAX_LISTED_BYTES: int = 8 * 1024 * 1024

var _jobs: Jobs


func _init(jobs: Jobs = null) -> void:
	_jobs = jobs


func _get_importer_name() -> String:
	return "executorch.model"


func _get_visible_name() -> String:
	return "ExecuTorch Model"


func _get_recognized_extensions() -> PackedStringArray:
	return ModelExtensions.ALL


func _get_save_extension() -> String:
	return "tres"


func _get_preset_count() -> int:
	return Options.PRESETS.size()


func _get_preset_name(preset_index: int) -> String:
	return Options.PRESETS[preset_index]["name"]


func _get_import_options(_path: String, preset_index: int) -> Array[Dictionary]:
	return Options.describe(preset_index)


func _get_option_visibility(path: String, option_name: StringName, options: Dictionary) -> bool:
	return Options.applies(path, option_name, options)


## Succeeds also when the conversion failed: an error would make Godot drop the last good model. The failure is in the
## resource, in the output, in the dock, and in the exit status of a headless editor.
func _import(
	source_file: String,
	save_path: String,
	options: Dictionary,
	_platform_variants: Array[String],
	gen_files: Array[String]
) -> Error:
	var wrong: Dictionary = Options.find_wrong_kind(options)
	if not wrong.is_empty():
		_jobs.failures.note(source_file, save_path, wrong)
		var unsaved: Dictionary = Imported.save_failed(save_path, {}, wrong)
		return OK if unsaved.is_empty() else ERR_FILE_CANT_WRITE
	var result: Dictionary = _jobs.take_outcome(source_file, options)
	if result.is_empty():
		if RunMode.waits():
			result = _jobs.run_now(source_file, options, save_path)
		else:
			result = _jobs.try_now(source_file, options, save_path)
	var error: Dictionary = {}
	if result.is_empty():
		error = Imported.save_pending(save_path, options)
		_jobs.enqueue(source_file, options, save_path)
	elif result.has("error"):
		error = Imported.save_failed(save_path, options, result["error"] as Dictionary)
	else:
		error = Imported.save_ready(save_path, options, result)
		for program: String in [result["payload_path"]] + (result["variant_paths"] as Dictionary).values():
			if not options.get("embed", false) and AtomicFile.length_of(program) <= MAX_LISTED_BYTES:
				gen_files.append(program)
	Preview.forget(source_file)
	if error.is_empty():
		return OK
	_jobs.failures.note(source_file, save_path, error)
	return OK if FileAccess.file_exists(save_path + ".tres") else ERR_FILE_CANT_WRITE
