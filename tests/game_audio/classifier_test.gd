extends "res://tests/game_audio/sounds.gd"
## ExecuTorchAudioClassifier and ExecuTorchSpeakerEmbedder; test_audio_reference.py compares them with torch.

const LABELS: Array = ["clap", "whistle", "other"]
const CLASSES: Dictionary = {
	"kind": "audio_classification",
	"input": {"hop": 400},
	"output": {"name": "classes", "labels": LABELS},
}
const VOICE: Dictionary = {"kind": "speaker_embedding", "output": {"name": "voice"}}


func test_a_sound_has_the_mean_of_its_windows() -> void:
	var ear: ExecuTorchAudioClassifier = _ear(CLASSES)
	var told: Array[ExecuTorchClassification] = []
	ear.classified.connect(func(result: ExecuTorchClassification) -> void: told.append(result))
	var samples: PackedFloat32Array = tone(500.0, 16000, 0.2)
	samples.append_array(tone(3000.0, 16000, 0.2))
	var whole: ExecuTorchClassification = ear.classify(samples, 16000)
	check_near(Array(whole.probabilities).reduce(func(sum: float, value: float) -> float: return sum + value), 1.0)
	check_equal(whole.labels, PackedStringArray(LABELS))
	check_near((await ear.classify_async(samples, 16000)).probabilities, whole.probabilities)
	told.clear()
	ear.averaged_windows = 1000
	ear.push_audio(samples, 16000)
	await ear.finish_audio()
	check_equal(told.size(), 15)
	check_near(told[-1].probabilities, whole.probabilities, 1e-5)
	ear.averaged_windows = 1
	ear.push_audio(samples, 16000)
	await ear.finish_audio()
	check_equal(told.size(), 30)
	check_near(told[15].probabilities, ear.classify(samples.slice(0, 800), 16000).probabilities, 1e-5)
	ear.free()


func test_other_activations() -> void:
	var samples: PackedFloat32Array = tone(500.0, 16000, 0.05)
	var values: Dictionary[String, PackedFloat32Array] = {}
	for activation: String in ["none", "sigmoid", "softmax"]:
		var card: Dictionary = CLASSES.duplicate(true)
		card["output"]["activation"] = activation
		var ear: ExecuTorchAudioClassifier = _ear(card)
		values[activation] = ear.classify(samples, 16000).probabilities
		ear.free()
	var sum: float = 0.0
	for value: float in values["none"]:
		sum += exp(value)
	for index: int in 3:
		check_near(values["sigmoid"][index], 1.0 / (1.0 + exp(-values["none"][index])))
		check_near(values["softmax"][index], exp(values["none"][index]) / sum)


func test_models_that_do_not_fit() -> void:
	expect_error("WRONG_TASK")
	expect_error("NOT_A_SOUND")
	var ear: ExecuTorchAudioClassifier = _ear(CLASSES)
	check_equal(ear.classify(AudioStreamGenerator.new()), null)
	check_equal(await ear.classify_async(null), null)
	var samples: PackedFloat32Array = tone(500.0, 16000, 0.1)
	for names: Array in [[], ["a", "b"]]:
		var card: Dictionary = CLASSES.duplicate(true)
		card["output"]["labels"] = names
		ear.model = with_card("sounds.pt2", card)
		check_equal(ear.classify(samples, 16000), null)
		check(ear.get_last_error().cause.contains("3 classes"), str(ear.get_last_error()))
	ear.labels = LABELS
	check(ear.classify(samples, 16000) != null, "the node's own labels")
	ear.model = with_card("sounds.pt2", VOICE)
	check_equal(ear.classify(samples, 16000), null)
	ear.free()


func test_voices_have_vectors() -> void:
	var voices: ExecuTorchSpeakerEmbedder = ExecuTorchSpeakerEmbedder.new()
	voices.model = with_card("sounds.pt2", VOICE)
	add_child(voices)
	var samples: PackedFloat32Array = tone(500.0, 16000, 0.2)
	var vector: PackedFloat32Array = voices.embed(samples, 16000)
	check_equal(vector.size(), 16)
	check_near(voices.similarity(vector, vector), 1.0)
	check_near(await voices.embed_async(tone(500.0, 48000, 0.2), 48000), vector, 0.02)
	check(voices.is_same_speaker(vector, vector), "the same")
	var opposite: PackedFloat32Array = []
	for value: float in vector:
		opposite.append(-value)
	check_near(voices.similarity(vector, opposite), -1.0)
	check_equal(voices.is_same_speaker(vector, opposite), false)
	for wrong: PackedFloat32Array in [PackedFloat32Array(), PackedFloat32Array([1.0])]:
		check(is_nan(voices.similarity(vector, wrong)), "sizes differ")
		check_equal(voices.is_same_speaker(vector, wrong), false)
	var told: Array[PackedFloat32Array] = []
	voices.embedded.connect(func(each: PackedFloat32Array) -> void: told.append(each))
	voices.push_audio(samples, 16000)
	await voices.finish_audio()
	check_equal(told.size(), 4)
	check_near(told[0], voices.embed(samples.slice(0, 800), 16000))
	voices.free()


func _ear(card: Dictionary) -> ExecuTorchAudioClassifier:
	var ear: ExecuTorchAudioClassifier = ExecuTorchAudioClassifier.new()
	ear.model = with_card("sounds.pt2", card)
	add_child(ear)
	return ear
