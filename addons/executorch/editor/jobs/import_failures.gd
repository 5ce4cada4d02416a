@tool
extends RefCounted
## The imports of this run of the editor that failed and were not repaired since, and whether an export failed.

const Record := preload("job_record.gd")
const Job := preload("job.gd")

var _record: Record
var _excused: Dictionary[String, bool] = {}
var _errors: Dictionary[String, Dictionary] = {}
var _did_export_fail: bool = false


func _init(record: Record = null) -> void:
	_record = record


## Reports a failed import: in Godot's output, in the record on the disk, and in the exit status of `--import`.
func note(path: String, save_path: String, error: Dictionary) -> void:
	_errors[path] = error
	_record.put(path, Record.QUEUED if Job.is_repaired_by_python(error) else Record.FAILED, save_path)
	push_error(
		(
			"ExecuTorch: %s could not be imported: %s [%s] %s"
			% [path, error.get("cause", ""), error.get("code", ""), error.get("remedy", "")]
		)
	)


## The file is imported, or gone.
func clear(path: String) -> void:
	_errors.erase(path)
	_record.remove(path)


## The failure does not count for the exit status: the export that runs has no use for the file.
func excuse(path: String) -> void:
	_excused[path] = true


## Reports in the exit status that an export cannot run where it is meant to.
func note_export() -> void:
	_did_export_fail = true


## Whether no export failed, and no import but for those that are excused.
func is_empty() -> bool:
	return not _did_export_fail and _errors.keys().all(func(path: String) -> bool: return _excused.has(path))


## Why the last import of a file failed: `{code, cause, remedy}`; empty when it did not.
func get_error(path: String) -> Dictionary:
	return _errors.get(path, {})
