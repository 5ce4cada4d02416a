@tool
extends RefCounted
## Files that wait to be imported again. Godot refuses an import in the middle of another one, and an editor with a
## window lets frames pass in the middle of one.

var _waiting: PackedStringArray = []
var _importing: bool = false
## Those that wait until the second of their last import is over.
var _held: Dictionary[String, bool] = {}


func _init() -> void:
	var filesystem: EditorFileSystem = EditorInterface.get_resource_filesystem()
	# No lambdas: the file system would keep them, and they the queue, when the addon is switched off.
	filesystem.resources_reimporting.connect(_note_importing.bind(true))
	filesystem.resources_reimported.connect(_note_importing.bind(false))


## Imports the file at the next `flush`. With `in_new_second` not in the second of its last import: Godot, which counts
## seconds, would keep the former icon.
func add(path: String, in_new_second: bool = false) -> void:
	if not path in _waiting:
		_waiting.append(path)
	if in_new_second:
		_held[path] = true


## Imports the waiting files, unless Godot is busy with an import or a scan.
func flush() -> void:
	var filesystem: EditorFileSystem = EditorInterface.get_resource_filesystem()
	if _waiting.is_empty() or _importing or filesystem.is_scanning():
		return
	var files: PackedStringArray = []
	for path: String in _waiting.duplicate():
		if _held.has(path) and _is_imported_now(path):
			continue
		_waiting.erase(path)
		_held.erase(path)
		if FileAccess.file_exists(path):
			files.append(path)
	if not files.is_empty():
		_importing = true
		# Godot's progress window draws the whole editor six times for each import; ours are over before it is seen.
		var draws: bool = RenderingServer.render_loop_enabled
		RenderingServer.render_loop_enabled = false
		filesystem.reimport_files(files)
		RenderingServer.render_loop_enabled = draws
		_importing = false


func _is_imported_now(path: String) -> bool:
	return FileAccess.get_modified_time(path + ".import") == int(Time.get_unix_time_from_system())


func _note_importing(_paths: PackedStringArray, importing: bool) -> void:
	_importing = importing
