extends "res://tests/game_audio/sounds.gd"
## ExecuTorchPitchDetector with a small network that measures 60 tones; test_audio_reference.py compares it with
## swift-f0 and torchcrepe.

# The network's tones begin at 100 Hz, which is 3986.3 cents above 10 Hz.
const BINS: Dictionary = {
	"kind": "pitch_detection",
	"input": {"name": "sound", "hop": 512},
	"output": {"name": "bins", "form": "bins", "first_cents": 3986.3137, "cents": 100.0, "offset": 512},
}
const HERTZ: Dictionary = {
	"kind": "pitch_detection",
	"input": {"hop": 512},
	"output": {"name": "hertz", "confidence": "confidence", "silence": 0.001},
}


func test_a_tone_of_each_form_and_rate() -> void:
	for card: Dictionary in [BINS, HERTZ]:
		var tuner: ExecuTorchPitchDetector = _tuner(card)
		for hertz: float in [400.0, 800.0, 1600.0]:
			for rate: int in [16000, 44100, 192000]:
				_check_pitches(tuner.detect(tone(hertz, rate, 0.5), rate), hertz)
		_check_pitches(await tuner.detect_async(tone(400.0, 16000, 0.5), 16000), 400.0)
		tuner.free()


func test_live_sound_has_the_same_pitches() -> void:
	var tuner: ExecuTorchPitchDetector = _tuner(HERTZ)
	check_equal(tuner.get_pitch(), null)
	var told: Array[ExecuTorchPitch] = []
	tuner.pitch_detected.connect(func(pitch: ExecuTorchPitch) -> void: told.append(pitch))
	var samples: PackedFloat32Array = tone(400.0, 48000, 0.5)
	var wanted: Array[ExecuTorchPitch] = tuner.detect(samples, 48000)
	for begin: int in range(0, samples.size(), 1000):
		tuner.push_audio(samples.slice(begin, begin + 1000), 48000)
		await get_tree().process_frame
	await tuner.finish_audio()
	check_equal(told.map(str), wanted.map(str))
	check_equal(tuner.get_pitch(), told[-1])
	tuner.forget_audio()
	check_equal(tuner.get_pitch(), null)
	tuner.free()


func test_silence_has_no_pitch() -> void:
	var tuner: ExecuTorchPitchDetector = _tuner(HERTZ)
	var samples: PackedFloat32Array = []
	samples.resize(8000)
	for value: float in [0.0, NAN, 0.0005]:
		samples.fill(value)
		var found: Array[ExecuTorchPitch] = tuner.detect(samples, 16000)
		check_equal(found.size(), 15)
		check(found.all(func(pitch: ExecuTorchPitch) -> bool: return not pitch.is_voiced), str(found))
	tuner.free()


func test_notes() -> void:
	check_near(ExecuTorchPitch.new(0.0, 440.0, 1.0).get_note(), 69.0)
	check_near(ExecuTorchPitch.new(0.0, 261.6256, 1.0).get_note(), 60.0)
	check(is_nan(ExecuTorchPitch.new().get_note()), "no frequency")
	check_equal(ExecuTorchPitch.new(0.0, 440.0, 0.4).is_voiced, false)
	check_equal(str(ExecuTorchPitch.new(1.25, 440.0, 0.9)), "440.0 Hz (90 %) at 1.25 s")


func test_models_and_sounds_that_do_not_fit() -> void:
	expect_error("WRONG_TASK")
	expect_error("NOT_A_SOUND")
	var tuner: ExecuTorchPitchDetector = _tuner(HERTZ)
	check_equal(tuner.detect(null), [] as Array[ExecuTorchPitch])
	check_equal(await tuner.detect_async(PackedFloat32Array()), [] as Array[ExecuTorchPitch])
	for card: Variant in [{"kind": "speech_detection"}, {}, 7]:
		tuner.model = with_card("tones.pt2", card)
		check_equal(tuner.detect(tone(400.0, 16000, 0.1), 16000), [] as Array[ExecuTorchPitch])
		check_equal(tuner._get_configuration_warnings().size(), 1)
	var wrong: Dictionary = HERTZ.duplicate(true)
	wrong["output"]["confidence"] = "trust"
	tuner.model = with_card("tones.pt2", wrong)
	check_equal(tuner.detect(tone(400.0, 16000, 0.1), 16000), [] as Array[ExecuTorchPitch])
	check(tuner.get_last_error().cause.contains('no output "trust"'), str(tuner.get_last_error()))
	tuner.free()


func _check_pitches(found: Array[ExecuTorchPitch], hertz: float) -> void:
	check(found.size() >= 14, "%d pitches" % found.size())
	# The last windows are partly silence.
	for pitch: ExecuTorchPitch in found.slice(0, 13):
		check(pitch.is_voiced, str(pitch))
		check_near(pitch.hertz / hertz, 1.0, 0.02)
	check_near(found[1].at - found[0].at, 0.032)


func _tuner(card: Dictionary) -> ExecuTorchPitchDetector:
	var tuner: ExecuTorchPitchDetector = ExecuTorchPitchDetector.new()
	tuner.model = with_card("tones.pt2", card)
	add_child(tuner)
	return tuner
