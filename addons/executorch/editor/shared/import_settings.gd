@tool
extends RefCounted
## The import options of a model in the project: read from its `.import` file, changed there with undo, and applied by a
## reimport.

const SECTION: String = "params"

var _undo: EditorUndoRedoManager
var _import_again: Callable


## `import_again` is called with the path of a file whose options changed.
func _init(undo: EditorUndoRedoManager, import_again: Callable) -> void:
	_undo = undo
	_import_again = import_again


## Whether the file at `path` is imported, so that it has options.
static func has_options(path: String) -> bool:
	return path.begins_with("res://") and FileAccess.file_exists(path + ".import")


## An option's value, or `default` when the file does not have it.
static func read(path: String, option: String, default: Variant) -> Variant:
	var file: ConfigFile = ConfigFile.new()
	if file.load(path + ".import") != OK:
		return default
	return file.get_value(SECTION, option, default)


## Sets options as one step that can be undone, and imports the file again.
func change(path: String, values: Dictionary, title: String) -> void:
	var before: Dictionary = {}
	for option: String in values:
		before[option] = read(path, option, null)
	_undo.create_action(title)
	_undo.add_do_method(self, &"apply", path, values)
	_undo.add_undo_method(self, &"apply", path, before)
	_undo.commit_action()


## Writes options (a null removes one) and imports the file again. For the undo history; use `change`.
func apply(path: String, values: Dictionary) -> void:
	var file: ConfigFile = ConfigFile.new()
	var status: Error = file.load(path + ".import")
	for option: String in values:
		file.set_value(SECTION, option, values[option])
	status = file.save(path + ".import") if status == OK else status
	if status != OK:
		push_error("ExecuTorch: the import options of %s could not be written: %s" % [path, error_string(status)])
		return
	# The undo history outlives the addon's jobs when the addon is switched off.
	if _import_again.is_valid():
		_import_again.call(path)
