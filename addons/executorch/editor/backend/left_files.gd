@tool
extends Node
## Ends the conversions of files that are moved or removed in the FileSystem dock. Godot itself imports a moved file at
## its new place.

var _jobs: ExecuTorchJobs


func _init(jobs: ExecuTorchJobs = null) -> void:
	_jobs = jobs
	var dock: FileSystemDock = EditorInterface.get_file_system_dock()
	# The dock tells it of each file, also when a folder is moved.
	dock.files_moved.connect(_on_left.unbind(1))
	dock.file_removed.connect(_on_left)
	dock.folder_removed.connect(_on_left)


## Whether a path is the file, or lies in the folder, that the dock names.
static func is_of(path: String, file_or_folder: String) -> bool:
	return path == file_or_folder or path.begins_with(file_or_folder.trim_suffix("/") + "/")


func _on_left(file_or_folder: String) -> void:
	for job: ExecuTorchJob in _jobs.get_jobs():
		if is_of(job.path, file_or_folder):
			_jobs.forget(job.path)
			# Nothing of it is to be mended any more.
			_jobs.note_success(job.path)
