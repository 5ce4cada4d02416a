extends "res://tests/case.gd"
## ExecuTorchTokenizer. What it computes is compared with the tokenizers library in tests/native/test_tokenizer.py.

const WORDS: Dictionary = {
	"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "open": 4, "the": 5, "gate": 6, "##way": 7, "größe": 8, "!": 9
}


static func make(more: Dictionary = {}) -> ExecuTorchTokenizer:
	var file: Dictionary = {
		"added_tokens":
		[{"id": 3, "content": "[SEP]", "special": true}, {"id": 2, "content": "[CLS]", "special": true}],
		"normalizer": {"type": "Lowercase"},
		"pre_tokenizer": {"type": "BertPreTokenizer"},
		"model": {"type": "WordPiece", "vocab": WORDS, "unk_token": "[UNK]", "continuing_subword_prefix": "##"},
		"post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["[SEP]", 3]},
		"decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
	}
	file.merge(more, true)
	var tokenizer: ExecuTorchTokenizer = ExecuTorchTokenizer.new()
	tokenizer.json = JSON.stringify(file).to_utf8_buffer()
	return tokenizer


func test_encode_and_decode() -> void:
	var tokenizer: ExecuTorchTokenizer = make()
	check(tokenizer.is_valid(), "a good file")
	check_equal(tokenizer.encode("Open the gateway!"), PackedInt32Array([2, 4, 5, 6, 7, 9, 3]))
	check_equal(tokenizer.encode("Open the gateway!", false), PackedInt32Array([4, 5, 6, 7, 9]))
	check_equal(tokenizer.decode([2, 4, 5, 6, 7, 9, 3]), "open the gateway!")
	check_equal(tokenizer.decode([2, 4, 3], false), "[CLS] open [SEP]")
	check_equal(tokenizer.decode([4, -1, 1 << 30]), "open")
	check_equal(tokenizer.count("open gateway"), 5)
	check_equal(tokenizer.token_to_id("##way"), 7)
	check_equal(tokenizer.token_to_id("nothing"), -1)
	check_equal(tokenizer.id_to_token(2), "[CLS]")
	check_equal(tokenizer.id_to_token(77), "")
	check_equal(tokenizer.get_vocabulary_size(), 10)
	check_equal(tokenizer.get_last_error(), null)


func test_offsets_count_characters_of_the_text() -> void:
	var text: String = "🙂 GRÖßE\u0301 gateway"
	var encoding: ExecuTorchEncoding = make().encode_with_offsets(text)
	check_equal(encoding.ids, PackedInt32Array([2, 1, 1, 6, 7, 3]))
	var parts: Array = encoding.offsets.map(
		func(place: Vector2i) -> String: return text.substr(place.x, place.y - place.x)
	)
	check_equal(parts, ["", "🙂", "GRÖßE\u0301", "gate", "way", ""])
	check_equal(encoding.special_tokens_mask, PackedInt32Array([1, 0, 0, 0, 0, 1]))
	check_equal(str(encoding), "ExecuTorchEncoding(6 tokens)")


func test_pairs_and_batches() -> void:
	var tokenizer: ExecuTorchTokenizer = make()
	var pair: ExecuTorchEncoding = tokenizer.encode_pair("open", "the gate")
	check_equal(pair.ids, PackedInt32Array([2, 4, 3, 5, 6, 3]))
	check_equal(pair.type_ids, PackedInt32Array([0, 0, 0, 1, 1, 1]))
	tokenizer.padding = ExecuTorchTokenizer.Padding.LONGEST
	var batch: Array[ExecuTorchEncoding] = tokenizer.encode_batch(["open", "open the gate"])
	check_equal(batch[0].ids, PackedInt32Array([2, 4, 3, 0, 0]))
	check_equal(batch[0].attention_mask, PackedInt32Array([1, 1, 1, 0, 0]))
	check_equal(batch[1].attention_mask, PackedInt32Array([1, 1, 1, 1, 1]))
	tokenizer.padding = ExecuTorchTokenizer.Padding.FIXED
	tokenizer.padding_length = 4
	tokenizer.max_length = 4
	check_equal(tokenizer.encode("open"), PackedInt32Array([2, 4, 3, 0]))
	check_equal(tokenizer.encode("open the gate"), PackedInt32Array([2, 4, 5, 3]))
	tokenizer.padding = ExecuTorchTokenizer.Padding.NONE
	check_equal(tokenizer.encode("open"), PackedInt32Array([2, 4, 3]))
	tokenizer.padding = ExecuTorchTokenizer.Padding.AS_IN_FILE
	check_equal(tokenizer.encode_fitted("open", 8, 5).ids, PackedInt32Array([2, 4, 3, 0, 0]))
	check_equal(tokenizer.encode_batch([]), [] as Array[ExecuTorchEncoding])


func test_a_stream_gives_whole_words() -> void:
	var stream: ExecuTorchTokenStream = make().decode_stream()
	var parts: PackedStringArray = []
	for id: int in [2, 4, 6, 7, 3]:
		parts.append(stream.push(id))
	check_equal(parts, PackedStringArray(["", "open", " gate", "way", ""]))
	check_equal(stream.finish(), "")


func test_texts_of_any_kind() -> void:
	var tokenizer: ExecuTorchTokenizer = make()
	check_equal(tokenizer.encode(""), PackedInt32Array([2, 3]))
	check_equal(tokenizer.encode("", false), PackedInt32Array())
	check_equal(tokenizer.count("open ".repeat(200_000)), 200_002)
	check_equal(tokenizer.encode("x".repeat(1_000_000)), PackedInt32Array([2, 1, 3]))


func test_files_that_are_refused() -> void:
	expect_error("TOKENIZER_INVALID")
	expect_error("TOKENIZER_UNSUPPORTED")
	expect_error("PAYLOAD_MISSING")
	var damaged: ExecuTorchTokenizer = ExecuTorchTokenizer.new()
	damaged.json = '{"model":'.to_utf8_buffer()
	check(not damaged.is_valid(), "a damaged file")
	check_equal(damaged.encode("open"), PackedInt32Array())
	check_equal(damaged.encode_pair("a", "b"), null)
	check_equal(damaged.decode_stream(), null)
	check_equal(damaged.get_last_error().code_name, "TOKENIZER_INVALID")
	var unknown: ExecuTorchTokenizer = make({"normalizer": {"type": "Nmt"}})
	check_equal(unknown.decode([4]), "")
	check_equal(unknown.get_last_error().code_name, "TOKENIZER_UNSUPPORTED")
	check_equal(ExecuTorchTokenizer.load_file("res://nothing.json"), null)
	damaged.json = make().json
	check(damaged.is_valid(), "another file in the same resource")


func test_several_threads_use_one_tokenizer() -> void:
	var tokenizer: ExecuTorchTokenizer = make()
	var wanted: PackedInt32Array = tokenizer.encode("open the gateway!")
	var wrong: Array[int] = []
	var task: int = WorkerThreadPool.add_group_task(
		func(index: int) -> void:
			if tokenizer.encode("open the gateway!") != wanted:
				wrong.append(index),
		200
	)
	WorkerThreadPool.wait_for_group_task_completion(task)
	check_equal(wrong, [] as Array[int])
