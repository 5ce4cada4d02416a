@tool
extends RefCounted
## Which files the scenes, resources and scripts of the project use.

const RESOURCES: PackedStringArray = ["tscn", "scn", "tres", "res"]
const SCRIPTS: PackedStringArray = ["gd", "cs"]
const OWN: String = "res://addons/executorch/"

## Paths that scenes and resources depend on.
var _dependencies: Dictionary[String, bool] = {}
var _scripts: PackedStringArray = []


func _init() -> void:
	_collect(EditorInterface.get_resource_filesystem().get_filesystem())


## Whether a scene or resource depends on the file, or a script names it by its path or its file name.
func has(path: String) -> bool:
	if _dependencies.has(path):
		return true
	for text: String in _scripts:
		if text.contains(path.get_file()):
			return true
	return false


func _collect(folder: EditorFileSystemDirectory) -> void:
	if folder == null or folder.get_path() == OWN:
		return
	for index: int in folder.get_file_count():
		var path: String = folder.get_file_path(index)
		if path.get_extension() in SCRIPTS:
			_scripts.append(FileAccess.get_file_as_string(path))
		elif path.get_extension() in RESOURCES:
			for dependency: String in ResourceLoader.get_dependencies(path):
				# "uid::::path", or the path alone.
				_dependencies[dependency.get_slice("::", dependency.get_slice_count("::") - 1)] = true
	for index: int in folder.get_subdir_count():
		_collect(folder.get_subdir(index))
