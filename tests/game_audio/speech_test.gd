extends "res://tests/game_audio/sounds.gd"
## ExecuTorchSpeechDetector with a small network for which loud is speech; test_audio_reference.py compares it with
## silero-vad.

const RATE: int = 8000
const CARD: Dictionary = {
	"kind": "speech_detection",
	"input": {"name": "sound", "sample_rate": RATE, "context": 32, "state": "state"},
	"output": {"name": "speech", "state": "state"},
}
# The network's window of 128 samples.
const WINDOW: float = 0.016
# What is loud: from 0.5 s to 1.2 s and from 1.8 s to 2.4 s.
const LOUD: Array[Vector2] = [Vector2(0.5, 1.2), Vector2(1.8, 2.4)]


func test_a_sound_of_any_kind_and_rate() -> void:
	var ear: ExecuTorchSpeechDetector = _ear()
	for rate: int in [8000, 16000, 44100, 48000, 192000]:
		var samples: PackedFloat32Array = _sound(rate)
		_check_speeches(ear.detect(samples, rate), "%d Hz" % rate)
	var low: PackedFloat32Array = _sound(16000)
	_check_speeches(await ear.detect_async(low, 16000), "async")
	var frames: PackedVector2Array = []
	for sample: float in low:
		frames.append(Vector2(sample, sample))
	_check_speeches(ear.detect(frames, 16000), "two channels")
	for format: AudioStreamWAV.Format in [AudioStreamWAV.FORMAT_8_BITS, AudioStreamWAV.FORMAT_16_BITS]:
		for stereo: bool in [false, true]:
			_check_speeches(ear.detect(_wav(low, format, stereo)), "format %d, stereo %s" % [format, stereo])
	var packed: AudioStreamWAV = AudioStreamWAV.load_from_buffer(_file(low), {"compress/mode": 2})
	check_equal(packed.format, AudioStreamWAV.FORMAT_QOA)
	_check_speeches(ear.detect(packed), "compressed")
	ear.free()


func test_live_sound_gives_the_same_speeches() -> void:
	var ear: ExecuTorchSpeechDetector = _ear()
	var told: Array = []
	ear.speech_started.connect(func(at: float) -> void: told.append([at, ear.is_speech()]))
	ear.speech_ended.connect(func(speech: ExecuTorchSpeech) -> void: told.append(speech))
	var samples: PackedFloat32Array = _sound(48000)
	var wanted: Array[ExecuTorchSpeech] = ear.detect(samples, 48000)
	for turn: int in 2:
		told.clear()
		for begin: int in range(0, samples.size(), 1700):
			check(ear.push_audio(samples.slice(begin, begin + 1700), 48000), "pushed")
			if begin % 17000 == 0:
				await get_tree().process_frame
		await ear.finish_audio()
		check_equal(told.size(), 4)
		for index: int in 2:
			check_near(told[2 * index][0], wanted[index].start, 1e-5)
			check_equal(told[2 * index][1], true)
			check_near(told[2 * index + 1].start, wanted[index].start, 1e-5)
			check_near(told[2 * index + 1].end, wanted[index].end, 1e-5)
	check_equal(ear.is_speech(), false)
	check_equal(ear.get_dropped_samples(), 0)
	ear.free()


func test_what_was_heard_is_forgotten() -> void:
	var ear: ExecuTorchSpeechDetector = _ear()
	var told: Array[float] = []
	ear.speech_started.connect(func(at: float) -> void: told.append(at))
	var loud: PackedFloat32Array = tone(440.0, RATE, 0.4)
	check(ear.push_audio(loud, RATE), "pushed")
	await wait_until(func() -> bool: return told.size() == 1, 20.0, "speech starts")
	check(ear.get_probability() > 0.9, str(ear.get_probability()))
	ear.forget_audio()
	check_equal(ear.is_speech(), false)
	ear.push_audio(tone(440.0, RATE, 0.05), RATE)
	await ear.finish_audio()
	check_equal(told, [0.0])
	ear.free()


func test_sound_is_pushed_by_another_thread() -> void:
	var ear: ExecuTorchSpeechDetector = _ear()
	var ended: Array[ExecuTorchSpeech] = []
	ear.speech_ended.connect(func(speech: ExecuTorchSpeech) -> void: ended.append(speech))
	check(ear.push_audio(PackedFloat32Array(), RATE), "the first call")
	var samples: PackedFloat32Array = _sound(RATE)
	var thread: Thread = Thread.new()
	thread.start(
		func() -> void:
			for begin: int in range(0, samples.size(), 160):
				ear.push_audio(samples.slice(begin, begin + 160), RATE)
	)
	while thread.is_alive():
		await get_tree().process_frame
	thread.wait_to_finish()
	await ear.finish_audio()
	_check_speeches(ended, "another thread")
	ear.free()


func test_the_sound_of_a_bus() -> void:
	var ear: ExecuTorchSpeechDetector = _ear()
	var started: Array[float] = []
	ear.speech_started.connect(func(at: float) -> void: started.append(at))
	AudioServer.add_bus()
	AudioServer.set_bus_name(AudioServer.bus_count - 1, "Microphone")
	ear.bus = &"Microphone"
	var player: AudioStreamPlayer = AudioStreamPlayer.new()
	player.bus = &"Microphone"
	player.stream = _wav(tone(440.0, 16000, 3.0), AudioStreamWAV.FORMAT_16_BITS, false)
	add_child(player)
	player.play()
	await wait_until(func() -> bool: return not started.is_empty(), 20.0, "speech on the bus")
	var index: int = AudioServer.get_bus_index("Microphone")
	check_equal(AudioServer.get_bus_effect_count(index), 1)
	remove_child(ear)
	check_equal(AudioServer.get_bus_effect_count(index), 0)
	player.free()
	ear.free()
	AudioServer.remove_bus(index)


func test_silence_and_sounds_that_are_broken() -> void:
	var ear: ExecuTorchSpeechDetector = _ear()
	var silence: PackedFloat32Array = []
	silence.resize(48000)
	check_equal(ear.detect(silence, 48000), [] as Array[ExecuTorchSpeech])
	silence.fill(NAN)
	check_equal(ear.detect(silence, 48000), [] as Array[ExecuTorchSpeech])
	check_equal(ear.detect([0.5] as PackedFloat32Array, 48000), [] as Array[ExecuTorchSpeech])
	check_equal(ear.get_last_error(), null)
	# A sound with holes is heard around them.
	var samples: PackedFloat32Array = _sound(16000)
	for index: int in 12:
		samples[4000 * index] = [NAN, INF, -INF][index % 3]
	_check_speeches(ear.detect(samples, 16000), "with NaN")
	ear.free()


func test_what_is_no_sound() -> void:
	expect_error("NOT_A_SOUND")
	expect_error("INVALID_OPTION")
	var ear: ExecuTorchSpeechDetector = _ear()
	var told: Array[String] = []
	ear.inference_failed.connect(func(error: ExecuTorchError) -> void: told.append(error.code_name))
	var nothing: Array = [null, 7, "a", [0.5], Image.new(), AudioStreamWAV.new(), AudioStreamGenerator.new()]
	nothing.append_array([PackedFloat32Array(), PackedVector2Array()])
	for each: Variant in nothing:
		check_equal(ear.detect(each, 16000), [] as Array[ExecuTorchSpeech])
		check_equal(await ear.detect_async(each, 16000), [] as Array[ExecuTorchSpeech])
	check_equal(told, Array(range(18)).map(func(_index: int) -> String: return "NOT_A_SOUND") as Array[String])
	for rate: int in [-1, 7999, 192001, 1 << 40]:
		check_equal(ear.detect(PackedFloat32Array([0.5]), rate), [] as Array[ExecuTorchSpeech])
		check_equal(ear.get_last_error().code_name, "INVALID_OPTION")
		check_equal(ear.push_audio(PackedFloat32Array([0.5]), rate), false)
	check_equal(ear.push_audio(null), false)
	check_equal(ear.push_audio(PackedFloat32Array()), true)
	ear.free()


func test_models_that_do_not_fit() -> void:
	expect_error("WRONG_TASK")
	expect_error("MODEL_EMPTY")
	var ear: ExecuTorchSpeechDetector = ExecuTorchSpeechDetector.new()
	add_child(ear)
	var sound: PackedFloat32Array = [0.5, 0.5]
	check_equal(ear.detect(sound, RATE).size(), 0)
	ear.model = load("res://models/loudness.pt2")
	check_equal(ear.push_audio(sound, RATE), false)
	check(ear.get_last_error().cause.contains("no task card"), str(ear.get_last_error()))
	check_equal(ear._get_configuration_warnings().size(), 1)
	for wrong: Array in [
		["input", "name", "picture", 'no input "picture"'],
		["input", "state", "memory", 'no input "memory"'],
		["output", "name", "words", 'no output "words"'],
		["output", "state", "", "one side"],
		["input", "window", 200, "takes 160 to 160 samples, and the task card gives 232"],
		["input", "context", 160, "gives 160"],
	]:
		var card: Dictionary = CARD.duplicate(true)
		card[wrong[0]][wrong[1]] = wrong[2]
		ear.model = with_card("loudness.pt2", card)
		check_equal(ear.detect(sound, RATE).size(), 0)
		check(ear.get_last_error().cause.contains(wrong[3] as String), str(ear.get_last_error()))
		check_equal(ear._get_configuration_warnings().size(), 1)
	ear.model = with_card("convnet.pt2", {"kind": "speech_detection"})
	check_equal(ear.detect(sound, RATE).size(), 0)
	check(ear.get_last_error().cause.contains("one channel"), str(ear.get_last_error()))
	# Cards of a resource from somebody else.
	for strange: Variant in [{"kind": 3, "input": []}, {"kind": "speech_detection", "input": {"window": "x"}}, 7]:
		ear.model = with_card("convnet.pt2", strange)
		check_equal(ear.detect(sound, RATE).size(), 0)
	ear.model = with_card("loudness.pt2", CARD)
	check_equal(ear._get_configuration_warnings().size(), 0)
	check_equal(ear.push_audio(sound, RATE), true)
	ear.bus = &"Nowhere"
	check_equal(ear._get_configuration_warnings().size(), 1)
	ear.free()


func test_a_node_that_goes_in_the_middle() -> void:
	var ear: ExecuTorchSpeechDetector = _ear()
	var answers: Array = []
	var samples: PackedFloat32Array = _sound(RATE)
	var ask: Callable = func(node: ExecuTorchSpeechDetector) -> void:
		answers.append(await node.detect_async(samples, RATE))
	for time: int in 3:
		ask.call(ear)
	ear.push_audio(samples, RATE)
	await get_tree().process_frame
	ear.free()
	await wait_until(func() -> bool: return answers.size() == 3, 20.0, "every call ends")
	var other: ExecuTorchSpeechDetector = _ear()
	ask.call(other)
	other.push_audio(samples, RATE)
	await get_tree().process_frame
	remove_child(other)
	await wait_until(func() -> bool: return answers.size() == 4, 20.0, "the call of a node outside of the tree ends")
	# The node works again.
	add_child(other)
	_check_speeches(await other.detect_async(samples, RATE), "back in the tree")
	var ended: Array[ExecuTorchSpeech] = []
	other.speech_ended.connect(func(speech: ExecuTorchSpeech) -> void: ended.append(speech))
	# A script that waits for the end of the live sound goes on when the node leaves.
	other.push_audio(samples, RATE)
	var waits: Callable = func() -> void:
		await other.finish_audio()
		answers.append("ended")
	waits.call()
	remove_child(other)
	check_equal(answers[-1], "ended")
	add_child(other)
	other.forget_audio()
	other.push_audio(samples, RATE)
	await other.finish_audio()
	_check_speeches(ended, "live, back in the tree")
	other.free()


func test_another_model_in_the_middle() -> void:
	var ear: ExecuTorchSpeechDetector = _ear()
	var answers: Array = []
	var samples: PackedFloat32Array = _sound(RATE)
	var ask: Callable = func() -> void: answers.append(await ear.detect_async(samples, RATE))
	for time: int in 3:
		ask.call()
	ear.push_audio(samples, RATE)
	await get_tree().process_frame
	var card: Dictionary = CARD.duplicate(true)
	card["output"]["min_speech"] = 0.72
	ear.model = with_card("loudness.pt2", card)
	await wait_until(func() -> bool: return answers.size() == 3, 20.0, "every call ends")
	var ended: Array[ExecuTorchSpeech] = []
	ear.speech_ended.connect(func(speech: ExecuTorchSpeech) -> void: ended.append(speech))
	ear.push_audio(samples, RATE)
	await ear.finish_audio()
	# The second speech is too short for this card.
	check_equal(ended.size(), 1)
	check_equal(ear.detect(samples, RATE).size(), 1)
	ear.free()


func _check_speeches(found: Array[ExecuTorchSpeech], what: String) -> void:
	check_equal(found.size(), 2, what)
	for index: int in mini(found.size(), 2):
		# Padding is 0.03 s; the network's state needs a window more to become loud, and a few to become quiet.
		check_near(found[index].start, LOUD[index].x - 0.03, 2.0 * WINDOW, what)
		check_near(found[index].end, LOUD[index].y + 0.03, 6.0 * WINDOW, what)
		check_near(found[index].get_duration(), found[index].end - found[index].start)


func _ear() -> ExecuTorchSpeechDetector:
	var ear: ExecuTorchSpeechDetector = ExecuTorchSpeechDetector.new()
	ear.model = with_card("loudness.pt2", CARD)
	add_child(ear)
	return ear


static func _sound(rate: int) -> PackedFloat32Array:
	var samples: PackedFloat32Array = tone(440.0, rate, 3.0)
	for index: int in samples.size():
		var at: float = float(index) / rate
		if not LOUD.any(func(part: Vector2) -> bool: return at >= part.x and at < part.y):
			samples[index] *= 0.001
	return samples


static func _wav(samples: PackedFloat32Array, format: AudioStreamWAV.Format, stereo: bool) -> AudioStreamWAV:
	var wav: AudioStreamWAV = AudioStreamWAV.new()
	var width: int = 1 if format == AudioStreamWAV.FORMAT_8_BITS else 2
	var channels: int = 2 if stereo else 1
	var data: PackedByteArray = []
	data.resize(samples.size() * width * channels)
	for index: int in samples.size() * channels:
		var sample: float = samples[floori(float(index) / channels)]
		if width == 1:
			data.encode_s8(index, roundi(sample * 127.0))
		else:
			data.encode_s16(2 * index, roundi(sample * 32767.0))
	wav.format = format
	wav.stereo = stereo
	wav.mix_rate = 16000
	wav.data = data
	return wav


# The bytes of a .wav file.
static func _file(samples: PackedFloat32Array) -> PackedByteArray:
	var path: String = "user://speech.wav"
	_wav(samples, AudioStreamWAV.FORMAT_16_BITS, false).save_to_wav(path)
	return FileAccess.get_file_as_bytes(path)
