@tool
extends RefCounted
## The key of an artifact, the same as importer/cache/cache_key.py's: tests/editor_import/key_vectors.json holds both to
## it. Any thread.

const Settings := preload("res://addons/executorch/runtime/library/project_settings.gd")
const Shards := preload("shards.gd")

const PLUGIN_CONFIG: String = "res://addons/executorch/plugin.cfg"
const EXTERNAL_EXTENSION: String = "ptd"
## What follows an ONNX file's stem in the name of a file beside it that holds its tensors.
const ONNX_DATA: String = "(?i)^(\\.onnx)?[._](data|bin|weights|pb)(_[0-9]+)?$"
## Options that name data -> what the names of its files in the key begin with.
const DATA: Dictionary[String, String] = {"calibration": "calibration", "evaluate": "evaluation"}
## Larger files are not searched for imports; the same in factory_modules.py.
const MAX_MODULE_BYTES: int = 16 << 20
## A text in quotes, whose last one may begin the next text; and endings that are not those of files that are read.
const QUOTED: String = "[\"'](?=([^\"'\\\\\\r\\n]{1,1000})[\"'])"
const RESULTS: PackedStringArray = ["pte", "ptd", "tres", "py"]
## What follows a model file's stem in the name of its task card.
const TASK_CARD: String = ".task.json"
## Files of Hugging Face that describe the model's task, and the model files that those without its name belong to.
const DESCRIPTIONS: PackedStringArray = ["config.json", "preprocessor_config.json", "labels.txt"]
const OWN_NAME: String = "^(pytorch_)?model(-[0-9]{5}-of-[0-9]{5})?$"
## Options that only bound a conversion: the artifact does not depend on them.
const LIMITS: PackedStringArray = ["deadline_seconds", "memory_limit_megabytes"]


## The importer's version that this addon belongs to.
static func get_importer_version() -> String:
	var config: ConfigFile = ConfigFile.new()
	return str(config.get_value("executorch", "importer_version", "")) if config.load(PLUGIN_CONFIG) == OK else ""


## The key, or `{error: {code, cause, remedy}}`. `changed`: options that differ from their defaults.
static func make(source: String, source_sha256: String, changed: Dictionary) -> Dictionary:
	var files: Dictionary = find_dependencies(source, changed)
	if files.has("error"):
		return files
	var hashes: Dictionary = {}
	for name: String in files:
		hashes[name] = FileAccess.get_sha256(files[name] as String)
		if str(hashes[name]).is_empty():
			return _refuse("FILE_NOT_FOUND", "%s cannot be read." % files[name], "Check that the file can be read.")
	return {"key": make_from(get_importer_version(), source_sha256, changed, hashes)}


## The key of known hashes. `dependencies`: name -> sha256.
static func make_from(version: String, source_sha256: String, changed: Dictionary, dependencies: Dictionary) -> String:
	var lines: PackedStringArray = ["executorch-import", version, source_sha256, _json(_without_limits(changed))]
	var last: PackedStringArray = []
	for name: String in dependencies:
		last.append("%s=%s" % [name, dependencies[name]])
	last.sort()
	lines.append_array(last)
	return "\n".join(lines).sha256_text()


## Name in the key -> file, of every file beside the source that the artifact depends on; or `{error}`.
static func find_dependencies(source: String, changed: Dictionary) -> Dictionary:
	var files: Dictionary = {}
	var factory: String = str(changed.get("factory", "")).strip_edges()
	if not factory.is_empty():
		var found: Dictionary = _resolve(_without_function(factory), "factory")
		if found.has("error"):
			return found
		files["factory"] = found["path"]
		_add_modules(files, found["path"] as String)
		_add_named_files(files, found["path"] as String)
	for option: String in DATA:
		var place: String = str(changed.get(option, "")).strip_edges()
		if place.is_empty():
			continue
		var found: Dictionary = _resolve(place, option)
		if found.has("error"):
			return found
		_add_data(files, DATA[option], found["path"] as String)
	var metric: String = str(changed.get("metric", ""))
	if metric.contains(".py"):
		var found: Dictionary = _resolve(_without_function(metric), "metric")
		if found.has("error"):
			return found
		files["metric"] = found["path"]
	if source.get_extension().to_lower() in ["pte", "onnx"]:
		var folder: String = source.get_base_dir()
		for file: String in DirAccess.get_files_at(folder):
			if _is_external(source, file) and Shards.is_beside(folder.path_join(file), source):
				files["external/" + file] = folder.path_join(file)
	var shards: Dictionary[String, String] = Shards.find(source)
	for file: String in shards:
		files["shard/" + file] = shards[file]
	_add_descriptions(files, source)
	var libraries: PackedStringArray = Settings.get_kernel_libraries()
	for index: int in libraries.size():
		# One that is not there has its own error when it is loaded.
		if FileAccess.file_exists(libraries[index]):
			files["library/%d" % index] = libraries[index]
	return files


## The task card beside the source, and Hugging Face's files; a link is none.
static func _add_descriptions(files: Dictionary, source: String) -> void:
	var folder: DirAccess = DirAccess.open(source.get_base_dir())
	if folder == null:
		return
	var stem: String = source.get_file().get_basename()
	var has_own_name: bool = RegEx.create_from_string(OWN_NAME).search(stem) != null
	var wanted: Dictionary[String, PackedStringArray] = {"task": [stem + TASK_CARD]}
	for name: String in DESCRIPTIONS:
		var names: PackedStringArray = ["%s.%s" % [stem, name]]
		if has_own_name:
			names.append(name)
		wanted["beside/" + name] = names
	for key: String in wanted:
		for file: String in wanted[key]:
			if not files.has(key) and folder.file_exists(file) and not folder.is_link(file):
				files[key] = source.get_base_dir().path_join(file)


## Whether a file beside the source holds its tensors: `net.ptd` of `net.pte`, `net.onnx.data` of `net.onnx`.
static func _is_external(source: String, file: String) -> bool:
	var stem: String = source.get_file().get_basename()
	if not file.begins_with(stem):
		return false
	if source.get_extension().to_lower() == "pte":
		return file.get_extension().to_lower() == EXTERNAL_EXTENSION
	var pattern: RegEx = RegEx.create_from_string(ONNX_DATA)
	return pattern.search(file.substr(stem.length())) != null


static func _without_limits(changed: Dictionary) -> Dictionary:
	var decisive: Dictionary = changed.duplicate()
	for option: String in LIMITS:
		decisive.erase(option)
	return decisive


## The modules and packages beside the factory that a line with `import` names: the same as
## importer/cache/factory_modules.py finds.
static func _add_modules(files: Dictionary, factory: String) -> void:
	var root: String = factory.get_base_dir()
	var modules: PackedStringArray = DirAccess.get_files_at(root)
	var packages: PackedStringArray = DirAccess.get_directories_at(root)
	var place: DirAccess = DirAccess.open(root)
	var seen: Dictionary[String, bool] = {factory.get_file(): true}
	var unread: PackedStringArray = [factory]
	while not unread.is_empty():
		var file: String = unread[-1]
		unread.remove_at(unread.size() - 1)
		for word: String in _get_imported_words(file):
			for name: String in [word + ".py", word]:
				if seen.has(name):
					continue
				var inside: PackedStringArray = []
				if name in modules and name.get_extension() == "py":
					inside.append(name)
				elif name in packages and not place.is_link(root.path_join(name)):
					inside = _find_modules(root, name)
				seen[name] = true
				for path: String in inside:
					files["module/" + path] = root.path_join(path)
					unread.append(root.path_join(path))


## The files that the factory or one of its modules names in quotes: the same as factory_modules.py finds.
static func _add_named_files(files: Dictionary, factory: String) -> void:
	var quoted: RegEx = RegEx.create_from_string(QUOTED)
	var root: String = factory.get_base_dir()
	var sources: PackedStringArray = [factory]
	for name: String in files:
		if name.begins_with("module/"):
			sources.append(files[name] as String)
	for source: String in sources:
		for found: RegExMatch in quoted.search_all(_get_text(source)):
			var name: String = found.get_string(1).trim_prefix("./")
			if name.get_extension().to_lower() not in RESULTS and _is_plain_file(root, name):
				files["read/" + name] = root.path_join(name)


## Whether a path without a link on it leads from a folder to a file.
static func _is_plain_file(root: String, name: String) -> bool:
	var place: DirAccess = DirAccess.open(root)
	var path: String = ""
	for part: String in name.split("/"):
		path = path.path_join(part)
		if part.is_empty() or part.begins_with(".") or part.contains(":") or place == null or place.is_link(path):
			return false
	return place.file_exists(name)


static func _get_text(file: String) -> String:
	var source: FileAccess = FileAccess.open(file, FileAccess.READ)
	if source == null or source.get_length() > MAX_MODULE_BYTES:
		return ""
	return source.get_buffer(source.get_length()).get_string_from_utf8()


static func _get_imported_words(file: String) -> Dictionary[String, bool]:
	var pattern: RegEx = RegEx.create_from_string("[A-Za-z0-9_]+")
	var words: Dictionary[String, bool] = {}
	var text: String = _get_text(file)
	for line: String in text.replace("\\\r\n", " ").replace("\\\n", " ").split("\n"):
		if line.contains("import"):
			for found: RegExMatch in pattern.search_all(line):
				words[found.get_string()] = true
	return words


static func _find_modules(root: String, package: String) -> PackedStringArray:
	var found: PackedStringArray = []
	var folders: PackedStringArray = [package]
	while not folders.is_empty():
		var folder: String = folders[-1]
		folders.remove_at(folders.size() - 1)
		var place: DirAccess = DirAccess.open(root.path_join(folder))
		if place == null:
			continue
		for inner: String in place.get_directories():
			if not inner.begins_with(".") and not place.is_link(inner):
				folders.append(folder.path_join(inner))
		for file: String in place.get_files():
			if file.get_extension() == "py" and not file.begins_with("."):
				found.append(folder.path_join(file))
	return found


## `res://models/net.py` of `res://models/net.py:build`.
static func _without_function(text: String) -> String:
	var colon: int = text.rfind(":")
	var is_named: bool = colon >= 0 and text.substr(colon + 1).is_valid_ascii_identifier()
	return (text.left(colon) if is_named else text).strip_edges()


## The files of calibration or evaluation data; their names in the key begin with `prefix`/.
static func _add_data(files: Dictionary, prefix: String, place: String) -> void:
	if FileAccess.file_exists(place):
		files[prefix + "/" + place.get_file()] = place
		return
	var folders: PackedStringArray = [""]
	while not folders.is_empty():
		var inside: String = folders[-1]
		folders.remove_at(folders.size() - 1)
		var opened: DirAccess = DirAccess.open(place.path_join(inside))
		if opened == null:
			continue
		for folder: String in opened.get_directories():
			# A link may lead back here.
			if not folder.begins_with(".") and not opened.is_link(folder):
				folders.append(inside.path_join(folder))
		for file: String in DirAccess.get_files_at(place.path_join(inside)):
			if not file.begins_with("."):
				files[prefix + "/" + inside.path_join(file)] = place.path_join(inside).path_join(file)


static func _resolve(text: String, option: String) -> Dictionary:
	var path: String = ("res://" + text.trim_prefix("res://")).simplify_path()
	var is_outside: bool = text.is_absolute_path() and not text.begins_with("res://")
	if is_outside or path.trim_prefix("res://").get_slice("/", 0) == "..":
		var cause: String = "The option '%s' is '%s', which is outside of the project." % [option, text]
		var remedy: String = "Change the import option '%s'. Only files of the project can be used." % option
		return _refuse("PATH_OUTSIDE_PROJECT", cause, remedy)
	if not FileAccess.file_exists(path) and not DirAccess.dir_exists_absolute(path):
		var cause: String = "The option '%s' is '%s', which does not exist." % [option, text]
		return _refuse("FILE_NOT_FOUND", cause, "Change the import option '%s'." % option)
	return {"path": path}


static func _refuse(code: String, cause: String, remedy: String) -> Dictionary:
	return {"error": {"code": code, "cause": cause, "remedy": remedy}}


## Python's json.dumps(sort_keys=True, separators=(",", ":"), ensure_ascii=True) of strings, bools and integers.
static func _json(values: Dictionary) -> String:
	var names: PackedStringArray = PackedStringArray(values.keys())
	names.sort()
	var parts: PackedStringArray = []
	for name: String in names:
		var value: Variant = values[name]
		var text: String = _quote(value) if value is String else str(value)
		parts.append("%s:%s" % [_quote(name), text])
	return "{%s}" % ",".join(parts)


static func _quote(text: String) -> String:
	var special: Dictionary = {
		0x22: '\\"', 0x5C: "\\\\", 0x08: "\\b", 0x0C: "\\f", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t"
	}
	var quoted: PackedStringArray = ['"']
	for index: int in text.length():
		var code: int = text.unicode_at(index)
		if special.has(code):
			quoted.append(special[code] as String)
		elif code >= 0x20 and code < 0x7F:
			quoted.append(text[index])
		elif code > 0xFFFF:
			var pair: int = code - 0x10000
			quoted.append("\\u%04x\\u%04x" % [0xD800 + (pair >> 10), 0xDC00 + (pair & 0x3FF)])
		else:
			quoted.append("\\u%04x" % code)
	quoted.append('"')
	return "".join(quoted)
