@tool
class_name ExecuTorchMCPCall
extends RefCounted
## One running call of a tool, a prompt or a resource, as its Callable sees it (second argument).
## Safe to use on the thread that runs the Callable.

signal inputs_arrived

const DEFAULT_INPUT_SECONDS: float = 300.0
const LEVELS: PackedStringArray = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
const JsonRpc = preload("json_rpc.gd")
const Mailbox = preload("mailbox.gd")

## What the client declared it can do, e.g. `{"sampling": {}}`.
var client_capabilities: Dictionary = {}
var client_info: Dictionary = {}
## Kept between the rounds of one request (see `request_inputs`); JSON values. The client carries it, signed.
var state: Dictionary = {}

# The rest is the server's side of the call.
var registered_name: String = ""
var arguments: Dictionary = {}
var progress_token: Variant = null
## Empty = the client wants no log messages.
var log_level: String = ""
## Revision 2026-07-28: inputs are asked for by answering, not by a request of our own.
var is_stateless: bool = true
var is_threaded: bool = false
## Answers to input requests, by key.
var responses: Dictionary = {}
## Input requests that the answer to this round must carry.
var pending_inputs: Dictionary = {}
## Protocol error that the callable asked for.
var failure: Dictionary = {}
var outbox: Mailbox = null
var exchange: RefCounted = null

var _progress: float = -INF
var _cancelled: bool = false
var _mutex: Mutex = Mutex.new()
var _arrived: Semaphore = Semaphore.new()


## Tells the client how far the call is. `progress` must grow; `total` 0 = unknown.
func report_progress(progress: float, total: float = 0.0, message: String = "") -> void:
	if progress_token == null or progress <= _progress:
		return
	_progress = progress
	var params: Dictionary = {"progressToken": progress_token, "progress": progress}
	if total > 0.0:
		params["total"] = total
	if not message.is_empty():
		params["message"] = message
	_tell("notifications/progress", params)


## Sends a log message, when the client wants this level. `data` is a JSON value; never put secrets in it.
func log_message(level: String, data: Variant, logger: String = "") -> void:
	if log_level.is_empty() or LEVELS.find(level) < LEVELS.find(log_level):
		return
	var params: Dictionary = {"level": level, "data": data}
	if not logger.is_empty():
		params["logger"] = logger
	_tell("notifications/message", params)


## True when the client no longer waits, or the time limit passed: a long call should then return.
func is_cancelled() -> bool:
	_mutex.lock()
	var cancelled: bool = _cancelled
	_mutex.unlock()
	return cancelled


## Whether the client declared `elicitation`, `sampling` or `roots`.
func client_supports(capability: String) -> bool:
	return client_capabilities.has(capability)


## Asks the client (its user, its language model) for input: `{key: {"method", "params"}}`, see `elicitation`,
## `sampling` and `roots`. Await it. Returns the answers by key; an empty Dictionary means that there is no answer in
## this round, and the callable must return at once (`return null`): with revision 2026-07-28 the client calls again,
## the callable runs from its beginning, and this returns the answers. Code before it must be safe to repeat.
func request_inputs(requests: Dictionary) -> Dictionary:
	if _has_all(requests):
		return _picked(requests)
	var missing: Dictionary = _missing_capabilities(requests)
	if not missing.is_empty():
		var names: String = ", ".join(PackedStringArray(missing.keys()))
		var data: Dictionary = {"requiredCapabilities": missing}
		fail(JsonRpc.MISSING_CLIENT_CAPABILITY, "The client must support: " + names, data)
		return {}
	if is_stateless:
		for key: String in requests:
			if not responses.has(key):
				pending_inputs[key] = requests[key]
		return {}
	outbox.push({"kind": "inputs", "call": self, "requests": requests})
	if is_threaded:
		_arrived.wait()
	else:
		await inputs_arrived
	return _picked(requests) if _has_all(requests) else {}


## An input request: a form for the user. `requested_schema` is a flat JSON Schema object. The answer is
## `{"action": "accept" | "decline" | "cancel", "content": {...}}`.
func elicitation(message: String, requested_schema: Dictionary) -> Dictionary:
	return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": requested_schema}}


## An input request: the client's language model answers `prompt`. The answer has `content`, `model`, `role`.
func sampling(prompt: String, max_tokens: int = 256) -> Dictionary:
	var message: Dictionary = {"role": "user", "content": {"type": "text", "text": prompt}}
	return {"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": max_tokens}}


## An input request: the client's folders. The answer has `roots`.
func roots() -> Dictionary:
	return {"method": "roots/list", "params": {}}


## A result that says that the tool failed, with a text that a language model can act on. Return it.
func error_result(message: String) -> Dictionary:
	return {"content": [{"type": "text", "text": message}], "isError": true}


## Answers with a JSON-RPC error instead of a result.
func fail(code: int, message: String, data: Variant = null) -> void:
	failure = {"code": code, "message": message, "data": data}


## Ends the response early; a client with a session fetches the rest later (its event stream can be resumed).
func close_stream() -> void:
	outbox.push({"kind": "detach", "call": self})


## The server's side: the client is gone or waited long enough.
func cancel() -> void:
	_mutex.lock()
	_cancelled = true
	_mutex.unlock()
	release()


## The server's side: wakes a callable that waits for input.
func release() -> void:
	if is_threaded:
		_arrived.post()
	else:
		emit_signal.call_deferred(&"inputs_arrived")


func _tell(method: String, params: Dictionary) -> void:
	outbox.push({"kind": "notify", "call": self, "message": JsonRpc.notice(method, params)})


func _has_all(requests: Dictionary) -> bool:
	for key: String in requests:
		if not responses.has(key):
			return false
	return true


func _picked(requests: Dictionary) -> Dictionary:
	var picked: Dictionary = {}
	for key: String in requests:
		picked[key] = responses[key]
	return picked


func _missing_capabilities(requests: Dictionary) -> Dictionary:
	var missing: Dictionary = {}
	for key: String in requests:
		var capability: String = str(requests[key].get("method", "")).get_slice("/", 0)
		if not client_supports(capability):
			missing[capability] = {}
	return missing
