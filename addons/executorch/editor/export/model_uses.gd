@tool
extends RefCounted
## Which files the scenes, resources and scripts of the project use.

const RESOURCES: PackedStringArray = ["tscn", "scn", "tres", "res"]
const SCRIPTS: PackedStringArray = ["gd", "cs"]
const OWN: String = "res://addons/executorch/"

## Path -> the scene or resource that depends on it.
var _dependencies: Dictionary[String, String] = {}
## Script -> its text.
var _scripts: Dictionary[String, String] = {}


func _init() -> void:
	_collect(EditorInterface.get_resource_filesystem().get_filesystem())


## A scene or resource that depends on the file, or a script that names it by its path or its file name; empty when
## there is none.
func find_user(path: String) -> String:
	if _dependencies.has(path):
		return _dependencies[path]
	for script: String in _scripts:
		if _scripts[script].contains(path.get_file()):
			return script
	return ""


func _collect(folder: EditorFileSystemDirectory) -> void:
	if folder == null or folder.get_path() == OWN:
		return
	for index: int in folder.get_file_count():
		var path: String = folder.get_file_path(index)
		if path.get_extension() in SCRIPTS:
			_scripts[path] = FileAccess.get_file_as_string(path)
		elif path.get_extension() in RESOURCES:
			for dependency: String in ResourceLoader.get_dependencies(path):
				# "uid::::path", or the path alone.
				_dependencies[dependency.get_slice("::", dependency.get_slice_count("::") - 1)] = path
	for index: int in folder.get_subdir_count():
		_collect(folder.get_subdir(index))
