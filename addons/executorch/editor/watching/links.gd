@tool
extends RefCounted
## Models that follow a file outside of the project, such as the checkpoint of a running training. The backend watches
## the file, waits until its writer has finished, and copies it in; here the copy is imported.

## A link was made, removed, or went wrong.
signal changed

## Kept per machine and project: the outside files of another person's machine are not here.
const FILE: String = "res://.godot/executorch_links.json"
const Backend := preload("res://addons/executorch/editor/backend/python_backend.gd")
const ModelExtensions := preload("res://addons/executorch/runtime/library/model_extensions.gd")
const AtomicFile := preload("res://addons/executorch/runtime/library/atomic_file.gd")
const Artifact := preload("res://addons/executorch/editor/cache/artifact.gd")
const Settings := preload("res://addons/executorch/editor/shared/settings.gd")
const LeftFiles := preload("res://addons/executorch/editor/jobs/left_files.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const Job := preload("res://addons/executorch/editor/jobs/job.gd")

## `res://` path -> absolute path of the outside file.
var _targets: Dictionary = {}
## `res://` path -> its error, `{code, cause, remedy}`.
var _problems: Dictionary = {}
## Path -> key of the artifact that its last version has in the cache.
var _keys: Dictionary[String, String] = {}
var _jobs: Jobs
var _was_ready: bool = false


func _init(jobs: Jobs = null) -> void:
	_jobs = jobs
	if jobs == null:
		return
	var text: String = FileAccess.get_file_as_string(FILE) if FileAccess.file_exists(FILE) else "{}"
	_targets = read_links(text)
	_jobs.backend_state_changed.connect(_on_backend_state_changed)
	_jobs.backend_notified.connect(_on_notified)
	_jobs.job_finished.connect(_on_finished)
	var dock: FileSystemDock = EditorInterface.get_file_system_dock()
	dock.files_moved.connect(_on_moved)
	dock.file_removed.connect(_on_removed)
	dock.folder_removed.connect(_on_removed)
	if not _targets.is_empty():
		_jobs.start_backend()


## The links of the file's text: `res://` path -> absolute path. The file may have come with somebody's project: what is
## written over must be a model of this project.
static func read_links(text: String) -> Dictionary:
	var parser: JSON = JSON.new()
	var links: Dictionary = {}
	if parser.parse(text) != OK or not parser.data is Dictionary:
		return links
	for path: String in parser.data as Dictionary:
		var target: Variant = (parser.data as Dictionary)[path]
		var is_inside: bool = path.begins_with("res://") and not path.replace("\\", "/").split("/").has("..")
		if is_inside and ModelExtensions.is_model(path) and target is String and (target as String).is_absolute_path():
			links[path] = target
	return links


## The outside file that a model follows, or empty.
func get_target(path: String) -> String:
	return str(_targets.get(path, ""))


## The error of a model's link, or empty.
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


## The dock reports each file, also when a folder is moved.
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
		return  # the link was removed meanwhile
	if answer.has("error"):
		_problems[path] = answer["error"]
		changed.emit()
	elif _problems.erase(path):
		changed.emit()


func _save() -> void:
	var status: Error = AtomicFile.write_text(FILE, JSON.stringify(_targets, "\t"))
	if status != OK:
		push_error("ExecuTorch: %s cannot be written: %s." % [FILE, error_string(status)])


func _on_backend_state_changed() -> void:
	var ready: bool = _jobs.get_backend_state() == Backend.State.READY
	if ready and not _was_ready:
		for path: String in _targets:
			_watch(path)
	_was_ready = ready


## A training writes a version every few minutes: only the last one stays in the cache.
func _on_finished(job: Job) -> void:
	if job.state != Job.State.DONE or not _targets.has(job.path):
		return
	var former: String = _keys.get(job.path, "")
	if not former.is_empty() and former != job.key and not _keys.values().count(former) > 1:
		Artifact.remove(Settings.get_cache_folder(), former)
	_keys[job.path] = job.key


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
		# An editor whose window has no focus does not scan its files.
		EditorInterface.get_resource_filesystem().update_file(path)
		_jobs.import_again(path)
	changed.emit()
