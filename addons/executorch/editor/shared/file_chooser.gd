@tool
extends Node
## Asks for a file or a folder in the editor's own dialog, which is outside of the inspector.

const ModelExtensions := preload("res://addons/executorch/runtime/library/model_extensions.gd")

var _dialog: EditorFileDialog


## Asks for a folder of the project; `chosen` is called with its path.
func choose_folder(title: String, chosen: Callable) -> void:
	_open(title, EditorFileDialog.FILE_MODE_OPEN_DIR, EditorFileDialog.ACCESS_RESOURCES).dir_selected.connect(chosen)


## Asks for a file of the project that fits one of `patterns` ("*.py").
func choose_file(title: String, patterns: PackedStringArray, chosen: Callable) -> void:
	var dialog: EditorFileDialog = _open(title, EditorFileDialog.FILE_MODE_OPEN_FILE, EditorFileDialog.ACCESS_RESOURCES)
	for pattern: String in patterns:
		dialog.add_filter(pattern)
	dialog.file_selected.connect(chosen)


## Asks for a model file anywhere on this machine.
func choose_outside(title: String, chosen: Callable) -> void:
	var dialog: EditorFileDialog = _open(
		title, EditorFileDialog.FILE_MODE_OPEN_FILE, EditorFileDialog.ACCESS_FILESYSTEM
	)
	dialog.add_filter(ModelExtensions.FILTER, "Models")
	dialog.file_selected.connect(chosen)


## The dialog that is or was open; null before the first.
func get_dialog() -> EditorFileDialog:
	return _dialog


func _open(title: String, mode: EditorFileDialog.FileMode, access: EditorFileDialog.Access) -> EditorFileDialog:
	_forget()
	_dialog = EditorFileDialog.new()
	_dialog.file_mode = mode
	_dialog.access = access
	_dialog.title = title
	EditorInterface.get_base_control().add_child(_dialog)
	_dialog.popup_file_dialog.call_deferred()
	return _dialog


func _exit_tree() -> void:
	_forget()


func _forget() -> void:
	if _dialog != null:
		_dialog.queue_free()
		_dialog = null
