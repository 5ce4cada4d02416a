@tool
@icon("res://addons/executorch/icons/speaker_embedder.svg")
class_name ExecuTorchSpeakerEmbedder
extends "res://addons/executorch/tasks/audio/audio_node.gd"
## A node that converts voices to vectors. Sounds of the same speaker have similar vectors.
##
## The model needs a task card of the kind [code]speaker_embedding[/code].
## [codeblock]
## var known: PackedFloat32Array = $Voices.embed(recording_of_the_player)
## var heard: PackedFloat32Array = await $Voices.embed_async(microphone_samples, 48000)
## if $Voices.is_same_speaker(known, heard):
##     $Door.open()
## [/codeblock]

## Emitted on the main thread when the vector of a whole sound was computed, or that of a window of the live sound.
signal embedded(vector: PackedFloat32Array)

const _KIND: String = "speaker_embedding"


## Returns the vector of a sound: the mean of those of its windows, with the length 1. The sound is an [AudioStream]
## with a length, a [PackedFloat32Array] of one channel, or a [PackedVector2Array] of two. [param rate] is that of the
## arrays, in Hz; 0 means that of the [AudioServer]. Returns an empty array when it fails. The live sound is left alone.
func embed(sound: Variant, rate: int = 0) -> PackedFloat32Array:
	return _answer(_run(_windows_of(sound, rate)))


## Runs [method embed] on a worker thread: [code]await $Voices.embed_async(recording)[/code]. Returns an empty array
## when it fails, and when the node leaves the tree before the call ends.
func embed_async(sound: Variant, rate: int = 0) -> PackedFloat32Array:
	return _answer(await _run_async(_windows_of(sound, rate)))


## Returns the cosine of the angle between two vectors, from -1 to 1. Returns [constant @GDScript.NAN] when their sizes
## differ or are 0.
func similarity(first: PackedFloat32Array, second: PackedFloat32Array) -> float:
	return Vectors.cosine(first, second)


## Returns [code]true[/code] when two vectors are as similar as the task card asks for.
func is_same_speaker(first: PackedFloat32Array, second: PackedFloat32Array) -> bool:
	var card: TaskCard = TaskCard.new(_current_model())
	return similarity(first, second) >= card.number("output", "threshold", 0.75)


func _find_misfit(of_model: ExecuTorchModelDescription, card: TaskCard) -> ExecuTorchError:
	return _find_audio_misfit(of_model, card, _KIND)


func _hear(part: AudioWindows.Part, card: TaskCard) -> void:
	embedded.emit(Vectors.normalized(_floats_of(part.outputs, card.text("output", "name"))))


func _answer(heard: Array[AudioWindows.Part]) -> PackedFloat32Array:
	if heard.is_empty():
		return PackedFloat32Array()
	var card: TaskCard = TaskCard.new(_current_model())
	var sum: PackedFloat32Array = []
	for part: AudioWindows.Part in heard:
		var vector: PackedFloat32Array = Vectors.normalized(_floats_of(part.outputs, card.text("output", "name")))
		sum.resize(vector.size())
		for index: int in vector.size():
			sum[index] += vector[index]
	sum = Vectors.normalized(sum)
	_end_decoding()
	embedded.emit(sum)
	return sum
