extends "res://tests/game_audio/sounds.gd"
## ExecuTorchNativeAudioIntake with Godot's values. native/tests/test_audio.cpp has the properties of the resampler,
## and test_audio_reference.py compares it with scipy.

const Native := preload("res://addons/executorch/runtime/library/native_library.gd")


func test_sound_comes_out_at_another_rate() -> void:
	var intake: RefCounted = Native.create_audio_intake()
	check_equal(intake.begin(16000, 16000), {})
	var pushed: PackedFloat32Array = tone(440.0, 48000, 0.1)
	for begin: int in range(0, 4800, 700):
		check_equal(intake.push(pushed.slice(begin, begin + 700), 1, 48000), {})
	intake.finish()
	check_equal(intake.available(), 1600)
	check_near(intake.read(1000).slice(100), tone(440.0, 16000, 0.0625).slice(100), 1e-3)
	check_equal(intake.read(-1).size(), 0)
	check_equal(intake.read(1 << 40).size(), 600)
	check_equal(intake.read(10).size(), 0)
	check_equal(intake.get_dropped(), 0)


func test_frames_of_two_channels() -> void:
	var intake: RefCounted = Native.create_audio_intake()
	intake.begin(16000, 3)
	check_equal(intake.push([1.0, 0.0, 0.5, 0.5, NAN, -1.0, 0.25, 0.0, INF, 0.0], 2, 16000), {})
	check_equal(intake.read(9), PackedFloat32Array([0.5, 0.5, -0.5, 0.125]))
	check_equal(intake.get_dropped(), 1)
	check_equal(intake.convert([1.0, 0.0], 2, 16000, 16000), {"samples": PackedFloat32Array([0.5])})
	check_equal(intake.convert([], 1, 48000, 16000), {"samples": PackedFloat32Array()})


func test_what_is_refused() -> void:
	var intake: RefCounted = Native.create_audio_intake()
	check_equal(intake.push([0.0], 1, 16000)["name"], "NOT_LOADED")
	check_equal(intake.read(5).size() + intake.available() + intake.get_dropped(), 0)
	intake.finish()
	intake.forget()
	for rate: int in [0, -1, 7999, 192001, 1 << 62]:
		check_equal(intake.begin(rate, 100)["name"], "INVALID_OPTION")
		check_equal(intake.convert([0.0], 1, rate, 16000)["error"]["name"], "INVALID_OPTION")
		check_equal(intake.convert([0.0], 1, 16000, rate)["error"]["name"], "INVALID_OPTION")
	for capacity: int in [0, -1, 1 << 40]:
		check_equal(intake.begin(16000, capacity)["name"], "INVALID_OPTION")
	check_equal(intake.begin(16000, 100), {})
	check_equal(intake.push([0.0], 0, 16000)["name"], "INVALID_OPTION")
	check_equal(intake.push([0.0], 1, 0)["name"], "INVALID_OPTION")


func test_a_tensor_of_another_rate() -> void:
	expect_error("INVALID_OPTION")
	var frames: PackedVector2Array = []
	for sample: float in tone(440.0, 48000, 0.1):
		frames.append(Vector2(sample, 0.0))
	var wanted: PackedFloat32Array = tone(440.0, 16000, 0.1)
	var stereo: ExecuTorchTensor = ExecuTorchTensor.from_audio(frames, false, 48000, 16000)
	check_equal(stereo.shape, PackedInt64Array([2, 1600]))
	check_near(stereo.to_floats().slice(100, 1500), wanted.slice(100, 1500), 1e-3)
	check_equal(stereo.to_floats()[1700], 0.0)
	var mono: ExecuTorchTensor = ExecuTorchTensor.from_audio(frames, true, 48000, 16000)
	check_equal(mono.shape, PackedInt64Array([1, 1600]))
	check_near(2.0 * mono.to_floats()[800], wanted[800], 1e-3)
	check_equal(ExecuTorchTensor.from_audio([], true, 48000, 16000).shape, PackedInt64Array([1, 0]))
	check_equal(ExecuTorchTensor.from_audio(frames, false, 48000), null)
