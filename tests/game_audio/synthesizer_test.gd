extends "res://tests/game_audio/sounds.gd"
## ExecuTorchSpeechSynthesizer, with a voice of tones; test_voice.py compares one that speaks with its own package.

const CARD: Dictionary = {
	"kind": "speech_synthesis",
	"input":
	{
		"ids": "input_0",
		"speed": "input_1",
		"frames": "input_2",
		"length": "length",
		"symbols": {"a": 1, "b": 2, "c": 3, " ": 4, ".": 5},
	},
	"output": {"sample_rate": 24000},
}
const WORDS: Dictionary = {"ace": "ac", "cab": "cab", "bead": {"DEFAULT": "b", "VBD": "c"}, "B": "bb", "E": ""}
const AudioSamples := preload("res://addons/executorch/tasks/audio/audio_samples.gd")
const FRAME: int = 300


func test_a_text_becomes_the_sound_of_its_phonemes() -> void:
	var voice: ExecuTorchSpeechSynthesizer = _voice()
	check_equal(voice.get_phonemes("Ace,  cab Cab bead."), "ac cab cab b.")
	var told: Array[String] = []
	voice.synthesized.connect(func(text: String, _sound: AudioStreamWAV) -> void: told.append(text))
	var sound: AudioStreamWAV = voice.synthesize("ace")
	check_equal(sound.mix_rate, 24000)
	# The border, a, c and the border last 1, 2, 4 and 1 frames.
	check_equal(sound.data.size(), 2 * 8 * FRAME)
	var samples: PackedFloat32Array = AudioSamples.of(sound, 0, 24000)
	check_near(samples.slice(FRAME, 2 * FRAME), tone(200.0, 24000, FRAME / 24000.0), 1e-3)
	check_near(samples.slice(3 * FRAME, 4 * FRAME), tone(400.0, 24000, FRAME / 24000.0), 1e-3)
	check_equal((await voice.synthesize_async("ace")).data, sound.data)
	voice.speed = 2.0
	check_equal(voice.synthesize("ace").data.size(), 2 * 5 * FRAME)
	check_equal(told, ["ace", "ace", "ace"] as Array[String])
	voice.free()


func test_unknown_words_are_told_and_spelled() -> void:
	var voice: ExecuTorchSpeechSynthesizer = _voice()
	var told: Array[String] = []
	voice.word_unknown.connect(func(word: String) -> void: told.append(word))
	check_equal(voice.get_phonemes("ace be 7!"), "ac bb")
	check_equal(told, ["be", "7"] as Array[String])
	voice.free()


func test_sentences_are_spoken_one_after_the_other() -> void:
	var voice: ExecuTorchSpeechSynthesizer = _voice()
	var one: int = voice.synthesize("ace.").data.size()
	check_equal(voice.synthesize("ace. ace.\nace.").data.size(), 3 * one)
	# 16 symbols at most: at its commas.
	check_equal(voice.synthesize("ace ace, ace ace, ace ace").data.size() % 2, 0)
	voice.free()


func test_a_player_plays_what_is_made() -> void:
	expect_error("NOT_A_SOUND")
	var voice: ExecuTorchSpeechSynthesizer = _voice()
	var player: AudioStreamPlayer = AudioStreamPlayer.new()
	add_child(player)
	check(await voice.speak_async("ace. ace.", player), "heard")
	check(not voice.is_speaking() and not player.playing, "over")
	var ended: Array[bool] = []
	_speak(voice, player, ended)
	check(voice.is_speaking(), "speaks")
	voice.stop()
	await _frames(5)
	check_equal(ended, [false] as Array[bool])
	check(not await voice.speak_async("ace", null), "no player")
	_speak(voice, player, ended)
	await _frames(3)
	player.free()
	await _frames(5)
	check_equal(ended, [false, false] as Array[bool], "the player was freed")
	player = AudioStreamPlayer.new()
	add_child(player)
	_speak(voice, player, ended)
	player.free()
	await _frames(10)
	check_equal(ended, [false, false, false] as Array[bool], "the player was freed before the first sentence")
	check(not voice.is_speaking(), "nothing is left")
	player = AudioStreamPlayer.new()
	add_child(player)
	_speak(voice, player, ended)
	voice.free()
	await _frames(5)
	check_equal(ended, [false, false, false, false] as Array[bool], "the node was freed")
	player.free()


func test_texts_that_cannot_be_spoken() -> void:
	expect_error("TEXT_WITHOUT_TOKENS")
	expect_error("TEXT_TOO_LONG")
	expect_error("WRONG_TASK")
	var voice: ExecuTorchSpeechSynthesizer = _voice()
	var codes: Array[String] = []
	voice.inference_failed.connect(func(error: ExecuTorchError) -> void: codes.append(error.code_name))
	for text: String in ["", "!?", "x"]:
		check_equal(voice.synthesize(text), null)
	check_equal(codes, ["TEXT_WITHOUT_TOKENS", "TEXT_WITHOUT_TOKENS", "TEXT_WITHOUT_TOKENS"] as Array[String])
	codes.clear()
	check_equal(voice.synthesize("ace ".repeat(9)), null)
	voice.speed = 0.25
	check_equal(await voice.synthesize_async("ace ace ace"), null)
	check_equal(codes, ["TEXT_TOO_LONG", "TEXT_TOO_LONG"] as Array[String])
	check_equal(await voice.synthesize_async("ace ".repeat(250_000)), null)
	voice.free()
	for card: Variant in [{}, {"kind": "text_embedding"}, _without("symbols"), _with("length", "forwards"), 3]:
		var other: ExecuTorchSpeechSynthesizer = _voice(card)
		check_equal(other.synthesize("ace"), null)
		check_equal(other.get_last_error().code_name, "WRONG_TASK")
		other.free()


func _speak(voice: ExecuTorchSpeechSynthesizer, player: AudioStreamPlayer, ended: Array[bool]) -> void:
	ended.append(await voice.speak_async("ace ace.", player))


func _frames(count: int) -> void:
	for _frame: int in count:
		await get_tree().process_frame


func _voice(card: Variant = CARD) -> ExecuTorchSpeechSynthesizer:
	var voice: ExecuTorchSpeechSynthesizer = ExecuTorchSpeechSynthesizer.new()
	voice.model = with_card("voice.pte", card)
	voice.lexicon = JSON.new()
	voice.lexicon.data = WORDS
	add_child(voice)
	return voice


static func _without(field: String) -> Dictionary:
	var card: Dictionary = CARD.duplicate(true)
	card["input"].erase(field)
	return card


static func _with(field: String, value: String) -> Dictionary:
	var card: Dictionary = CARD.duplicate(true)
	card["input"][field] = value
	return card
