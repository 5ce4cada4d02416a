@tool
@icon("res://addons/executorch/icons/speech_synthesizer.svg")
class_name ExecuTorchSpeechSynthesizer
extends "res://addons/executorch/tasks/task_node.gd"
## A node that speaks a text.
##
## The model needs a task card of the kind [code]speech_synthesis[/code], and a lexicon that has the phonemes of words.
## [codeblock]
## await $Voice.speak_async("Who goes there?", $AudioStreamPlayer3D)
## $Gate.open()
## [/codeblock]

## Emitted on the main thread when a text was synthesized.
signal synthesized(text: String, sound: AudioStreamWAV)
## Emitted when the lexicon does not have a word, which is spelled then, or left out.
signal word_unknown(word: String)

const Pronunciation := preload("pronunciation.gd")
const SpeechCalls := preload("speech_calls.gd")
const SpeechPlayer := preload("speech_player.gd")
const _KIND: String = "speech_synthesis"

## The phonemes of words: a JSON file with an object such as [code]{"hello": "həlˈO"}[/code]. If it is empty, the task
## card names the file.
@export var lexicon: JSON:
	set(value):
		lexicon = value
		update_configuration_warnings()
## How fast the voice speaks; 1 is its own pace. It has no effect on a model without an input for it.
@export_range(0.25, 4.0, 0.05) var speed: float = 1.0

var _player: SpeechPlayer
var _named_lexicon: JSON
var _lexicon_path: String = ""


func _exit_tree() -> void:
	super._exit_tree()
	stop()


## Returns the sound of a text. Returns [code]null[/code] when it fails, also for a text without phonemes.
func synthesize(text: String) -> AudioStreamWAV:
	var sentences: Array[PackedInt64Array] = _ids_of(text)
	var samples: PackedFloat32Array = []
	for ids: PackedInt64Array in sentences:
		var part: PackedFloat32Array = _spoken(ids)
		if part.is_empty():
			return null
		samples.append_array(part)
	return _sound_of(text, samples)


## Runs [method synthesize] on a worker thread: [code]await $Voice.synthesize_async(text)[/code]. Returns
## [code]null[/code] when it fails, and when the node leaves the tree before the call ends.
func synthesize_async(text: String) -> AudioStreamWAV:
	var sentences: Array[PackedInt64Array] = _ids_of(text)
	var samples: PackedFloat32Array = []
	for ids: PackedInt64Array in sentences:
		var part: PackedFloat32Array = await _spoken_async(ids)
		if part.is_empty():
			return null
		samples.append_array(part)
	return _sound_of(text, samples)


## Plays a text on an [AudioStreamPlayer], [AudioStreamPlayer2D] or [AudioStreamPlayer3D] and returns when it was heard.
## A sentence is played while the next one is computed. A text that is spoken already ends. Returns [code]false[/code]
## when it fails or ends early.
func speak_async(text: String, player: Node) -> bool:
	stop()
	var sentences: Array[PackedInt64Array] = _ids_of(text)
	if sentences.is_empty():
		return false
	var own: SpeechPlayer = SpeechPlayer.new()
	if not own.begin(player, _rate()):
		_tell_error(ExecuTorchError.create(ExecuTorchError.Code.NOT_A_SOUND, SpeechPlayer.WRONG, SpeechPlayer.REMEDY))
		return false
	_player = own
	for ids: PackedInt64Array in sentences:
		var part: PackedFloat32Array = await _spoken_async(ids)
		# The player may have been freed, or another text begun.
		if part.is_empty() or own.has_ended():
			own.stop()
			break
		own.add(part)
	own.finish()
	if not own.has_ended():
		await own.ended
	if own == _player:
		_player = null
	return own.is_heard()


## Returns [code]true[/code] while [method speak_async] computes or plays a text.
func is_speaking() -> bool:
	return _player != null


## Ends what [method speak_async] plays.
func stop() -> void:
	var own: SpeechPlayer = _player
	_player = null
	if own != null:
		own.stop()


## Returns the phonemes of a text, as the lexicon has them; see [signal word_unknown].
func get_phonemes(text: String) -> String:
	var found: ExecuTorchResource = _fitting_model()
	return _phonemes_of(text, TaskCard.new(found)) if found != null else ""


func _process(_delta: float) -> void:
	if _player != null:
		_player.push()


func _find_misfit(of_model: ExecuTorchModelDescription, card: TaskCard) -> ExecuTorchError:
	if card.kind != _KIND:
		return _wrong_kind(of_model, card, "a speech synthesizer", _KIND)
	var has_length: bool = not card.text("input", "length").is_empty()
	for field: String in ["ids", "speed", "frames"] if has_length else ["ids", "speed"]:
		var named: String = card.text("input", field)
		if not named.is_empty() and TaskCard.value_of(of_model, "inputs", named).is_empty():
			return _wrong_task('The model has no input "%s", which the task card names.' % named)
	for named: String in [card.text("input", "length"), card.text("output", "sound")]:
		if not named.is_empty() and not _has_method(of_model, named):
			return _wrong_task('The model has no method "%s", which the task card names.' % named)
	if card.text("input", "ids").is_empty():
		return _wrong_task("The task card names no input for the ids of the symbols.")
	if card.symbols().is_empty():
		return _wrong_task("The task card has no symbols, so the model's ids are not known.")
	return null


static func _has_method(of_model: ExecuTorchModelDescription, wanted: String) -> bool:
	return of_model.metadata.get("methods", []).any(
		func(method: Dictionary) -> bool: return str(method.get("name", "")) == wanted
	)


func _rate() -> int:
	return TaskCard.new(_current_model()).whole("output", "sample_rate", 24000)


# The ids of each part that is spoken at once; empty when it fails.
func _ids_of(text: String) -> Array[PackedInt64Array]:
	var all: Array[PackedInt64Array] = []
	var found: ExecuTorchResource = _fitting_model()
	if found == null:
		return all
	var card: TaskCard = TaskCard.new(found)
	var limits: Vector2i = TaskCard.limits_of(found, card.text("input", "ids"))
	for sentence: String in Pronunciation.sentences_of(text):
		var whole: PackedInt64Array = _numbers_of(_phonemes_of(sentence, card), card)
		if whole.size() <= limits.y:
			all.append(whole)
			continue
		for clause: String in Pronunciation.clauses_of(sentence):
			all.append(_numbers_of(_phonemes_of(clause, card), card))
	all = all.filter(func(ids: PackedInt64Array) -> bool: return ids.size() >= limits.x and _has_sound(ids, card))
	if all.is_empty():
		var cause: String = 'The text "%s" has no phonemes, so there is nothing to speak.' % text.left(40)
		var remedy: String = "Give a text with words of the lexicon."
		_tell_error(ExecuTorchError.create(ExecuTorchError.Code.TEXT_WITHOUT_TOKENS, cause, remedy))
	for ids: PackedInt64Array in all:
		if ids.size() > limits.y:
			_tell_error(SpeechCalls.too_long(ids.size(), limits.y, "symbols"))
			return []
	return all


func _phonemes_of(text: String, card: TaskCard) -> String:
	var words: Dictionary = {}
	var from: JSON = _find_lexicon(card)
	if from != null and from.data is Dictionary:
		words = from.data
	var pronunciation: Pronunciation = Pronunciation.new(words, card.symbols())
	var found: String = pronunciation.of(text)
	for word: String in pronunciation.unknown:
		word_unknown.emit(word)
	return found


func _find_lexicon(card: TaskCard) -> JSON:
	var path: String = card.text("input", "lexicon")
	if lexicon != null or path.is_empty():
		return lexicon
	path = path if path.begins_with("res://") else "res://" + path
	if path != _lexicon_path:
		_lexicon_path = path
		var is_inside: bool = ExecuTorchResource.Files.is_in_project(path)
		_named_lexicon = ResourceLoader.load(path) as JSON if is_inside and ResourceLoader.exists(path) else null
	return _named_lexicon


# The ids of phonemes, with that of the border at both ends. Signs that the model does not know are left out.
static func _numbers_of(phonemes: String, card: TaskCard) -> PackedInt64Array:
	var symbols: Dictionary = card.symbols()
	var border: int = card.whole("input", "border", 0)
	var ids: PackedInt64Array = [border] if border >= 0 else []
	for symbol: String in phonemes:
		if symbols.has(symbol):
			ids.append(int(symbols[symbol]))
	if border >= 0:
		ids.append(border)
	return ids


static func _has_sound(ids: PackedInt64Array, card: TaskCard) -> bool:
	return ids.size() > (2 if card.whole("input", "border", 0) >= 0 else 0)


# The samples of ids; empty when it fails.
func _spoken(ids: PackedInt64Array) -> PackedFloat32Array:
	if not _is_ready():
		return PackedFloat32Array()
	var calls: SpeechCalls = SpeechCalls.new(_current_model(), ids, speed)
	while not calls.get_method().is_empty():
		var outputs: Dictionary = get_session().execute(calls.get_method(), calls.get_inputs())
		calls.take(outputs)
		if outputs.is_empty():
			inference_failed.emit(get_last_error())
	return _samples_of(calls)


func _spoken_async(ids: PackedInt64Array) -> PackedFloat32Array:
	if not _may_submit():
		return PackedFloat32Array()
	var calls: SpeechCalls = SpeechCalls.new(_current_model(), ids, speed)
	while not calls.get_method().is_empty():
		calls.take(await _result_after(get_session().submit(calls.get_inputs(), calls.get_method())))
	return _samples_of(calls)


func _samples_of(calls: SpeechCalls) -> PackedFloat32Array:
	if calls.error != null:
		_tell_error(calls.error)
	return _floats_of(calls.outputs, TaskCard.new(_current_model()).text("output", "name"))


func _sound_of(text: String, samples: PackedFloat32Array) -> AudioStreamWAV:
	if samples.is_empty():
		return null
	var sound: AudioStreamWAV = AudioStreamWAV.new()
	sound.format = AudioStreamWAV.FORMAT_16_BITS
	sound.mix_rate = _rate()
	var data: PackedByteArray = []
	data.resize(samples.size() * 2)
	for index: int in samples.size():
		var value: float = samples[index] if is_finite(samples[index]) else 0.0
		data.encode_s16(index * 2, roundi(clampf(value, -1.0, 1.0) * 32767.0))
	sound.data = data
	_end_decoding()
	synthesized.emit(text, sound)
	return sound
