extends "res://tests/case.gd"
## ExecuTorchTextEmbedder on a small network of ten tokens; test_reference.py compares MiniLM with torch.

const Tokenizers := preload("res://tests/game_tasks/tokenizer_test.gd")
const CARD: Dictionary = {"kind": "text_embedding", "input": {"ids": "tokens", "mask": "mask"}}


func test_vectors_have_the_length_one() -> void:
	var embedder: ExecuTorchTextEmbedder = _embedder()
	var heard: Array[String] = []
	embedder.embedded.connect(func(text: String, _vector: PackedFloat32Array) -> void: heard.append(text))
	var vector: PackedFloat32Array = embedder.embed("open the gate")
	check_equal(vector.size(), 6)
	check_near(Array(vector).reduce(func(sum: float, value: float) -> float: return sum + value * value, 0.0), 1.0)
	check_equal(embedder.embed("open the gate"), vector)
	check_equal(await embedder.embed_async("open the gate"), vector)
	check_equal(heard, ["open the gate"] as Array[String], "computed once")
	check_near(await embedder.embed_async("OPEN the gate"), vector)
	embedder.forget_texts()
	check_near(embedder.embed("open the gate"), vector)
	check_near(embedder.similarity("open the gate", "open the gate"), 1.0)
	embedder.free()


func test_the_closest_line() -> void:
	var embedder: ExecuTorchTextEmbedder = _embedder()
	var lines: PackedStringArray = ["the gate!", "open the gate", "gateway"]
	var found: ExecuTorchTextMatch = embedder.closest("Open the GATE", lines)
	check_equal([found.index, found.text], [1, "open the gate"])
	check_near(found.similarity, 1.0)
	check(str(found).contains("open the gate"), str(found))
	found = await embedder.closest_async("Open the GATE", lines)
	check_equal([found.index, found.text], [1, "open the gate"])
	check_equal(embedder.closest("open", []), null)
	embedder.free()


func test_the_cache_has_a_limit() -> void:
	var embedder: ExecuTorchTextEmbedder = _embedder()
	var heard: Array[String] = []
	embedder.embedded.connect(func(text: String, _vector: PackedFloat32Array) -> void: heard.append(text))
	embedder.cache_size = 2
	for text: String in ["open", "the", "gate", "open", "gate"]:
		embedder.embed(text)
	check_equal(heard, ["open", "the", "gate", "open"] as Array[String])
	embedder.cache_size = 0
	embedder.forget_texts()
	embedder.embed("open")
	embedder.embed("open")
	check_equal(heard.size(), 6)
	embedder.free()


func test_empty_and_long_texts() -> void:
	expect_error("TEXT_WITHOUT_TOKENS")
	var embedder: ExecuTorchTextEmbedder = _embedder()
	check_equal(embedder.embed("").size(), 6, "special tokens are tokens")
	check_near(embedder.embed("open ".repeat(200_000)), embedder.embed("open open open open"))
	embedder.model = _with_card("integers.pt2", CARD)
	embedder.tokenizer = Tokenizers.make({"post_processor": null, "padding": null})
	check_equal(embedder.embed("open").size(), 6)
	embedder.free()
	var bare: ExecuTorchTextEmbedder = ExecuTorchTextEmbedder.new()
	bare.model = _with_card("integers.pt2", CARD)
	bare.tokenizer = Tokenizers.make({"post_processor": null})
	add_child(bare)
	check_equal(bare.embed(""), PackedFloat32Array())
	check(is_nan(bare.similarity("", "open")), "no similarity")
	bare.free()


func test_models_and_tokenizers_that_do_not_fit() -> void:
	expect_error("WRONG_TASK")
	expect_error("TOKENIZER_MISSING")
	expect_error("TOKENIZER_INVALID")
	var embedder: ExecuTorchTextEmbedder = ExecuTorchTextEmbedder.new()
	add_child(embedder)
	embedder.tokenizer = Tokenizers.make()
	embedder.model = load("res://models/linear.pt")
	check_equal(embedder.embed("open"), PackedFloat32Array())
	check_equal(embedder._get_configuration_warnings().size(), 1)
	embedder.model = _with_card("integers.pt2", {"kind": "text_embedding"})
	check_equal(await embedder.embed_async("open"), PackedFloat32Array())
	check(embedder.get_last_error().cause.contains('"input_ids"'), str(embedder.get_last_error()))
	embedder.model = _with_card("integers.pt2", CARD)
	embedder.tokenizer = null
	check_equal(embedder.closest("open", ["the"]), null)
	check_equal(embedder.get_last_error().code_name, "TOKENIZER_MISSING")
	for path: String in ["res://models/linear.pt", "models/nothing.json", "../outside.json"]:
		var card: Dictionary = CARD.duplicate(true)
		card["input"]["tokenizer"] = path
		embedder.model = _with_card("integers.pt2", card)
		check_equal(embedder.embed("open"), PackedFloat32Array(), path)
	embedder.tokenizer = ExecuTorchTokenizer.new()
	embedder.tokenizer.json = "{}".to_utf8_buffer()
	check_equal(embedder.embed("open"), PackedFloat32Array())
	embedder.free()


func test_a_node_that_is_freed_in_the_middle() -> void:
	var embedder: ExecuTorchTextEmbedder = _embedder()
	var answers: Array = []
	var ask: Callable = func(node: ExecuTorchTextEmbedder, text: String) -> void:
		answers.append(await node.closest_async(text, ["open", "the", "gate"]))
	for text: String in ["a", "b", "c"]:
		ask.call(embedder, text)
	embedder.free()
	await wait_until(func() -> bool: return answers.size() == 3, 20.0, "every call ends")
	check_equal(answers, [null, null, null])


func _embedder() -> ExecuTorchTextEmbedder:
	var embedder: ExecuTorchTextEmbedder = ExecuTorchTextEmbedder.new()
	embedder.model = _with_card("integers.pt2", CARD)
	embedder.tokenizer = Tokenizers.make()
	add_child(embedder)
	return embedder


static func _with_card(file: String, card: Variant) -> ExecuTorchResource:
	var model: ExecuTorchResource = load("res://models/" + file).duplicate()
	var metadata: Dictionary = model.metadata.duplicate(true)
	metadata["task"] = card
	model.metadata = metadata
	return model
