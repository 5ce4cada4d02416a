@tool
extends RefCounted
## The key of an artifact, the same as importer/key.py's: tests/import_editor/key_vectors.json holds both to it. Any
## thread.

const PLUGIN_CONFIG: String = "res://addons/executorch/plugin.cfg"
const EXTERNAL_EXTENSION: String = "ptd"


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
			return _refuse("FILE_NOT_FOUND", "%s cannot be read." % files[name], "Check that it is there and readable.")
	return {"key": make_from(get_importer_version(), source_sha256, changed, hashes)}


## The key of known hashes. `dependencies`: name -> sha256.
static func make_from(version: String, source_sha256: String, changed: Dictionary, dependencies: Dictionary) -> String:
	var lines: PackedStringArray = ["executorch-import", version, source_sha256, _json(changed)]
	var last: PackedStringArray = []
	for name: String in dependencies:
		last.append("%s=%s" % [name, dependencies[name]])
	last.sort()
	lines.append_array(last)
	return "\n".join(lines).sha256_text()


## Name in the key -> file, of everything beside the source that the artifact depends on; or `{error}`.
static func find_dependencies(source: String, changed: Dictionary) -> Dictionary:
	var files: Dictionary = {}
	var factory: String = str(changed.get("factory", "")).strip_edges()
	if not factory.is_empty():
		var colon: int = factory.rfind(":")
		if colon >= 0 and factory.substr(colon + 1).is_valid_ascii_identifier():
			factory = factory.left(colon)
		var found: Dictionary = _resolve(factory, "factory")
		if found.has("error"):
			return found
		files["factory"] = found["path"]
		_add_modules(files, found["path"] as String)
	var calibration: String = str(changed.get("calibration", "")).strip_edges()
	if not calibration.is_empty():
		var found: Dictionary = _resolve(calibration, "calibration")
		if found.has("error"):
			return found
		_add_calibration(files, found["path"] as String)
	if source.get_extension().to_lower() == "pte":
		var folder: String = source.get_base_dir()
		for file: String in DirAccess.get_files_at(folder):
			var belongs: bool = file.begins_with(source.get_file().get_basename())
			if belongs and file.get_extension().to_lower() == EXTERNAL_EXTENSION:
				files["external/" + file] = folder.path_join(file)
	return files


## The modules and packages beside the factory that a line with `import` names: the same as importer/imports.py finds.
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


static func _get_imported_words(file: String) -> Dictionary[String, bool]:
	var pattern: RegEx = RegEx.create_from_string("[A-Za-z0-9_]+")
	var text: String = FileAccess.get_file_as_bytes(file).get_string_from_utf8()
	var words: Dictionary[String, bool] = {}
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


static func _add_calibration(files: Dictionary, place: String) -> void:
	if FileAccess.file_exists(place):
		files["calibration/" + place.get_file()] = place
		return
	var folders: PackedStringArray = [""]
	while not folders.is_empty():
		var inside: String = folders[-1]
		folders.remove_at(folders.size() - 1)
		for folder: String in DirAccess.get_directories_at(place.path_join(inside)):
			if not folder.begins_with("."):
				folders.append(inside.path_join(folder))
		for file: String in DirAccess.get_files_at(place.path_join(inside)):
			if not file.begins_with("."):
				files["calibration/" + inside.path_join(file)] = place.path_join(inside).path_join(file)


static func _resolve(text: String, option: String) -> Dictionary:
	var path: String = ("res://" + text.trim_prefix("res://")).simplify_path()
	var leads_out: bool = text.is_absolute_path() and not text.begins_with("res://")
	if leads_out or path.trim_prefix("res://").begins_with(".."):
		var cause: String = "The option '%s' is '%s', which leads out of the project." % [option, text]
		var remedy: String = "Change the import option '%s'. Only files of the project can be used." % option
		return _refuse("PATH_OUTSIDE_PROJECT", cause, remedy)
	if not FileAccess.file_exists(path) and not DirAccess.dir_exists_absolute(path):
		var cause: String = "The option '%s' is '%s'; there is no such file." % [option, text]
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
