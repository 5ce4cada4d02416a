@tool
extends RefCounted
## The imports that are unfinished or failed, stored on disk, so that they survive the end of the editor.

const AtomicFile := preload("res://addons/executorch/runtime/library/atomic_file.gd")

const PATH: String = "res://.godot/executorch_jobs.json"
const QUEUED: String = "queued"
const FAILED: String = "failed"

## path -> {state, save_path}
var _entries: Dictionary = {}


func _init() -> void:
	if not FileAccess.file_exists(PATH):
		return
	var parser: JSON = JSON.new()
	if parser.parse(FileAccess.get_file_as_string(PATH)) != OK or not parser.data is Dictionary:
		return
	for path: String in parser.data as Dictionary:
		var entry: Variant = parser.data[path]
		if entry is Dictionary and FileAccess.file_exists(path):
			_entries[path] = entry


## The files whose import is unfinished; failed ones too when `with_failed`.
func get_unfinished(with_failed: bool) -> PackedStringArray:
	var paths: PackedStringArray = []
	for path: String in _entries:
		if with_failed or (_entries[path] as Dictionary).get("state", "") == QUEUED:
			paths.append(path)
	return paths


func get_failed() -> PackedStringArray:
	return PackedStringArray(
		_entries.keys().filter(func(path: String) -> bool: return _entries[path].get("state", "") == FAILED)
	)


## Where the imported files of a file go, without a suffix.
func get_save_path(path: String) -> String:
	return str((_entries.get(path, {}) as Dictionary).get("save_path", ""))


func put(path: String, state: String, save_path: String) -> void:
	_entries[path] = {"state": state, "save_path": save_path}
	_save()


func remove(path: String) -> void:
	if _entries.erase(path):
		_save()


func _save() -> void:
	AtomicFile.write_text(PATH, JSON.stringify(_entries, "\t"))
