@tool
extends "res://tests/editor/try_it_case.gd"
## What Try It shows of a segmenter, a transformer and the nodes that hear.

const Section := preload("res://addons/executorch/editor/inspector/section.gd")
const Waveform := preload("res://addons/executorch/editor/try_it/waveform.gd")
const LABELS: Array = ["sky", "water", "sand", "grass"]
const RATE: int = 16000


func test_bars_of_a_segmentation_have_the_colours_of_the_mask() -> void:
	_view.show_model(_with_card("segmenter.pt2", {"kind": "image_segmentation", "output": {"labels": LABELS}}))
	_view.try_picture(_picture())
	await _answered(1)
	var shown: MarkedPicture = _shown(MarkedPicture)[0]
	check(shown.overlay != null and shown.overlay_region.has_area(), "the mask lies over the picture")
	var bars: ShareBars = _shown(ShareBars)[0]
	check_equal(bars.colors.size(), 4)
	var water: int = _labels_of(bars).find("water")
	var pixels: Image = shown.overlay.get_image()
	var found: bool = false
	for y: int in pixels.get_height():
		for x: int in pixels.get_width():
			found = found or Color(pixels.get_pixel(x, y), 1.0).is_equal_approx(Color(bars.colors[water], 1.0))
	check(found, "the mask has the colour of the bar of water: %s" % bars.colors[water])
	check(text_of(_view).contains("sky (not marked)"), text_of(_view))


func test_a_voice_speaks_a_text() -> void:
	expect_error("TEXT_WITHOUT_TOKENS")
	var input: Dictionary = {"ids": "input_0", "speed": "input_1", "frames": "input_2", "symbols": {"a": 1}}
	input["length"] = "length"
	_view.show_model(_with_card("voice.pte", {"kind": "speech_synthesis", "input": input}))
	var voice: ExecuTorchSpeechSynthesizer = _view.find_children("*", "ExecuTorchSpeechSynthesizer", true, false)[0]
	voice.lexicon = JSON.new()
	voice.lexicon.data = {"ah": "a"}
	_view.try_speech("ah")
	await _answered(1)
	check_near(_shown(Waveform)[0].get_length(), 0.05, 1e-3)
	check(text_of(_view).contains("Speak") and text_of(_view).contains("0.05 s"), text_of(_view))
	_view.try_speech("?")
	await _answered(2)
	check(text_of(_view).contains("no phonemes"), text_of(_view))


func test_texts_of_objects_do_not_cover_each_other() -> void:
	var taken: Array[Rect2] = []
	check(MarkedPicture.take(Rect2(0, 0, 50, 10), taken), "the first")
	check(not MarkedPicture.take(Rect2(40, 5, 50, 10), taken), "covers the first")
	check(MarkedPicture.take(Rect2(0, 20, 50, 10), taken), "below")
	check_equal(taken.size(), 2)


func test_the_name_of_a_task_is_not_cut() -> void:
	var section: Section = Section.new("Try It")
	section.set_summary("image transformation")
	section.custom_minimum_size.x = 240.0 * EditorInterface.get_editor_scale()
	section.size.x = section.custom_minimum_size.x
	EditorInterface.get_base_control().add_child(section)
	for frame: int in 3:
		await get_tree().process_frame
	var label: Label = section.find_children("*", "Label", true, false)[0]
	var font_size: int = label.get_theme_font_size(&"font_size")
	var wanted: float = (
		label.get_theme_font(&"font").get_string_size(label.text, label.horizontal_alignment, -1, font_size).x
	)
	check(label.size.x >= wanted, "%s of %s" % [label.size.x, wanted])
	section.free()


func test_a_changed_picture() -> void:
	_view.show_model(_with_card("painter.pt2", {"kind": "image_transformation", "output": {"name": "unit"}}))
	_view.try_picture(_picture())
	await _answered(1)
	check_equal(_shown(MarkedPicture).size(), 1)


func test_the_pitch_of_a_tone() -> void:
	var output: Dictionary = {"name": "hertz", "confidence": "confidence", "silence": 0.001}
	_view.show_model(_with_card("tones.pt2", {"kind": "pitch_detection", "input": {"hop": 512}, "output": output}))
	_view.try_sound(_tone(400.0))
	await _answered(1)
	var words: String = text_of(_view)
	check(words.contains("Median 400 Hz, from 400 Hz to 400 Hz"), words)
	check(words.contains("50 Hz (bottom) to 1,000 Hz (top)"), "the height of the dots is explained: " + words)
	check((_shown(Waveform)[0] as Waveform).curve.size() > 10, "dots")


func test_when_somebody_speaks() -> void:
	var card: Dictionary = {
		"kind": "speech_detection",
		"input": {"name": "sound", "context": 32, "state": "state"},
		"output": {"name": "speech", "state": "state"},
	}
	_view.show_model(_with_card("loudness.pt2", card))
	_view.try_sound(_tone(400.0))
	await _answered(1)
	check(text_of(_view).contains("0.00 s to 0.5"), text_of(_view))


func test_two_voices_have_a_verdict() -> void:
	var card: Dictionary = {"kind": "speaker_embedding", "output": {"name": "voice", "threshold": 0.999}}
	_view.show_model(_with_card("sounds.pt2", card))
	_view.try_sound(_tone(400.0))
	await _answered(1)
	check(text_of(_view).contains("Choose another sound"), text_of(_view))
	_view.try_sound(_tone(400.0))
	await _answered(2)
	check(text_of(_view).contains("The same speaker"), text_of(_view))
	check(text_of(_view).contains("1.000") and not text_of(_view).contains("%"), text_of(_view))
	_view.try_sound(_tone(3000.0))
	await _answered(3)
	check(text_of(_view).contains("Another speaker: the similarity is below 0.999."), text_of(_view))


func _labels_of(bars: ShareBars) -> PackedStringArray:
	var labels: PackedStringArray = []
	for row: Node in bars.find_children("*", "HBoxContainer", true, false):
		labels.append((row.get_child(0) as Label).tooltip_text)
	return labels


func _tone(hertz: float) -> AudioStreamWAV:
	var bytes: PackedByteArray = []
	bytes.resize(RATE)
	for index: int in RATE >> 1:
		bytes.encode_s16(index * 2, roundi(16000.0 * sin(TAU * hertz * index / RATE)))
	var stream: AudioStreamWAV = AudioStreamWAV.new()
	stream.format = AudioStreamWAV.FORMAT_16_BITS
	stream.mix_rate = RATE
	stream.data = bytes
	return stream
