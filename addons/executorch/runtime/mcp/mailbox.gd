@tool
extends RefCounted
## Messages from any thread to the one that empties it.

var _messages: Array = []
var _mutex: Mutex = Mutex.new()


func push(message: Variant) -> void:
	_mutex.lock()
	_messages.append(message)
	_mutex.unlock()


## Takes everything.
func take_all() -> Array:
	_mutex.lock()
	var taken: Array = _messages
	if not taken.is_empty():
		_messages = []
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
