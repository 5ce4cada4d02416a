@tool
class_name ExecuTorchMCPCall
extends "res://addons/executorch/runtime/mcp/calls/running_call.gd"
## A running call of a tool, a prompt or a resource of an [ExecuTorchMCPServer]. It is the second argument of the
## [Callable] that was added, and may be used on the thread that runs it.

const DEFAULT_INPUT_SECONDS: float = 300.0
const LEVELS: PackedStringArray = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
const JsonRpc = preload("../json/json_rpc.gd")

## The capabilities that the client declared, for example [code]{"sampling": {}}[/code].
var client_capabilities: Dictionary = {}
## The client's name and version.
var client_info: Dictionary = {}
## JSON values that are kept when the client repeats its request with answers; see [method request_inputs]. The client
## stores them, signed.
var state: Dictionary = {}

var _progress: float = -INF


## Reports progress to the client. [param progress] must increase with each report. If [param total] is 0, it is
## unknown.
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


## Sends a log message, if the client requested this level. [param data] is a JSON value. It must not contain secrets.
func log_message(level: String, data: Variant, logger: String = "") -> void:
	if log_level.is_empty() or LEVELS.find(level) < LEVELS.find(log_level):
		return
	var params: Dictionary = {"level": level, "data": data}
	if not logger.is_empty():
		params["logger"] = logger
	_tell("notifications/message", params)


## Returns [code]true[/code] if the client cancelled the call or its time limit has passed. A long call should then
## return.
func is_cancelled() -> bool:
	_mutex.lock()
	var cancelled: bool = _cancelled
	_mutex.unlock()
	return cancelled


## Returns [code]true[/code] if the client declared [param capability]: [code]"elicitation"[/code],
## [code]"sampling"[/code] or [code]"roots"[/code].
func client_supports(capability: String) -> bool:
	return client_capabilities.has(capability)


## Asks the client for input, and must be awaited. [param requests] maps keys to the results of [method elicitation],
## [method sampling] and [method roots]. Returns the answers by their keys.[br][br]
## If the result is empty, there is no answer yet, and the callable must return [code]null[/code] at once. With revision
## 2026-07-28 the client then calls again, the callable runs from its beginning, and this method returns the answers.
## The code before it runs twice.
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


## Returns an input request that shows a form to the user; see [method request_inputs]. [param requested_schema] is a
## flat JSON Schema object. The answer is [code]{"action": "accept", "content": {...}}[/code]; the action may also be
## [code]"decline"[/code] or [code]"cancel"[/code].
func elicitation(message: String, requested_schema: Dictionary) -> Dictionary:
	return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": requested_schema}}


## Returns an input request that the client's language model answers; see [method request_inputs]. The answer has
## [code]content[/code], [code]model[/code] and [code]role[/code].
func sampling(prompt: String, max_tokens: int = 256) -> Dictionary:
	var message: Dictionary = {"role": "user", "content": {"type": "text", "text": prompt}}
	return {"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": max_tokens}}


## Returns an input request for the client's folders; see [method request_inputs]. The answer has [code]roots[/code].
func roots() -> Dictionary:
	return {"method": "roots/list", "params": {}}


## Returns the result of a tool that failed, with a message for the client's language model.
func error_result(message: String) -> Dictionary:
	return {"content": [{"type": "text", "text": message}], "isError": true}


## Makes the call end with a JSON-RPC error in place of a result.
func fail(code: int, message: String, data: Variant = null) -> void:
	failure = {"code": code, "message": message, "data": data}


## Ends the response early. A client with a session can resume its event stream later and get the rest.
func close_stream() -> void:
	outbox.push({"kind": "detach", "call": self})


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
