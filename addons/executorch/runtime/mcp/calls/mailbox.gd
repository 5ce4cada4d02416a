@tool
extends RefCounted
## Passes messages from any thread to the one that empties it.
##
## The frame loop must never wait. Its own functions do nothing while another thread uses the mailbox, and it returns
## the messages that it has read, so that the sending threads free them: glibc's allocator makes a thread wait that
## frees memory of another thread.

var _messages: Array = []
# Messages that the frame loop sent, until they are taken.
var _batch: Array = []
# Messages that the frame loop has read, until another thread frees them.
var _used: Array = []
var _is_closed: bool = false
var _mutex: Mutex = Mutex.new()


func push(message: Variant) -> void:
	_mutex.lock()
	_free_used()
	if not _is_closed:
		_messages.append(message)
	_mutex.unlock()


## Drops all messages, also later ones: a message may refer to an object that refers to the mailbox.
func close() -> void:
	_mutex.lock()
	_is_closed = true
	_free_used()
	_messages = []
	_batch = []
	_mutex.unlock()


## Takes all messages.
func take_all() -> Array:
	_mutex.lock()
	_free_used()
	var taken: Array = _swap()
	taken.append_array(_batch)
	_batch = []
	_mutex.unlock()
	return taken


## Takes the oldest message, or null.
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


## For the frame loop: sends `messages`. Returns false, and sends none, when another thread uses the mailbox or the last
## ones were not taken yet.
func send_at_once(messages: Array) -> bool:
	if not _mutex.try_lock():
		return false
	var is_free: bool = _batch.is_empty()
	if is_free and not _is_closed:
		_batch = messages
	_mutex.unlock()
	return is_free


## For the frame loop: returns `used` and takes all messages; the result is `used` itself when another thread uses the
## mailbox.
func exchange_at_once(used: Array) -> Array:
	if not _mutex.try_lock():
		return used
	var taken: Array = _swap()
	# No message was sent since the last time: keep the earlier array, and drop an empty one.
	if _used.is_empty():
		_used = used
	elif not used.is_empty():
		_used.append(used)
	_mutex.unlock()
	return taken


func _free_used() -> void:
	if not _used.is_empty():
		_used = []


## The array that is returned must never be the one that others append to, not even when it is empty.
func _swap() -> Array:
	var taken: Array = _messages
	_messages = []
	return taken
