@tool
extends "import_plugin.gd"
## Imports `tokenizer.json` (and names that end so) as ExecuTorchTokenizer. Other JSON files stay what they are.


func _get_importer_name() -> String:
	return "executorch.tokenizer"


func _get_visible_name() -> String:
	return "ExecuTorch Tokenizer"


func _get_recognized_extensions() -> PackedStringArray:
	return ["tokenizer.json"]


func _get_save_extension() -> String:
	return "res"


func _get_preset_count() -> int:
	return 0


func _get_import_options(_path: String, _preset_index: int) -> Array[Dictionary]:
	return []


func _get_option_visibility(_path: String, _option_name: StringName, _options: Dictionary) -> bool:
	return true


func _import(
	source_file: String,
	save_path: String,
	_options: Dictionary,
	_platform_variants: Array[String],
	_gen_files: Array[String]
) -> Error:
	var tokenizer: ExecuTorchTokenizer = ExecuTorchTokenizer.load_file(source_file)
	if tokenizer == null:
		return ERR_FILE_CORRUPT
	return ResourceSaver.save(tokenizer, "%s.%s" % [save_path, _get_save_extension()], ResourceSaver.FLAG_COMPRESS)
