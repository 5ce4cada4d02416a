@tool
extends RefCounted
## Messages from any thread to the one that empties it.

var _messages: Array = []
var _is_closed: bool = false
var _mutex: Mutex = Mutex.new()


func push(message: Variant) -> void:
	_mutex.lock()
	if not _is_closed:
		_messages.append(message)
	_mutex.unlock()


## Adds all of them, or nothing (false) when another thread has the box: for the frame loop, which must not wait.
func push_all_at_once(messages: Array) -> bool:
	if not _mutex.try_lock():
		return false
	if not _is_closed:
		_messages.append_array(messages)
	_mutex.unlock()
	return true


## Drops what is in it and what comes later: a message may hold what holds the box.
func close() -> void:
	_mutex.lock()
	_is_closed = true
	_messages = []
	_mutex.unlock()


## Takes everything.
func take_all() -> Array:
	_mutex.lock()
	var taken: Array = _swap()
	_mutex.unlock()
	return taken


## Takes everything, or nothing when another thread has the box: for the frame loop, which must not wait.
func take_all_at_once() -> Array:
	if not _mutex.try_lock():
		return []
	var taken: Array = _swap()
	_mutex.unlock()
	return taken


## Takes the oldest, or null.
func take_one() -> Variant:
	_mutex.lock()
	var taken: Variant = null if _messages.is_empty() else _messages.pop_front()
	_mutex.unlock()
	return taken


func size() -> int:
	_mutex.lock()
	var count: int = _messages.size()
	_mutex.unlock()
	return count


## The array that is given away must never be the one that others append to, not even when it is empty.
func _swap() -> Array:
	var taken: Array = _messages
	_messages = []
	return taken
