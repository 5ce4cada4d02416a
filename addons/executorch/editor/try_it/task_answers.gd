@tool
extends RefCounted
## Runs the node of a task, and makes what the inspector shows of its answer.

## Which task takes what.
const PICTURE_KINDS: PackedStringArray = [
	"image_classification", "object_detection", "image_segmentation", "image_transformation", "text_recognition"
]
const SOUND_KINDS: PackedStringArray = [
	"speech_detection", "pitch_detection", "audio_classification", "speaker_embedding"
]
const TEXT_KINDS: PackedStringArray = ["text_embedding"]

const MarkedPicture := preload("marked_picture.gd")
const ShareBars := preload("share_bars.gd")
const Waveform := preload("waveform.gd")
const PictureInput := preload("res://addons/executorch/tasks/image/picture_input.gd")
const TaskCard := preload("res://addons/executorch/tasks/task_card.gd")
const AudioSamples := preload("res://addons/executorch/tasks/audio/audio_samples.gd")
const MOST_ROWS: int = 5
const WAVE_RATE: int = 8000


## The node that runs a kind of task; null when there is none.
static func create_node(kind: String) -> ExecuTorchNode:
	match kind:
		"image_classification":
			return ExecuTorchImageClassifier.new()
		"object_detection":
			return ExecuTorchObjectDetector.new()
		"image_segmentation":
			return ExecuTorchImageSegmenter.new()
		"image_transformation":
			return ExecuTorchImageTransformer.new()
		"text_recognition":
			return ExecuTorchTextRecognizer.new()
		"text_embedding":
			return ExecuTorchTextEmbedder.new()
		"speech_detection":
			return ExecuTorchSpeechDetector.new()
		"pitch_detection":
			return ExecuTorchPitchDetector.new()
		"audio_classification":
			return ExecuTorchAudioClassifier.new()
		"speaker_embedding":
			return ExecuTorchSpeakerEmbedder.new()
		"speech_synthesis":
			return ExecuTorchSpeechSynthesizer.new()
	return null


## The answer for a picture as controls; empty when it failed.
static func of_picture(node: ExecuTorchNode, picture: Object) -> Array[Control]:
	return await _unless_failed(node, _answer_to_picture.bind(node, picture))


## The answer for a sound as controls; empty when it failed.
static func of_sound(node: ExecuTorchNode, sound: AudioStream) -> Array[Control]:
	return await _unless_failed(node, _answer_to_sound.bind(node, sound))


# A node returns an empty array when it finds nothing, and when it fails. Only its signal distinguishes the two.
static func _unless_failed(node: ExecuTorchNode, ask: Callable) -> Array[Control]:
	var failed: Array[bool] = [false]
	var note: Callable = func(_error: ExecuTorchError) -> void: failed[0] = true
	node.inference_failed.connect(note)
	var controls: Array[Control] = await ask.call()
	if is_instance_valid(node):
		node.inference_failed.disconnect(note)
	if failed[0]:
		for control: Control in controls:
			control.free()
		controls = []
	return controls


static func _answer_to_picture(node: ExecuTorchNode, picture: Object) -> Array[Control]:
	var image: Image = PictureInput.image_of(picture)
	var shown: MarkedPicture = MarkedPicture.new(
		ImageTexture.create_from_image(image) if image != null and not image.is_empty() else null
	)
	if node is ExecuTorchImageClassifier:
		var found: ExecuTorchClassification = await (node as ExecuTorchImageClassifier).classify_async(picture)
		return _shown([shown, _bars_of(found)] if found != null else [], shown)
	if node is ExecuTorchObjectDetector:
		var objects: Array[ExecuTorchDetection] = await (node as ExecuTorchObjectDetector).detect_async(picture)
		for object: ExecuTorchDetection in objects:
			var end: Vector2 = object.box.end
			var corners: PackedVector2Array = [
				object.box.position, Vector2(end.x, object.box.position.y), end, Vector2(object.box.position.x, end.y)
			]
			shown.marks.append({"corners": corners, "text": "%s %.0f %%" % [object.label, object.score * 100.0]})
		return _shown([shown, words_of("%d found" % objects.size())], shown)
	if node is ExecuTorchTextRecognizer:
		var lines: Array[ExecuTorchTextLine] = await (node as ExecuTorchTextRecognizer).recognize_async(picture)
		var texts: PackedStringArray = []
		for line: ExecuTorchTextLine in lines:
			shown.marks.append({"corners": line.box, "text": ""})
			texts.append("%s  (%.0f %%)" % [line.text, line.confidence * 100.0])
		var read: String = "\n".join(texts) if texts else "No text was read."
		return _shown([shown, words_of(read)], shown)
	if node is ExecuTorchImageSegmenter:
		var parts: ExecuTorchSegmentation = await (node as ExecuTorchImageSegmenter).segment_async(picture)
		if parts == null:
			return _shown([], shown)
		shown.overlay = parts.mask
		shown.overlay_region = parts.region
		return _shown([shown, ShareBars.new(_best(parts.labels, parts.shares, parts.colors))], shown)
	var texture: ImageTexture = await (node as ExecuTorchImageTransformer).transform_async(picture)
	return _shown([MarkedPicture.new(texture)] if texture != null else [], shown)


static func _answer_to_sound(node: ExecuTorchNode, sound: AudioStream) -> Array[Control]:
	var samples: Variant = AudioSamples.of(sound, 0, WAVE_RATE)
	var plain: PackedFloat32Array = samples if samples is PackedFloat32Array else PackedFloat32Array()
	var wave: Waveform = Waveform.new(plain, WAVE_RATE)
	if node is ExecuTorchSpeechDetector:
		var words: PackedStringArray = []
		var marks: PackedVector2Array = []
		for speech: ExecuTorchSpeech in await (node as ExecuTorchSpeechDetector).detect_async(sound):
			marks.append(Vector2(speech.start, speech.end))
			words.append("%.2f s to %.2f s" % [speech.start, speech.end])
		wave.marks = marks
		var said: String = "\n".join(words) if words else "Nobody speaks."
		return _shown([wave, words_of(said)], wave)
	if node is ExecuTorchPitchDetector:
		var pitches: Array[ExecuTorchPitch] = await (node as ExecuTorchPitchDetector).detect_async(sound)
		return _shown([wave, words_of(_draw_pitches(wave, pitches))], wave)
	var found: ExecuTorchClassification = await (node as ExecuTorchAudioClassifier).classify_async(sound)
	return _shown([wave, _bars_of(found)] if found != null else [], wave)


## How similar two things are, -1 to 1, as controls.
static func of_similarity(similarity: float) -> Array[Control]:
	if not is_finite(similarity):
		return [words_of("The two cannot be compared: a vector is empty or not finite.")]
	var row: Dictionary = {"label": "Similarity (1 = the same)", "share": maxf(similarity, 0.0)}
	row["number"] = "%.3f" % similarity
	return [ShareBars.new([row])]


## Whether two voices are of the same speaker, as controls.
static func of_voices(
	node: ExecuTorchSpeakerEmbedder, first: PackedFloat32Array, second: PackedFloat32Array
) -> Array[Control]:
	var similarity: float = node.similarity(first, second)
	var shown: Array[Control] = of_similarity(similarity)
	if is_finite(similarity):
		var threshold: float = TaskCard.new(node.model).number("output", "threshold", 0.75)
		var verdict: String = "The same speaker: the similarity is at least %s."
		if not node.is_same_speaker(first, second):
			verdict = "Another speaker: the similarity is below %s."
		shown.append(words_of(verdict % String.num(threshold, 3)))
	return shown


## What a voice said, as controls; empty for nothing.
static func of_speech(sound: AudioStreamWAV) -> Array[Control]:
	var samples: Variant = AudioSamples.of(sound, 0, WAVE_RATE) if sound != null else null
	if not samples is PackedFloat32Array:
		return []
	return [Waveform.new(samples as PackedFloat32Array, WAVE_RATE), words_of("%.2f s" % sound.get_length())]


## A label for a sentence.
static func words_of(words: String) -> Label:
	var label: Label = Label.new()
	label.text = words
	label.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	label.add_theme_stylebox_override(&"normal", StyleBoxEmpty.new())
	return label


static func _shown(controls: Array, otherwise: Control) -> Array[Control]:
	var result: Array[Control] = []
	result.assign(controls)
	if not result.has(otherwise):
		otherwise.free()
	return result


static func _bars_of(found: ExecuTorchClassification) -> ShareBars:
	return ShareBars.new(_best(found.labels, found.probabilities))


# The largest shares with their names, the largest first.
static func _best(
	labels: PackedStringArray, shares: PackedFloat32Array, colors: PackedColorArray = []
) -> Array[Dictionary]:
	var rows: Array[Dictionary] = []
	for index: int in mini(labels.size(), shares.size()):
		rows.append({"label": labels[index], "share": shares[index]})
		if index < colors.size():
			rows[-1]["color"] = colors[index]
	rows.sort_custom(func(a: Dictionary, b: Dictionary) -> bool: return a["share"] > b["share"])
	return rows.slice(0, MOST_ROWS)


# Marks the voiced moments, between 50 and 1,000 Hz on a scale of notes. Returns a sentence.
static func _draw_pitches(wave: Waveform, pitches: Array[ExecuTorchPitch]) -> String:
	var points: PackedVector2Array = []
	var heights: Array[float] = []
	for pitch: ExecuTorchPitch in pitches:
		if pitch.is_voiced:
			heights.append(pitch.hertz)
			points.append(Vector2(pitch.at, log(pitch.hertz / 50.0) / log(20.0)))
	wave.curve = points
	heights.sort()
	if heights.is_empty():
		return "No pitch was heard."
	return (
		"Median %.0f Hz, from %.0f Hz to %.0f Hz. The dots are the pitch, from 50 Hz (bottom) to 1,000 Hz (top)."
		% [heights[heights.size() >> 1], heights[0], heights[-1]]
	)
