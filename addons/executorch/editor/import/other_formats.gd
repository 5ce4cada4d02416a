@tool
extends RefCounted
## Explains how to convert a dropped file of another framework: Godot itself ignores such files.

const ONNX: String = "%s is a model of {0}, which is not imported. Save it as ONNX, for example with tf2onnx."
const TOKENIZER: String = (
	"%s holds the tokens of {0}, which are not imported."
	+ " Turn it into a tokenizer.json: python3 -m importer tokenizer FILE -o NAME.tokenizer.json"
)
const NOTICES: Dictionary[String, Array] = {
	"h5": [ONNX, "Keras"],
	"keras": [ONNX, "Keras"],
	"tflite": [ONNX, "TensorFlow Lite"],
	"model": [TOKENIZER, "a SentencePiece model"],
	"tiktoken": [TOKENIZER, "tiktoken"],
}


func _init() -> void:
	EditorInterface.get_base_control().get_window().files_dropped.connect(_on_dropped)


func stop() -> void:
	EditorInterface.get_base_control().get_window().files_dropped.disconnect(_on_dropped)


## What to do with the first file of another framework; empty when there is none.
static func find_notice(files: PackedStringArray) -> String:
	for file: String in files:
		var found: Array = NOTICES.get(file.get_extension().to_lower(), [])
		if not found.is_empty():
			return (found[0] as String).format([found[1]]) % file.get_file()
	return ""


func _on_dropped(files: PackedStringArray) -> void:
	var notice: String = find_notice(files)
	if not notice.is_empty():
		EditorInterface.get_editor_toaster().push_toast(notice, EditorToaster.SEVERITY_WARNING)
