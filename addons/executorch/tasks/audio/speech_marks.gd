@tool
extends RefCounted
## Turns the probabilities of windows into speeches, as silero-vad's get_speech_timestamps does: speech begins at the
## threshold and ends [code]min_silence[/code] after the last window above the threshold minus 0.15.

const TaskCard := preload("../task_card.gd")
const _HYSTERESIS: float = 0.15

# Samples.
var _rate: int
var _hop: int
var _threshold: float
var _quiet: float
var _min_speech: float
var _min_silence: float
var _padding: float
var _place: int = 0
var _start: int = -1
var _possible_end: int = -1
var _is_told: bool = false
# Beginnings and ends without padding.
var _found: Array[Vector2i] = []


func _init(card: TaskCard, rate: int, hop: int) -> void:
	_rate = rate
	_hop = hop
	_threshold = card.number("output", "threshold", 0.5)
	_quiet = maxf(_threshold - _HYSTERESIS, 0.01)
	_min_speech = card.number("output", "min_speech", 0.25) * rate
	_min_silence = card.number("output", "min_silence", 0.1) * rate
	_padding = card.number("output", "padding", 0.03) * rate


## Adds the next window. Returns the beginning of a speech that is long enough now, in seconds; else a negative number.
func add(probability: float) -> float:
	var at: int = _place
	_place += _hop
	if probability >= _threshold:
		_possible_end = -1
		if _start < 0:
			_start = at
			_is_told = false
	if _start < 0:
		return -1.0
	if probability < _quiet:
		_possible_end = at if _possible_end < 0 else _possible_end
		if at - _possible_end >= _min_silence:
			_close(_possible_end)
			return -1.0
	if _is_told or _possible_end >= 0 or _place - _start <= _min_speech:
		return -1.0
	_is_told = true
	var before: float = _found[-1].y + _padding if not _found.is_empty() else 0.0
	return maxf(_start - _padding, before) / _rate


## Ends a speech that has not ended, at the end of the sound.
func finish(length: int) -> void:
	if _start >= 0:
		_close(length)


## The number of speeches that have ended.
func count() -> int:
	return _found.size()


## The speech at an index. Those that follow closely share the silence between them.
func get_speech(index: int, length: int) -> ExecuTorchSpeech:
	var own: Vector2i = _found[index]
	var start: float = own.x - _padding
	if index > 0:
		start = own.x - minf(_padding, (own.x - _found[index - 1].y) / 2.0)
	var end: float = own.y + _padding
	if index + 1 < _found.size():
		end = own.y + minf(_padding, (_found[index + 1].x - own.y) / 2.0)
	return ExecuTorchSpeech.new(maxf(start, 0.0) / _rate, minf(end, length) / _rate)


## Whether somebody speaks, as far as it is known.
func is_speech() -> bool:
	return _start >= 0 and _is_told


func _close(end: int) -> void:
	if end - _start > _min_speech:
		_found.append(Vector2i(_start, end))
	_start = -1
	_possible_end = -1
	_is_told = false
