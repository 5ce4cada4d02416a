@tool
extends "res://tests/case.gd"
## The addon's key is the importer's: see key_vectors.json and test_key_vectors.py.

const Steps := preload("res://addons/executorch/editor/cache/conversion_steps.gd")
const CacheKey := preload("res://addons/executorch/editor/cache/cache_key.gd")
const GameSettings := preload("res://addons/executorch/runtime/library/project_settings.gd")
const Options := preload("res://addons/executorch/editor/shared/import_options.gd")


func test_keys_are_the_importers() -> void:
	var vectors: Array = JSON.parse_string(FileAccess.get_file_as_string("res://tests/editor_import/key_vectors.json"))
	check(vectors.size() >= 7, "the vectors are there")
	for vector: Dictionary in vectors:
		var hashes: Dictionary = {}
		var files: Dictionary = vector["files"]
		for file: String in files:
			hashes[file] = str(files[file]).sha256_text()
		var changed: Dictionary = Options.get_changed(vector["options"] as Dictionary)
		check_equal(changed.size(), (vector["options"] as Dictionary).size(), vector["name"] as String)
		var key: String = CacheKey.make_from(
			vector["version"] as String, vector["source_sha256"] as String, changed, hashes
		)
		check_equal(key, vector["key"], vector["name"] as String)


func test_options_that_do_not_change_the_artifact_are_left_out() -> void:
	check_equal(Options.get_changed({"recipe": "auto", "optimization_level": 2, "embed": true, "Model": null}), {})


func test_another_content_of_the_same_size_and_time_has_another_hash() -> void:
	var path: String = "res://models/rewritten.bin"
	var hashes: PackedStringArray = []
	for text: String in ["first", "other", "first"]:
		var file: FileAccess = FileAccess.open(
			path, FileAccess.READ_WRITE if not hashes.is_empty() else FileAccess.WRITE
		)
		file.store_string(text)
		file.close()
		hashes.append(Steps.get_hash(path))
		check_equal(hashes[-1], text.sha256_text())
		check_equal(Steps.get_known_hash(path), hashes[-1])
	DirAccess.remove_absolute(path)
	check_equal(Steps.get_hash(path), "")


func test_dependencies() -> void:
	DirAccess.make_dir_recursive_absolute("res://calibration/inner/.hidden")
	for path: String in ["a.npy", "inner/b.npy", ".secret", "inner/.hidden/c.npy"]:
		_write("res://calibration".path_join(path))
	_write("res://net.py")
	var found: Dictionary = CacheKey.find_dependencies(
		"res://models/linear.pt", {"factory": "res://net.py:build", "calibration": "calibration"}
	)
	var names: Array = found.keys()
	names.sort()
	check(not found.has("error"), str(found))
	check_equal(names, ["calibration/a.npy", "calibration/inner/b.npy", "factory"])


func test_weights_of_a_program_whose_file_is_named_in_capital_letters() -> void:
	DirAccess.make_dir_recursive_absolute("res://capitals")
	for file: String in ["NET.PTE", "NET.PTD", "NET-large.ptd", "other.ptd"]:
		_write("res://capitals".path_join(file))
	var names: Array = CacheKey.find_dependencies("res://capitals/NET.PTE", {}).keys()
	names.sort()
	check_equal(names, ["external/NET-large.ptd", "external/NET.PTD"])


func test_the_data_beside_an_onnx_file() -> void:
	DirAccess.make_dir_recursive_absolute("res://onnx_data")
	for file: String in ["net.onnx.data", "net.onnx_data_1", "net.DATA", "net.onnx.import", "net2.data", "other.data"]:
		_write("res://onnx_data".path_join(file))
	var names: Array = CacheKey.find_dependencies("res://onnx_data/net.onnx", {}).keys()
	names.sort()
	check_equal(names, ["external/net.DATA", "external/net.onnx.data", "external/net.onnx_data_1"])


func test_the_kernel_libraries_of_the_game() -> void:
	_write("res://libmine.so")
	var before: Variant = ProjectSettings.get_setting(GameSettings.LIBRARIES)
	ProjectSettings.set_setting(GameSettings.LIBRARIES, PackedStringArray(["res://libnothing.so", "res://libmine.so"]))
	var found: Dictionary = CacheKey.find_dependencies("res://models/linear.pt", {})
	ProjectSettings.set_setting(GameSettings.LIBRARIES, before)
	check_equal(found, {"library/1": ProjectSettings.globalize_path("res://libmine.so")})


func test_the_files_that_describe_a_task() -> void:
	DirAccess.make_dir_recursive_absolute("res://described")
	for file: String in ["config.json", "labels.txt", "net.labels.txt", "net.task.json", "net2.config.json"]:
		_write("res://described".path_join(file))
	var wanted: Dictionary[String, Array] = {
		"net.onnx": ["beside/labels.txt", "task"],
		"model.onnx": ["beside/config.json", "beside/labels.txt"],
		"pytorch_model.pt": ["beside/config.json", "beside/labels.txt"],
		"model-00001-of-00002.safetensors": ["beside/config.json", "beside/labels.txt"],
		"other.onnx": [],
	}
	for file: String in wanted:
		var found: Dictionary = CacheKey.find_dependencies("res://described/" + file, {})
		var names: Array = found.keys()
		names.sort()
		check_equal(names, wanted[file], file)
	var labels: String = CacheKey.find_dependencies("res://described/net.onnx", {})["beside/labels.txt"]
	check_equal(labels, "res://described/net.labels.txt")


func test_the_other_files_of_a_model_in_several_are_the_importers() -> void:
	var vectors: Array = JSON.parse_string(
		FileAccess.get_file_as_string("res://tests/editor_import/shard_vectors.json")
	)
	check(vectors.size() >= 7, "the vectors are there")
	for vector: Dictionary in vectors:
		var folder: String = "res://shards_%s" % vector["name"]
		DirAccess.make_dir_recursive_absolute(folder)
		_write(folder.path_join(vector["source"] as String))
		for file: String in vector["files"] as Dictionary:
			_write(folder.path_join(file), str((vector["files"] as Dictionary)[file]))
		var found: Dictionary = CacheKey.find_dependencies(folder.path_join(vector["source"] as String), {})
		check_equal(_names_in(found, "shard/"), vector["found"], vector["name"] as String)


func test_modules_of_a_factory_are_the_importers() -> void:
	var text: String = FileAccess.get_file_as_string("res://tests/editor_import/module_vectors.json")
	var vectors: Array = JSON.parse_string(text)
	check(vectors.size() >= 5, "the vectors are there")
	for vector: Dictionary in vectors:
		var folder: String = "res://modules_%s" % vector["name"]
		for file: String in vector["files"] as Dictionary:
			DirAccess.make_dir_recursive_absolute(folder.path_join(file).get_base_dir())
			_write(folder.path_join(file), str((vector["files"] as Dictionary)[file]))
		var factory: String = folder.path_join("net.py:build")
		var found: Dictionary = CacheKey.find_dependencies("res://models/linear.pt", {"factory": factory})
		check(not found.has("error"), str(found))
		check_equal(_names_in(found, "module/"), vector["found"], vector["name"] as String)
		check_equal(_names_in(found, "read/"), vector.get("read", []), vector["name"] as String)


func test_paths_stay_in_the_project() -> void:
	for path: String in ["../net.py", "/etc/passwd", "res://../net.py", "res://models/../../net.py"]:
		var found: Dictionary = CacheKey.find_dependencies("res://models/linear.pt", {"factory": path})
		check_equal((found.get("error", {}) as Dictionary).get("code", ""), "PATH_OUTSIDE_PROJECT", path)
	var missing: Dictionary = CacheKey.find_dependencies("res://models/linear.pt", {"factory": "res://nothing.py"})
	check_equal((missing.get("error", {}) as Dictionary).get("code", ""), "FILE_NOT_FOUND")


func _names_in(found: Dictionary, prefix: String) -> Array:
	var names: Array = found.keys().filter(func(entry: String) -> bool: return entry.begins_with(prefix))
	names = names.map(func(entry: String) -> String: return entry.trim_prefix(prefix))
	names.sort()
	return names


func _write(path: String, content: String = "") -> void:
	var file: FileAccess = FileAccess.open(path, FileAccess.WRITE)
	file.store_string(content)
	file.close()
