@tool
extends RefCounted
## Tells a person who drops a model of another framework how to bring it in: Godot itself says nothing of such files.

const FORMATS: Dictionary[String, String] = {"h5": "Keras", "keras": "Keras", "tflite": "TensorFlow Lite"}


func _init() -> void:
	EditorInterface.get_base_control().get_window().files_dropped.connect(_on_dropped)


func stop() -> void:
	EditorInterface.get_base_control().get_window().files_dropped.disconnect(_on_dropped)


## What to do with the first file of another framework; empty when there is none.
static func find_notice(files: PackedStringArray) -> String:
	for file: String in files:
		var framework: String = FORMATS.get(file.get_extension().to_lower(), "")
		if not framework.is_empty():
			var words: String = "%s is a %s model, which is not imported. Save it as ONNX, for example with tf2onnx."
			return words % [file.get_file(), framework]
	return ""


func _on_dropped(files: PackedStringArray) -> void:
	var notice: String = find_notice(files)
	if not notice.is_empty():
		EditorInterface.get_editor_toaster().push_toast(notice, EditorToaster.SEVERITY_WARNING)
