@tool
@icon("res://addons/executorch/icons/text_embedder.svg")
class_name ExecuTorchTextEmbedder
extends "res://addons/executorch/tasks/task_node.gd"
## A node that converts texts to vectors. Texts with similar meanings have similar vectors.
##
## The model needs a task card of the kind [code]text_embedding[/code], and a tokenizer.
## [codeblock]
## var lines: PackedStringArray = ["Open the gate", "Who are you?", "I want to buy bread"]
## var found: ExecuTorchTextMatch = $Embedder.closest("could you let me in", lines)
## print(found.text)
## [/codeblock]
## The vectors of texts are kept; see [member cache_size].

## Emitted on the main thread when a vector was computed.
signal embedded(text: String, vector: PackedFloat32Array)

const _KIND: String = "text_embedding"
# The inputs' names where the card has none.
const _INPUTS: Dictionary[String, String] = {"ids": "input_ids", "mask": "attention_mask", "types": ""}

## The tokenizer of the model. If it is empty, the task card names the tokenizer's file.
@export var tokenizer: ExecuTorchTokenizer:
	set(value):
		tokenizer = value
		forget_texts()
		update_configuration_warnings()
## The number of texts whose vectors are kept. The oldest vector is dropped first.
@export_range(0, 100000) var cache_size: int = 4096

var _vectors: Dictionary[String, PackedFloat32Array] = {}
# What the vectors were computed with.
var _model_of_vectors: ExecuTorchResource
var _named_tokenizer: ExecuTorchTokenizer
var _tokenizer_path: String = ""


## Returns the vector of a text. Its length is 1, unless the task card turns that off. Returns an empty array when it
## fails, also for a text without tokens.
func embed(text: String) -> PackedFloat32Array:
	var known: PackedFloat32Array = _remembered(text)
	if not known.is_empty():
		return known
	var tokens: ExecuTorchEncoding = _tokens_of(text)
	if tokens == null:
		return PackedFloat32Array()
	return _keep(text, _vector_of(tokens, predict_named(_inputs_of(tokens))))


## Runs [method embed] on a worker thread: [code]await $Embedder.embed_async(text)[/code]. Returns an empty array when
## it fails, and when the node leaves the tree before the call ends.
func embed_async(text: String) -> PackedFloat32Array:
	var known: PackedFloat32Array = _remembered(text)
	if not known.is_empty():
		return known
	var tokens: ExecuTorchEncoding = _tokens_of(text)
	if tokens == null:
		return PackedFloat32Array()
	var outputs: Dictionary = await predict_named_async(_inputs_of(tokens))
	return _keep(text, _vector_of(tokens, outputs))


## Returns the cosine of the angle between the vectors of two texts, from -1 to 1. Returns [constant @GDScript.NAN] when
## it fails.
func similarity(first: String, second: String) -> float:
	return Vectors.cosine(embed(first), embed(second))


## Returns the line that is most similar to a text. Returns [code]null[/code] when it fails or [param lines] is empty.
func closest(text: String, lines: PackedStringArray) -> ExecuTorchTextMatch:
	var wanted: PackedFloat32Array = embed(text)
	var best: ExecuTorchTextMatch = null
	for index: int in lines.size() if not wanted.is_empty() else 0:
		best = _better(best, index, lines[index], Vectors.cosine(wanted, embed(lines[index])))
	return best


## Runs [method closest] on a worker thread. Returns [code]null[/code] when it fails or [param lines] is empty, and when
## the node leaves the tree before the call ends.
func closest_async(text: String, lines: PackedStringArray) -> ExecuTorchTextMatch:
	var wanted: PackedFloat32Array = await embed_async(text)
	var best: ExecuTorchTextMatch = null
	for index: int in lines.size() if not wanted.is_empty() else 0:
		var vector: PackedFloat32Array = await embed_async(lines[index])
		if vector.is_empty():
			return null
		best = _better(best, index, lines[index], Vectors.cosine(wanted, vector))
	return best


## Drops all kept vectors.
func forget_texts() -> void:
	_vectors.clear()


func _find_misfit(of_model: ExecuTorchModelDescription, card: TaskCard) -> ExecuTorchError:
	if card.kind != _KIND:
		return _wrong_kind(of_model, card, "a text embedder", _KIND)
	for field: String in _INPUTS:
		var input: String = card.text("input", field, _INPUTS[field])
		if not input.is_empty() and TaskCard.value_of(of_model, "inputs", input).is_empty():
			return _wrong_task('The model has no input "%s", which the task card names.' % input)
	if card.text("input", "ids", _INPUTS["ids"]).is_empty():
		return _wrong_task("The task card names no input for the ids.")
	if tokenizer == null and card.text("input", "tokenizer").is_empty():
		var cause: String = "The node %s has no tokenizer, and the task card names none." % name
		var remedy: String = "Drag a tokenizer.json onto the property tokenizer."
		return ExecuTorchError.create(ExecuTorchError.Code.TOKENIZER_MISSING, cause, remedy)
	return null


func _remembered(text: String) -> PackedFloat32Array:
	var current: ExecuTorchResource = _current_model()
	if _model_of_vectors != current:
		forget_texts()
		_model_of_vectors = current
	return _vectors.get(text, PackedFloat32Array())


func _keep(text: String, vector: PackedFloat32Array) -> PackedFloat32Array:
	if vector.is_empty():
		return vector
	while _vectors.size() >= maxi(cache_size, 1):
		_vectors.erase(_vectors.keys()[0])
	if cache_size > 0:
		_vectors[text] = vector
	_end_decoding()
	embedded.emit(text, vector)
	return vector


# The text's tokens, as long as the model takes them. Null when it fails.
func _tokens_of(text: String) -> ExecuTorchEncoding:
	var found: ExecuTorchResource = _fitting_model()
	var card: TaskCard = TaskCard.new(found)
	var from: ExecuTorchTokenizer = _find_tokenizer(card) if found != null else null
	if from == null:
		return null
	var limits: Vector2i = TaskCard.limits_of(found, card.text("input", "ids", _INPUTS["ids"]))
	var most: int = card.whole("input", "max_tokens", 128)
	most = maxi(limits.x, mini(limits.y, most) if limits.y > 0 else most)
	var tokens: ExecuTorchEncoding = from.encode_fitted(text, most, limits.x)
	if tokens == null:
		inference_failed.emit(from.get_last_error())
	elif not tokens.attention_mask.has(1):
		_tell_error(_no_tokens(text))
		return null
	return tokens


static func _no_tokens(text: String) -> ExecuTorchError:
	var cause: String = 'The text "%s" has no tokens, so there is nothing to compute a vector of.' % text.left(40)
	var remedy: String = "Give a text with words, or a tokenizer that adds special tokens."
	return ExecuTorchError.create(ExecuTorchError.Code.TEXT_WITHOUT_TOKENS, cause, remedy)


func _find_tokenizer(card: TaskCard) -> ExecuTorchTokenizer:
	if tokenizer != null:
		return tokenizer
	var path: String = card.text("input", "tokenizer")
	path = path if path.begins_with("res://") else "res://" + path
	if path != _tokenizer_path:
		_tokenizer_path = path
		var is_inside: bool = ExecuTorchResource.Files.is_in_project(path)
		var loaded: Resource = ResourceLoader.load(path) if is_inside and ResourceLoader.exists(path) else null
		_named_tokenizer = loaded as ExecuTorchTokenizer
		# Godot imports names with a dot before tokenizer.json; one without stays JSON.
		if loaded is JSON:
			_named_tokenizer = ExecuTorchTokenizer.load_file(path)
	if _named_tokenizer == null:
		var cause: String = "The task card names %s, which is not a tokenizer." % path
		var remedy: String = "Put the tokenizer.json there, or drag it onto the property tokenizer."
		_tell_error(ExecuTorchError.create(ExecuTorchError.Code.TOKENIZER_MISSING, cause, remedy))
	return _named_tokenizer


func _inputs_of(tokens: ExecuTorchEncoding) -> Dictionary:
	var found: ExecuTorchResource = _current_model()
	var card: TaskCard = TaskCard.new(found)
	var values: Dictionary[String, PackedInt32Array] = {
		"ids": tokens.ids, "mask": tokens.attention_mask, "types": tokens.type_ids
	}
	var inputs: Dictionary = {}
	for field: String in values:
		var input: String = card.text("input", field, _INPUTS[field])
		if input.is_empty():
			continue
		var dtype: String = str(TaskCard.value_of(found, "inputs", input).get("dtype", "int64"))
		var whole: PackedInt64Array = PackedInt64Array(Array(values[field]))
		inputs[input] = ExecuTorchTensor.from_array([Array(whole)], dtype)
	return inputs


# The vector of length 1 that a model's output stands for.
func _vector_of(tokens: ExecuTorchEncoding, outputs: Dictionary) -> PackedFloat32Array:
	var found: ExecuTorchResource = _current_model()
	if outputs.is_empty() or found == null:
		return PackedFloat32Array()
	var card: TaskCard = TaskCard.new(found)
	var values: PackedFloat32Array = _floats_of(outputs, card.text("output", "name"))
	var pooling: String = card.text("output", "pooling", "none")
	if pooling != "none":
		values = _pooled(values, tokens, pooling)
	return Vectors.normalized(values) if card.flag("output", "normalize", true) else values


# One vector of those of all tokens: the mean without padding, or the first.
static func _pooled(values: PackedFloat32Array, tokens: ExecuTorchEncoding, pooling: String) -> PackedFloat32Array:
	var count: int = tokens.ids.size()
	var length: int = floori(float(values.size()) / maxi(count, 1))
	var sum: PackedFloat32Array = values.slice(0, length)
	if pooling == "first":
		return sum
	sum.fill(0.0)
	for token: int in count:
		if tokens.attention_mask[token] != 0:
			for index: int in length:
				sum[index] += values[token * length + index]
	return sum


static func _better(best: ExecuTorchTextMatch, index: int, line: String, cosine: float) -> ExecuTorchTextMatch:
	var is_better: bool = best == null or cosine > best.similarity
	return ExecuTorchTextMatch.new(index, line, cosine) if is_better else best
