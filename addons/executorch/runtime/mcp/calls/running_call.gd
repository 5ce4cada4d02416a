@tool
extends RefCounted
## Internal part of ExecuTorchMCPCall: the server's side of a running call.

signal inputs_arrived

const Mailbox = preload("mailbox.gd")

var registered_name: String = ""
var arguments: Dictionary = {}
var progress_token: Variant = null
## Empty = the client does not want log messages.
var log_level: String = ""
## Revision 2026-07-28: the result of the call asks for inputs, in place of a request of the server.
var is_stateless: bool = true
var is_threaded: bool = false
## Answers to input requests, by key.
var responses: Dictionary = {}
## Input requests that the answer to this round must carry.
var pending_inputs: Dictionary = {}
## The protocol error that the callable set.
var failure: Dictionary = {}
var outbox: Mailbox = null
var exchange: RefCounted = null

var _cancelled: bool = false
var _mutex: Mutex = Mutex.new()
var _arrived: Semaphore = Semaphore.new()


## The client has disconnected, or the time limit has passed.
func cancel() -> void:
	_mutex.lock()
	_cancelled = true
	_mutex.unlock()
	release()


## Wakes a callable that waits for input.
func release() -> void:
	if is_threaded:
		_arrived.post()
	else:
		inputs_arrived.emit.call_deferred()
