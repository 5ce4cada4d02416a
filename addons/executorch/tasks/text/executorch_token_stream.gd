@tool
class_name ExecuTorchTokenStream
extends RefCounted
## Decodes tokens one by one, as a language model generates them. It returns complete characters only.
##
## [codeblock]
## var stream: ExecuTorchTokenStream = tokenizer.decode_stream()
## for id: int in ids:
##     label.text += stream.push(id)
## label.text += stream.finish()
## [/codeblock]

var _native: RefCounted


func _init(native: RefCounted = null) -> void:
	_native = native


## Returns the text that a token adds. Returns an empty string while a character is not complete.
func push(id: int) -> String:
	return _native.push(id) if _native != null else ""


## Ends the stream and returns the rest of the text.
func finish() -> String:
	return _native.finish() if _native != null else ""
