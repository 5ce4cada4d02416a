@tool
extends RefCounted
## Reads a mailbox from the frame loop: one message after another, without ever waiting.

const Mailbox = preload("mailbox.gd")

var _mailbox: Mailbox = null
var _taken: Array = []
var _next: int = 0


func _init(mailbox: Mailbox) -> void:
	_mailbox = mailbox


## The oldest message; null when there is none or another thread uses the mailbox.
func take_one() -> Variant:
	if _next == _taken.size():
		var taken: Array = _mailbox.exchange_at_once(_taken)
		if is_same(taken, _taken):
			return null
		_taken = taken
		_next = 0
	if _taken.is_empty():
		return null
	_next += 1
	return _taken[_next - 1]


## Drops the messages that wait.
func clear() -> void:
	_taken = []
	_next = 0
	_mailbox.take_all()
