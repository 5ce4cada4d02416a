@tool
extends RefCounted
## Benchmark results that were saved: JSON files in the user's data folder, outside of the project.

const AtomicFile := preload("res://addons/executorch/runtime/library/atomic_file.gd")
const ModelFiles := preload("res://addons/executorch/editor/profiler/data/model_files.gd")
const BenchmarkResult := preload("res://addons/executorch/editor/profiler/benchmark/benchmark_result.gd")
const MOST_BYTES: int = 64 << 20

var folder: String


func _init(where: String = "") -> void:
	folder = where if not where.is_empty() else OS.get_data_dir().path_join("executorch-godot/profiles")


## Saves a result; returns the file's path, or an empty text when it cannot be written.
func save(result: BenchmarkResult) -> String:
	if DirAccess.make_dir_recursive_absolute(folder) != OK:
		return ""
	var moment: String = Time.get_datetime_string_from_unix_time(int(result.date)).replace(":", "-")
	var file: String = folder.path_join(
		"%s-%s-%s.json" % [ModelFiles.key_of(result.path), result.name.validate_filename(), moment]
	)
	var text: String = JSON.stringify(result.to_dictionary(), "", true, true)
	return file if AtomicFile.write_text(file, text) == OK else ""


## Files of a model's runs, newest first; of all models when `path` is empty.
func list(path: String = "") -> PackedStringArray:
	var files: PackedStringArray = []
	for file: String in (
		DirAccess.get_files_at(folder) if DirAccess.dir_exists_absolute(folder) else PackedStringArray()
	):
		if file.ends_with(".json") and (path.is_empty() or file.begins_with(ModelFiles.key_of(path) + "-")):
			files.append(folder.path_join(file))
	var sorted: Array = Array(files)
	# Names end with the time, and begin with the model.
	sorted.sort_custom(
		func(one: String, other: String) -> bool: return _moment_of(one) + one > _moment_of(other) + other
	)
	return PackedStringArray(sorted)


static func _moment_of(file: String) -> String:
	return file.get_basename().right(19)


## A saved result, null when the file is missing or malformed.
func open(file: String) -> BenchmarkResult:
	var access: FileAccess = FileAccess.open(file, FileAccess.READ)
	if access == null or access.get_length() > MOST_BYTES:
		return null
	var json: JSON = JSON.new()
	if json.parse(access.get_as_text()) != OK or not json.data is Dictionary:
		return null
	return BenchmarkResult.from_dictionary(json.data as Dictionary)


## The last saved run of a model before `date`, null when there is none.
func last_before(path: String, date: float) -> BenchmarkResult:
	for file: String in list(path):
		var result: BenchmarkResult = open(file)
		if result != null and result.path == path and result.date < date - 0.5:
			return result
	return null
