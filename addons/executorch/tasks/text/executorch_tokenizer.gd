@tool
@icon("res://addons/executorch/icons/tokenizer.svg")
class_name ExecuTorchTokenizer
extends Resource
## Converts text to the tokens of a language model and back.
##
## A file [code]NAME.tokenizer.json[/code] in the project is imported as a tokenizer; [method load_file] reads others.
## [codeblock]
## var tokenizer: ExecuTorchTokenizer = load("res://models/minilm.tokenizer.json")
## var ids: PackedInt32Array = tokenizer.encode("Who goes there?")
## print(tokenizer.decode(ids))
## [/codeblock]
## Several threads may use one tokenizer at once, if none of them changes its properties.

## How shorter texts are padded.
enum Padding {
	## As in the file.
	AS_IN_FILE,
	## No padding.
	NONE,
	## Padding tokens, up to the longest text of a batch.
	LONGEST,
	## Padding tokens, up to [member padding_length].
	FIXED,
}

const NativeLibrary := preload("res://addons/executorch/runtime/library/native_library.gd")

## The bytes of the [code]tokenizer.json[/code].
@export_storage var json: PackedByteArray = PackedByteArray():
	set(value):
		json = value
		_native = null
		_last_error = null
		emit_changed()
## The largest number of tokens of a text, special tokens included. 0 means no limit, -1 the limit of the file.
@export_range(-1, 131072) var max_length: int = -1
## How shorter texts are padded.
@export var padding: Padding = Padding.AS_IN_FILE
## The number of tokens with [constant Padding.FIXED].
@export_range(1, 131072) var padding_length: int = 128

var _native: RefCounted
var _last_error: ExecuTorchError
var _lock: Mutex = Mutex.new()


## Returns the tokenizer of a file that was not imported: a plain [code]tokenizer.json[/code], or one of the player.
## Prints an error and returns [code]null[/code] when it cannot be read.
static func load_file(path: String) -> ExecuTorchTokenizer:
	var made: ExecuTorchTokenizer = ExecuTorchTokenizer.new()
	made.json = FileAccess.get_file_as_bytes(path)
	if made.json.is_empty():
		var cause: String = "%s cannot be read: %s." % [path, error_string(FileAccess.get_open_error())]
		var remedy: String = "Check the path and that the file is readable."
		ExecuTorchError.create(ExecuTorchError.Code.PAYLOAD_MISSING, cause, remedy).report("")
		return null
	return made if made.is_valid() else null


## Returns [code]true[/code] if the file is a tokenizer that this version supports. Otherwise prints an error.
func is_valid() -> bool:
	return _ready_native() != null


## Returns the ids of the tokens of a text. Returns an empty array when it fails.
func encode(text: String, add_special_tokens: bool = true) -> PackedInt32Array:
	var encoding: ExecuTorchEncoding = encode_with_offsets(text, add_special_tokens)
	return encoding.ids if encoding != null else PackedInt32Array()


## Returns the ids of the tokens of a text with their masks and positions. Returns [code]null[/code] when it fails.
func encode_with_offsets(text: String, add_special_tokens: bool = true) -> ExecuTorchEncoding:
	var all: Array[ExecuTorchEncoding] = _encode([text], add_special_tokens)
	return all[0] if all.size() == 1 else null


## Returns the encoding of a text with at most [param most] tokens, padded to [param least] tokens. Returns
## [code]null[/code] when it fails.
func encode_fitted(text: String, most: int, least: int = 0) -> ExecuTorchEncoding:
	var options: Dictionary = {
		"add_special_tokens": true,
		"truncation": {"max_length": most},
		"padding": {"enabled": least > 0, "length": least, "multiple_of": 0},
	}
	var all: Array[ExecuTorchEncoding] = _encode_with([text], options)
	return all[0] if all.size() == 1 else null


## Returns the encoding of two texts together, for models that compare them. Returns [code]null[/code] when it fails.
func encode_pair(first: String, second: String, add_special_tokens: bool = true) -> ExecuTorchEncoding:
	var all: Array[ExecuTorchEncoding] = _encode([[first, second]], add_special_tokens)
	return all[0] if all.size() == 1 else null


## Returns an encoding for each text. With padding all have the length of the longest. Returns an empty array when it
## fails.
func encode_batch(texts: PackedStringArray, add_special_tokens: bool = true) -> Array[ExecuTorchEncoding]:
	return _encode(Array(texts), add_special_tokens)


## Returns the text of ids. Unknown ids are left out.
func decode(ids: PackedInt32Array, skip_special_tokens: bool = true) -> String:
	var native: RefCounted = _ready_native()
	return native.decode(ids, skip_special_tokens) if native != null else ""


## Returns a stream that decodes tokens one by one. Returns [code]null[/code] when it fails.
func decode_stream(skip_special_tokens: bool = true) -> ExecuTorchTokenStream:
	var native: RefCounted = _ready_native()
	return ExecuTorchTokenStream.new(native.decode_stream(skip_special_tokens)) if native != null else null


## Returns the id of a token, for example [code]"[MASK]"[/code]. Returns -1 if the tokenizer does not have it.
func token_to_id(token: String) -> int:
	var native: RefCounted = _ready_native()
	return native.token_to_id(token) if native != null else -1


## Returns the token of an id. Returns an empty string if the tokenizer does not have it.
func id_to_token(id: int) -> String:
	var native: RefCounted = _ready_native()
	return native.id_to_token(id) if native != null else ""


## Returns the number of tokens of a text, special tokens included.
func count(text: String) -> int:
	return encode(text).size()


## Returns the largest id plus 1.
func get_vocabulary_size() -> int:
	var native: RefCounted = _ready_native()
	return native.get_vocabulary_size() if native != null else 0


## Returns the error of the last call that failed, or [code]null[/code].
func get_last_error() -> ExecuTorchError:
	return _last_error


func _encode(texts: Array, add_special_tokens: bool) -> Array[ExecuTorchEncoding]:
	return _encode_with(texts, _options(add_special_tokens))


func _encode_with(texts: Array, options: Dictionary) -> Array[ExecuTorchEncoding]:
	var made: Array[ExecuTorchEncoding] = []
	var native: RefCounted = _ready_native()
	if native == null:
		return made
	var result: Dictionary = native.encode(texts, options)
	if result.has("error"):
		_fail(ExecuTorchError.from_dictionary(result["error"] as Dictionary))
		return made
	for values: Dictionary in result.get("encodings", []):
		made.append(ExecuTorchEncoding.new(values))
	return made


func _options(add_special_tokens: bool) -> Dictionary:
	var options: Dictionary = {"add_special_tokens": add_special_tokens}
	if max_length >= 0:
		options["truncation"] = {"max_length": max_length}
	match padding:
		Padding.NONE:
			options["padding"] = {"enabled": false}
		Padding.LONGEST:
			options["padding"] = {"enabled": true, "length": 0}
		Padding.FIXED:
			options["padding"] = {"enabled": true, "length": padding_length}
	return options


# The native tokenizer, read at the first use. A file that is refused is refused once.
func _ready_native() -> RefCounted:
	_lock.lock()
	if _native == null and _last_error == null:
		var made: RefCounted = NativeLibrary.create_tokenizer()
		var error: Dictionary = made.load(json) if made != null else {}
		if made == null:
			_fail(NativeLibrary.missing_error())
		elif not error.is_empty():
			_fail(ExecuTorchError.from_dictionary(error))
		else:
			_native = made
	_lock.unlock()
	return _native


func _fail(error: ExecuTorchError) -> void:
	_last_error = error
	error.report(resource_path.get_file())
