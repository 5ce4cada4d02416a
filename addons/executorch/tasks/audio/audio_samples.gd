@tool
extends RefCounted
## Sounds of Godot as samples of one channel at a model's rate.

const Native := preload("res://addons/executorch/runtime/library/native_library.gd")
# Frames that are converted at once. Their samples at the highest rate fit into an intake.
const PART: int = 1 << 16
const CAPACITY: int = 1 << 22
const REMEDY: String = "Give an AudioStream with a length, or samples as a packed array of floats or of Vector2."


## The samples of a sound at [param to_rate] as a [PackedFloat32Array], or an [ExecuTorchError].
static func of(sound: Variant, rate: int, to_rate: int) -> Variant:
	var parts: Array = frames_of(sound, rate)
	if parts.is_empty():
		return not_a_sound(sound)
	var values: PackedFloat32Array = parts[0]
	if values.is_empty():
		return ExecuTorchError.create(ExecuTorchError.Code.NOT_A_SOUND, "The sound has no samples.", REMEDY)
	var native: RefCounted = Native.create_audio_intake()
	if native == null:
		return Native.missing_error()
	var error: Dictionary = native.begin(to_rate, CAPACITY)
	var samples: PackedFloat32Array = []
	var step: int = PART * int(parts[1])
	for begin: int in range(0, values.size(), step):
		if error.is_empty():
			error = native.push(values.slice(begin, begin + step), parts[1], parts[2])
			samples.append_array(native.read(native.available()) as PackedFloat32Array)
	if not error.is_empty():
		return ExecuTorchError.from_dictionary(error)
	native.finish()
	samples.append_array(native.read(native.available()) as PackedFloat32Array)
	return samples


## Interleaved samples, the number of channels, and the rate in Hz (0 stands for the mixer's); empty when it is not a
## sound that has an end.
static func frames_of(sound: Variant, rate: int) -> Array:
	var mixed: int = int(AudioServer.get_mix_rate())
	if sound is PackedFloat32Array:
		return [sound, 1, rate if rate != 0 else mixed]
	if sound is PackedVector2Array:
		return [(sound as PackedVector2Array).to_byte_array().to_float32_array(), 2, rate if rate != 0 else mixed]
	if sound is AudioStreamWAV and (sound as AudioStreamWAV).format <= AudioStreamWAV.FORMAT_16_BITS:
		return _plain(sound as AudioStreamWAV)
	return _played(sound as AudioStream, mixed) if sound is AudioStream else []


## The error for what is not a sound.
static func not_a_sound(sound: Variant) -> ExecuTorchError:
	var cause: String = "No sound was given."
	if sound is AudioStream:
		cause = "This sound (%s) has no end." % (sound as AudioStream).get_class()
	elif sound != null:
		var type: String = (sound as Object).get_class() if sound is Object else type_string(typeof(sound))
		cause = "A value of the type %s is not a sound." % type
	return ExecuTorchError.create(ExecuTorchError.Code.NOT_A_SOUND, cause, REMEDY)


static func _plain(sound: AudioStreamWAV) -> Array:
	var native: RefCounted = Native.create_audio_intake()
	var bits: int = 8 if sound.format == AudioStreamWAV.FORMAT_8_BITS else 16
	var samples: PackedFloat32Array = native.decode(sound.data, bits) if native != null else PackedFloat32Array()
	return [samples, 2 if sound.stereo else 1, sound.mix_rate]


# What the mixer would play of a compressed stream. Godot 4.4 and newer.
static func _played(sound: AudioStream, rate: int) -> Array:
	var length: float = sound.get_length()
	var playback: AudioStreamPlayback = sound.instantiate_playback() if length > 0.0 else null
	if playback == null:
		return []
	playback.start()
	var left: int = ceili(length * rate)
	var samples: PackedFloat32Array = []
	while left > 0:
		var frames: PackedVector2Array = playback.mix_audio(1.0, mini(left, PART))
		if frames.is_empty():
			break
		samples.append_array(frames.to_byte_array().to_float32_array())
		left -= frames.size()
	playback.stop()
	return [samples, 2, rate]
