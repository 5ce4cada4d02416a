@tool
extends RefCounted
## Messages from any thread to the one that empties it.
##
## The frame loop must never wait: it has functions of its own, which do nothing while another thread has the box. What
## it was given it gives back to be let go by those who send, because glibc's allocator makes a thread wait that frees
## what another one allocated.

var _messages: Array = []
# What the frame loop sent at once, until it is taken.
var _batch: Array = []
# What the frame loop has used, until somebody else lets it go.
var _used: Array = []
var _is_closed: bool = false
var _mutex: Mutex = Mutex.new()


func push(message: Variant) -> void:
	_mutex.lock()
	_let_go()
	if not _is_closed:
		_messages.append(message)
	_mutex.unlock()


## Drops what is in it and what comes later: a message may hold what holds the box.
func close() -> void:
	_mutex.lock()
	_is_closed = true
	_let_go()
	_messages = []
	_batch = []
	_mutex.unlock()


## Takes everything.
func take_all() -> Array:
	_mutex.lock()
	_let_go()
	var taken: Array = _swap()
	taken.append_array(_batch)
	_batch = []
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


## For the frame loop: takes `messages` over, or nothing (false) when the box is not free or still has the last ones.
func send_at_once(messages: Array) -> bool:
	if not _mutex.try_lock():
		return false
	var is_free: bool = _batch.is_empty()
	if is_free and not _is_closed:
		_batch = messages
	_mutex.unlock()
	return is_free


## For the frame loop: gives `used` back and takes everything, or returns `used` itself when the box is not free.
func exchange_at_once(used: Array) -> Array:
	if not _mutex.try_lock():
		return used
	var taken: Array = _swap()
	# Nobody sent since the last time: keep what is there already, and let an empty one go.
	if _used.is_empty():
		_used = used
	elif not used.is_empty():
		_used.append(used)
	_mutex.unlock()
	return taken


func _let_go() -> void:
	if not _used.is_empty():
		_used = []


## The array that is given away must never be the one that others append to, not even when it is empty.
func _swap() -> Array:
	var taken: Array = _messages
	_messages = []
	return taken
