@tool
extends "res://addons/executorch/tasks/task_node.gd"
## The base of the nodes that hear: whole sounds, sound that a script pushes, and the sound of an audio bus.

const AudioSamples := preload("audio_samples.gd")
const AudioWindows := preload("audio_windows.gd")
const Native := preload("res://addons/executorch/runtime/library/native_library.gd")
# Live sound that may wait for the model, in seconds. What comes on top is dropped.
const _LONGEST_WAIT: int = 10

@export_category("Sound")
## The audio bus that is listened to, for example one with a microphone ([AudioStreamMicrophone]) that is muted. Empty:
## only what [method push_audio] gives is heard. The node adds an [AudioEffectCapture] of its own to the bus.
@export var bus: StringName = &"":
	set(value):
		bus = value
		_release_bus()
		update_configuration_warnings()

var _intake: RefCounted
# The live sound; null before the first samples, and after a failure.
var _live: AudioWindows
var _model_of_live: ExecuTorchResource
var _has_failed: bool = false
var _is_busy: bool = false
var _is_ending: bool = false
# What finish_audio() waits for: an object of its own, so that a script may free the node when it goes on.
var _ending: ExecuTorchCall
var _capture: AudioEffectCapture


func _ready() -> void:
	super._ready()
	set_process(not Engine.is_editor_hint())


func _exit_tree() -> void:
	super._exit_tree()
	_release_bus()
	_is_ending = false
	if _ending != null:
		_ending.end_with({}, null)
	_cancel_windows()


func _process(_delta: float) -> void:
	_take_from_bus()
	if _intake == null or _is_busy or _has_failed:
		return
	if _is_ending or _intake.available() > 0:
		_listen()


func _validate_property(property: Dictionary) -> void:
	if property["name"] == "bus":
		var names: PackedStringArray = []
		for index: int in AudioServer.bus_count:
			names.append(AudioServer.get_bus_name(index))
		property["hint"] = PROPERTY_HINT_ENUM_SUGGESTION
		property["hint_string"] = ",".join(names)


func _get_configuration_warnings() -> PackedStringArray:
	var warnings: PackedStringArray = super._get_configuration_warnings()
	if not bus.is_empty() and AudioServer.get_bus_index(bus) < 0:
		warnings.append('There is no audio bus "%s". Add it in the Audio dock, or choose another one.' % bus)
	return warnings


## Frees the model's memory, cancels asynchronous calls, and forgets the live sound. Emits
## [signal ExecuTorchNode.model_unloaded].
func unload_model() -> void:
	# Windows of one model must not reach the next.
	_cancel_windows()
	if _live != null:
		forget_audio()
	super.unload_model()


## Adds samples to the live sound: a [PackedVector2Array] as [method AudioEffectCapture.get_buffer] returns it, or a
## [PackedFloat32Array] of one channel. [param rate] is in Hz, 8,000 to 192,000; 0 means that of the [AudioServer]. The
## model runs on a worker thread, so this returns at once. Make the first call on the main thread; the others may come
## from one other thread, which never waits. Returns [code]false[/code] when it fails.
func push_audio(samples: Variant, rate: int = 0) -> bool:
	if not _prepare_intake():
		return false
	if not samples is PackedFloat32Array and not samples is PackedVector2Array:
		_tell_error(AudioSamples.not_a_sound(samples))
		return false
	var parts: Array = AudioSamples.frames_of(samples, rate)
	var error: Dictionary = _intake.push(parts[0], parts[1], parts[2])
	if not error.is_empty():
		_tell_error(ExecuTorchError.from_dictionary(error))
	return error.is_empty()


## Ends the live sound and waits until the model has heard it all, or the node leaves the tree. What is pushed
## afterwards is a new sound, whose time begins at 0.
func finish_audio() -> void:
	if _intake == null or _has_failed or not is_inside_tree():
		return
	_intake.finish()
	_is_ending = true
	if _ending == null or _ending.is_finished():
		_ending = ExecuTorchCall.new()
	await _ending.finished


## Forgets the live sound: its samples, its time, and what the network keeps of it.
func forget_audio() -> void:
	_live = null
	_has_failed = false
	_stop_ending()
	if _intake != null:
		_intake.forget()
	_forget_answers()


## Returns how many samples of live sound were dropped, because the model is slower than the sound.
func get_dropped_samples() -> int:
	return _intake.get_dropped() if _intake != null else 0


# A new window of the live sound was heard.
func _hear(_part: AudioWindows.Part, _card: TaskCard) -> void:
	pass


# The live sound is over.
func _hear_end(_sound: AudioWindows) -> void:
	pass


func _forget_answers() -> void:
	pass


# A sound that is complete, cut into windows; null when it fails.
func _windows_of(sound: Variant, rate: int) -> AudioWindows:
	var found: ExecuTorchResource = _fitting_model()
	if found == null:
		return null
	var windows: AudioWindows = AudioWindows.new(found, get_session())
	var samples: Variant = AudioSamples.of(sound, rate, windows.rate)
	if samples is ExecuTorchError:
		_tell_error(samples as ExecuTorchError)
		return null
	windows.add(samples as PackedFloat32Array)
	windows.finish()
	return windows


# Runs the windows that wait; empty when it fails.
func _run(windows: AudioWindows) -> Array[AudioWindows.Part]:
	var none: Array[AudioWindows.Part] = []
	if windows == null or not _is_ready():
		return none
	_end_preparation()
	var done: Array = windows.run()
	_begin_decoding()
	if done[1] != null:
		_tell_error(done[1] as ExecuTorchError)
		return none
	return done[0]


# The same on a worker thread. Empty too when the node leaves the tree meanwhile.
func _run_async(windows: AudioWindows) -> Array[AudioWindows.Part]:
	var none: Array[AudioWindows.Part] = []
	if windows == null:
		return none
	if not _may_submit():
		return none
	_end_preparation()
	var request: ExecuTorchCall = windows.submit()
	if not await _has_ended(request):
		return none
	_begin_decoding()
	if request.get_error() != null:
		inference_failed.emit(request.get_error())
		return none
	return request.result.get("parts", none)


# What does not fit between a model that hears and its card, or null.
static func _find_audio_misfit(of_model: ExecuTorchModelDescription, card: TaskCard, kind: String) -> ExecuTorchError:
	if card.kind != kind:
		return _wrong_kind(of_model, card, "this node", kind)
	for named: String in [card.text("input", "name"), card.text("input", "state"), card.text("input", "rate")]:
		if not named.is_empty() and TaskCard.value_of(of_model, "inputs", named).is_empty():
			return _wrong_task('The model has no input "%s", which the task card names.' % named)
	for named: String in [card.text("output", "name"), card.text("output", "state"), card.text("output", "confidence")]:
		if not named.is_empty() and TaskCard.value_of(of_model, "outputs", named).is_empty():
			return _wrong_task('The model has no output "%s", which the task card names.' % named)
	if card.text("input", "state").is_empty() != card.text("output", "state").is_empty():
		return _wrong_task("The task card names the network's state on one side only.")
	return _find_size_misfit(of_model, card)


static func _find_size_misfit(of_model: ExecuTorchModelDescription, card: TaskCard) -> ExecuTorchError:
	var entry: Dictionary = TaskCard.value_of(of_model, "inputs", card.text("input", "name"))
	var shape: PackedInt64Array = TaskCard.shape_of(of_model, "inputs", card.text("input", "name"))
	var others: Array = Array(shape).slice(0, -1)
	if shape.is_empty() or others.any(func(size: int) -> bool: return size != 1):
		return _wrong_task("The input has the shape %s; a sound has one channel, [1, samples]." % [shape])
	var window: int = AudioWindows.window_of(of_model, card)
	var wanted: int = window + card.whole("input", "context", 0)
	var ranges: Variant = entry.get("ranges")
	var least: int = 1 if entry.get("dynamic", false) else shape[-1]
	if ranges is Array and (ranges as Array).size() == shape.size():
		var last: Array = Array(ranges[-1])
		least = last[0] if last.size() == 2 else least
	if window < 1 or wanted > shape[-1] or wanted < least:
		return _wrong_task("The input takes %d to %d samples, and the task card gives %d." % [least, shape[-1], wanted])
	return null


# Where live sound waits for the model. A failure is told once, not with every block of samples.
func _prepare_intake() -> bool:
	var current: ExecuTorchResource = _current_model()
	if current != null and current == _model_of_live:
		return _intake != null and not _has_failed
	_live = null
	_intake = null
	_forget_answers()
	_model_of_live = current
	var found: ExecuTorchResource = _fitting_model()
	if found == null:
		return false
	_model_of_live = found
	_has_failed = false
	var rate: int = AudioWindows.new(found, get_session()).rate
	var intake: RefCounted = Native.create_audio_intake()
	var error: Dictionary = {}
	if intake == null:
		error = Native.missing_error().to_dictionary()
	else:
		error = intake.begin(rate, rate * _LONGEST_WAIT)
	if not error.is_empty():
		_tell_error(ExecuTorchError.from_dictionary(error))
		return false
	_intake = intake
	return true


# Runs the model on the live sound that has come.
func _listen() -> void:
	_is_busy = true
	var ends: bool = _is_ending
	if _live == null:
		_live = AudioWindows.new(_model_of_live, get_session())
	var live: AudioWindows = _live
	_begin_preparation()
	live.add(_intake.read(_intake.available()) as PackedFloat32Array)
	if ends:
		live.finish()
	var heard: Array[AudioWindows.Part] = []
	var is_asked: bool = live.is_waiting()
	if is_asked:
		heard = await _run_async(live)
	_is_busy = false
	if live == _live and is_asked and heard.is_empty():
		_live = null
		_stop_ending()
		# Not when the node has only left the tree.
		_has_failed = is_inside_tree()
	var card: TaskCard = TaskCard.new(_model_of_live)
	for part: AudioWindows.Part in heard:
		# A listener may have called forget_audio().
		if live == _live:
			_hear(part, card)
	if is_asked:
		_end_decoding()
	if ends and live == _live:
		_hear_end(live)
		_live = null
		_stop_ending()


func _stop_ending() -> void:
	_is_ending = false
	if _ending != null:
		# A static function, because a Callable does not keep its object alive and its arguments do.
		_end.call_deferred(_ending)
		_ending = null


static func _end(ending: ExecuTorchCall) -> void:
	ending.end_with({}, null)


func _cancel_windows() -> void:
	for request: ExecuTorchCall in _calls.duplicate():
		request.cancel()


func _take_from_bus() -> void:
	if bus.is_empty():
		return
	if _capture == null:
		var index: int = AudioServer.get_bus_index(bus)
		if index < 0:
			return
		_capture = AudioEffectCapture.new()
		# A slow frame must not cost samples.
		_capture.buffer_length = 1.0
		AudioServer.add_bus_effect(index, _capture)
	var count: int = _capture.get_frames_available()
	if count > 0:
		push_audio(_capture.get_buffer(count))


func _release_bus() -> void:
	if _capture == null:
		return
	for index: int in AudioServer.bus_count:
		for effect: int in range(AudioServer.get_bus_effect_count(index) - 1, -1, -1):
			if AudioServer.get_bus_effect(index, effect) == _capture:
				AudioServer.remove_bus_effect(index, effect)
	_capture = null
