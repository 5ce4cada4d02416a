@tool
extends RefCounted
## Models that follow a file outside of the project, such as the checkpoint of a training that runs. The backend
## watches the
## file, waits until its writer has finished, and copies it in; here the copy is imported and running games are
## told.

## A link was made, removed, or went wrong.
signal changed

## Kept per machine and project: the outside files of another person's machine are not here.
const FILE: String = "res://.godot/executorch_links.json"
const Backend := preload("res://addons/executorch/editor/backend/python_backend.gd")
const LeftFiles := preload("res://addons/executorch/editor/backend/left_files.gd")

## `res://` path -> absolute path of the outside file.
var _targets: Dictionary = {}
## `res://` path -> what is wrong, `{code, cause, remedy}`.
var _problems: Dictionary = {}
var _jobs: ExecuTorchJobs
var _was_ready: bool = false


func _init(jobs: ExecuTorchJobs = null) -> void:
	_jobs = jobs
	if jobs == null:
		return
	var known: Variant = JSON.parse_string(FileAccess.get_file_as_string(FILE)) if FileAccess.file_exists(FILE) else {}
	_targets = known if known is Dictionary else {}
	_jobs.backend_state_changed.connect(_on_backend_state_changed)
	_jobs.backend_notified.connect(_on_notified)
	var dock: FileSystemDock = EditorInterface.get_file_system_dock()
	dock.files_moved.connect(_on_moved)
	dock.file_removed.connect(_on_removed)
	dock.folder_removed.connect(_on_removed)
	if not _targets.is_empty():
		_jobs.start_backend()


## The outside file that a model follows; empty when it follows none.
func get_target(path: String) -> String:
	return str(_targets.get(path, ""))


## What is wrong with a model's link; empty when nothing is.
func get_problem(path: String) -> Dictionary:
	return _problems.get(path, {})


func get_linked_paths() -> PackedStringArray:
	return PackedStringArray(_targets.keys())


## Lets the model at `path` follow `target`, an absolute path outside of the project.
func link(path: String, target: String) -> void:
	_targets[path] = target
	_problems.erase(path)
	_save()
	if _jobs.get_backend_state() == Backend.State.READY:
		_watch(path)
	else:
		_jobs.start_backend()
	changed.emit()


## Ends it; the model stays as it is.
func unlink(path: String) -> void:
	if _targets.has(path):
		var target: String = _targets[path]
		_targets.erase(path)
		_problems.erase(path)
		_save()
		if _jobs.get_backend_state() == Backend.State.READY:
			_jobs.call_backend("unwatch", {"link": ProjectSettings.globalize_path(path), "target": target})
		changed.emit()


## The dock tells it of each file, also when a folder is moved.
func _on_moved(from: String, to: String) -> void:
	var target: String = get_target(from)
	if not target.is_empty():
		unlink(from)
		link(to, target)


## The next version would bring the file back.
func _on_removed(file_or_folder: String) -> void:
	for path: String in get_linked_paths():
		if LeftFiles.is_of(path, file_or_folder):
			unlink(path)


func _watch(path: String) -> void:
	var link_path: String = ProjectSettings.globalize_path(path)
	var target: String = _targets[path]
	var answer: Dictionary = await _jobs.call_backend("watch", {"link": link_path, "target": target})
	if _targets.get(path) != target:
		return  # the answer is to a link that is no more
	if answer.has("error"):
		_problems[path] = answer["error"]
		changed.emit()
	elif _problems.erase(path):
		changed.emit()


func _save() -> void:
	var part: String = FILE + ".part"
	var file: FileAccess = FileAccess.open(part, FileAccess.WRITE)
	if file == null:
		push_error("ExecuTorch: %s cannot be written: %s" % [FILE, error_string(FileAccess.get_open_error())])
		return
	file.store_string(JSON.stringify(_targets, "\t"))
	file.close()
	DirAccess.rename_absolute(ProjectSettings.globalize_path(part), ProjectSettings.globalize_path(FILE))


func _on_backend_state_changed() -> void:
	var ready: bool = _jobs.get_backend_state() == Backend.State.READY
	if ready and not _was_ready:
		for path: String in _targets:
			_watch(path)
	_was_ready = ready


func _on_notified(method: String, params: Dictionary) -> void:
	if not method in ["file_changed", "watch_failed"]:
		return
	var path: String = ProjectSettings.localize_path(str(params.get("link", "")))
	if not _targets.has(path):
		return
	if method == "watch_failed":
		_problems[path] = params
	else:
		_problems.erase(path)
		# An editor whose window has no focus does not look at its files by itself.
		EditorInterface.get_resource_filesystem().update_file(path)
		_jobs.import_again(path)
	changed.emit()
