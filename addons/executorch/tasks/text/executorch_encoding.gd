@tool
class_name ExecuTorchEncoding
extends RefCounted
## The tokens of a text. All arrays have one entry for each token.
##
## [codeblock]
## var encoding: ExecuTorchEncoding = tokenizer.encode_with_offsets("Who goes there?")
## for index: int in encoding.ids.size():
##     var place: Vector2i = encoding.offsets[index]
##     print(encoding.ids[index], " ", "Who goes there?".substr(place.x, place.y - place.x))
## [/codeblock]

## The ids of the tokens.
var ids: PackedInt32Array
## The number of the text of each token: 1 for the second text of a pair, otherwise 0.
var type_ids: PackedInt32Array
## 0 for padding, otherwise 1.
var attention_mask: PackedInt32Array
## 1 for special tokens such as [code][CLS][/code], which are not in the text, otherwise 0.
var special_tokens_mask: PackedInt32Array
## The position of each token in the text: from character [code]x[/code] to before character [code]y[/code].
var offsets: Array[Vector2i] = []


func _init(values: Dictionary = {}) -> void:
	ids = values.get("ids", PackedInt32Array())
	type_ids = values.get("type_ids", PackedInt32Array())
	attention_mask = values.get("attention_mask", PackedInt32Array())
	special_tokens_mask = values.get("special_tokens_mask", PackedInt32Array())
	var flat: PackedInt32Array = values.get("offsets", PackedInt32Array())
	for index: int in range(0, flat.size(), 2):
		offsets.append(Vector2i(flat[index], flat[index + 1]))


func _to_string() -> String:
	return "ExecuTorchEncoding(%d tokens)" % ids.size()
