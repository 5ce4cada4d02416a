@tool
extends Node
## Reports the files that are moved or removed in the FileSystem dock. Godot itself imports a moved file at its new
## place.

## A file, or a folder with all its files, has left its place.
signal left(file_or_folder: String)


func _init() -> void:
	var dock: FileSystemDock = EditorInterface.get_file_system_dock()
	# The dock reports each file, also when a folder is moved.
	dock.files_moved.connect(left.emit.unbind(1))
	dock.file_removed.connect(left.emit)
	dock.folder_removed.connect(left.emit)


## Whether a path is the file, or lies in the folder, that the dock names.
static func is_of(path: String, file_or_folder: String) -> bool:
	return path == file_or_folder or path.begins_with(file_or_folder.trim_suffix("/") + "/")
