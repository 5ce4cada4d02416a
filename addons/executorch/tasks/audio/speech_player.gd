@tool
extends RefCounted
## Plays samples of one channel as they come, on a player of Godot.

## Emitted once: when all was heard, or when it ended before that.
signal ended

const WRONG: String = "The speech has no player, or the player is not in the scene tree."
const REMEDY: String = "Give an AudioStreamPlayer, or one of 2D or 3D, that is in the scene tree."
const _BUFFER: float = 0.5  # seconds

var _player: Node
var _playback: AudioStreamGeneratorPlayback
var _waiting: PackedVector2Array = []
var _is_complete: bool = false
var _has_ended: bool = false
var _is_heard: bool = false


## Starts a stream of [param rate] Hz. False for what is not a player.
func begin(player: Node, rate: int) -> bool:
	var is_player: bool = player is AudioStreamPlayer or player is AudioStreamPlayer2D or player is AudioStreamPlayer3D
	if not is_player or not player.is_inside_tree():
		return false
	var stream: AudioStreamGenerator = AudioStreamGenerator.new()
	stream.mix_rate = rate
	stream.buffer_length = _BUFFER
	_player = player
	_player.set("stream", stream)
	_player.call("play")
	_playback = _player.call("get_stream_playback") as AudioStreamGeneratorPlayback
	return _playback != null


func add(samples: PackedFloat32Array) -> void:
	var frames: PackedVector2Array = []
	frames.resize(samples.size())
	for index: int in samples.size():
		var value: float = samples[index] if is_finite(samples[index]) else 0.0
		frames[index] = Vector2(value, value)
	_waiting.append_array(frames)


## No more samples come.
func finish() -> void:
	_is_complete = true


func has_ended() -> bool:
	return _has_ended


## Whether all was heard to its end.
func is_heard() -> bool:
	return _is_heard


## Fills the player's buffer; called in each frame.
func push() -> void:
	if _has_ended:
		return
	if not is_instance_valid(_player) or not _player.is_inside_tree() or not _player.get("playing"):
		_end(false)
		return
	var count: int = mini(_playback.get_frames_available(), _waiting.size())
	if count > 0 and _playback.push_buffer(_waiting.slice(0, count)):
		_waiting = _waiting.slice(count)
	if _is_complete and _waiting.is_empty() and _is_empty():
		_player.call("stop")
		_end(true)


func stop() -> void:
	if not _has_ended and is_instance_valid(_player):
		_player.call("stop")
	_end(false)


# Whether the player has played all that it was given.
func _is_empty() -> bool:
	var stream: AudioStreamGenerator = _player.get("stream") as AudioStreamGenerator
	var room: int = _playback.get_frames_available()
	return stream == null or room >= int(stream.mix_rate * _BUFFER) - 1


func _end(heard: bool) -> void:
	if not _has_ended:
		_has_ended = true
		_is_heard = heard
		ended.emit()
