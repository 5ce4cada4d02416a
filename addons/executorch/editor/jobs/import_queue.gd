@tool
extends RefCounted
## Files that wait to be imported again. Godot refuses an import in the middle of another one, and an editor with a
## window lets frames pass in the middle of one.

var _waiting: PackedStringArray = []
var _importing: bool = false


func _init() -> void:
	var filesystem: EditorFileSystem = EditorInterface.get_resource_filesystem()
	# No lambdas: the file system would keep them, and they the queue, when the addon is switched off.
	filesystem.resources_reimporting.connect(_note_importing.bind(true))
	filesystem.resources_reimported.connect(_note_importing.bind(false))


## Imports the file at the next `flush`.
func add(path: String) -> void:
	if not path in _waiting:
		_waiting.append(path)


## Imports the waiting files, unless Godot is busy with an import or a scan.
func flush() -> void:
	var filesystem: EditorFileSystem = EditorInterface.get_resource_filesystem()
	if _waiting.is_empty() or _importing or filesystem.is_scanning():
		return
	var files: PackedStringArray = []
	for path: String in _waiting:
		if FileAccess.file_exists(path):
			files.append(path)
	_waiting.clear()
	if not files.is_empty():
		_importing = true
		# Godot's progress window draws the whole editor six times for each import; ours are over before it is seen.
		var draws: bool = RenderingServer.render_loop_enabled
		RenderingServer.render_loop_enabled = false
		filesystem.reimport_files(files)
		RenderingServer.render_loop_enabled = draws
		_importing = false


func _note_importing(_paths: PackedStringArray, importing: bool) -> void:
	_importing = importing
