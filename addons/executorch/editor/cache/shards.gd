@tool
extends RefCounted
## The files of a model in several, the same as importer/cache/shards.py's: tests/editor_import/shard_vectors.json holds
## both to it. Any thread.

const USUAL_NAME: String = "^(.*)-([0-9]{5})-of-([0-9]{5})(\\.[A-Za-z0-9]+)$"
const WEIGHTS: PackedStringArray = ["safetensors", "bin", "pt", "pth", "ckpt"]
const INDEX: String = ".index.json"
const MAX_INDEXES: int = 100
const MAX_INDEX_BYTES: int = 16 << 20
const MAX_SHARDS: int = 1000


## Name -> path of the files that are read with one of several: the others that are there, and their index.
static func find(source: String) -> Dictionary[String, String]:
	var found: Dictionary[String, String] = {}
	var folder: String = source.get_base_dir()
	var names: PackedStringArray = _usual_names(source.get_file())
	if names.is_empty() and source.get_extension().to_lower() in WEIGHTS:
		var index: String = _find_index(source)
		if not index.is_empty():
			found[index] = folder.path_join(index)
			names = _named_in(folder.path_join(index))
	for name: String in names:
		var path: String = folder.path_join(name)
		if name != source.get_file() and FileAccess.file_exists(path) and is_beside(path, source):
			found[name] = path
	return found


## Whether a file lies beside the source, links resolved: a link must not bring in a file from another folder.
static func is_beside(path: String, source: String) -> bool:
	var folder: String = _folder_behind(path)
	return folder == _absolute(source.get_base_dir()) or folder == _folder_behind(source)


static func _usual_names(file: String) -> PackedStringArray:
	var names: PackedStringArray = []
	var named: RegExMatch = RegEx.create_from_string(USUAL_NAME).search(file)
	if named != null:
		for number: int in int(named.get_string(3)):
			var parts: Array = [named.get_string(1), number + 1, named.get_string(3), named.get_string(4)]
			names.append("%s-%05d-of-%s%s" % parts)
	return names if file in names else PackedStringArray()


## The first index beside the source that names it; empty when there is none.
static func _find_index(source: String) -> String:
	var indexes: PackedStringArray = []
	for file: String in DirAccess.get_files_at(source.get_base_dir()):
		if file.ends_with(INDEX):
			indexes.append(file)
	indexes.sort()
	for file: String in indexes.slice(0, MAX_INDEXES):
		var path: String = source.get_base_dir().path_join(file)
		if is_beside(path, source) and source.get_file() in _weight_map(path).values():
			return file
	return ""


## The files that an index names; empty for one that Python refuses, with its reason.
static func _named_in(index: String) -> PackedStringArray:
	var names: Dictionary[String, bool] = {}
	for value: Variant in _weight_map(index).values():
		if not value is String or not (value as String).is_valid_filename() or (value as String).begins_with("."):
			return []
		names[value as String] = true
	return PackedStringArray(names.keys()) if names.size() <= MAX_SHARDS else PackedStringArray()


static func _weight_map(index: String) -> Dictionary:
	var file: FileAccess = FileAccess.open(index, FileAccess.READ)
	if file == null or file.get_length() > MAX_INDEX_BYTES:
		return {}
	var parser: JSON = JSON.new()
	if parser.parse(file.get_buffer(file.get_length()).get_string_from_utf8()) != OK:
		return {}
	var content: Variant = parser.data
	var places: Variant = (content as Dictionary).get("weight_map") if content is Dictionary else null
	return places if places is Dictionary else {}


## The folder of a file, or of what a link leads to.
static func _folder_behind(path: String) -> String:
	var whole: String = _absolute(path)
	var place: DirAccess = DirAccess.open(whole.get_base_dir())
	if place == null or not place.is_link(whole):
		return whole.get_base_dir()
	var target: String = place.read_link(whole)
	var behind: String = target if target.is_absolute_path() else whole.get_base_dir().path_join(target)
	return behind.simplify_path().get_base_dir()


static func _absolute(path: String) -> String:
	return ProjectSettings.globalize_path(path).simplify_path().trim_suffix("/")
