@tool
extends RefCounted
## JSON-RPC 2.0 messages, as MCP restricts them: an id is a string or a whole number, never null; no batches.

enum Kind { INVALID, REQUEST, NOTIFICATION, RESPONSE }

const PARSE_ERROR: int = -32700
const INVALID_REQUEST: int = -32600
const METHOD_NOT_FOUND: int = -32601
const INVALID_PARAMS: int = -32602
const INTERNAL_ERROR: int = -32603
## MCP until 2025-11-25; later revisions say INVALID_PARAMS.
const RESOURCE_NOT_FOUND: int = -32002
const HEADER_MISMATCH: int = -32020
const MISSING_CLIENT_CAPABILITY: int = -32021
const UNSUPPORTED_PROTOCOL_VERSION: int = -32022

const JsonText = preload("json_text.gd")


## The kind of a decoded message. Ids and progress tokens that are whole numbers become int in place.
static func classify(message: Variant) -> Kind:
	if not message is Dictionary:
		return Kind.INVALID
	var object: Dictionary = message
	var version: Variant = object.get("jsonrpc")
	if not version is String or version != "2.0":
		return Kind.INVALID
	if object.has("params") and not object["params"] is Dictionary:
		return Kind.INVALID
	if object.has("id"):
		object["id"] = JsonText.whole_number(object["id"])
		if not is_id(object["id"]):
			return Kind.INVALID
	if object.has("method"):
		if not object["method"] is String or object.has("result") or object.has("error"):
			return Kind.INVALID
		return Kind.REQUEST if object.has("id") else Kind.NOTIFICATION
	if object.has("id") and object.has("result") != object.has("error"):
		return Kind.RESPONSE
	return Kind.INVALID


static func is_id(value: Variant) -> bool:
	return value is int or value is String


static func result(id: Variant, value: Dictionary) -> Dictionary:
	return {"jsonrpc": "2.0", "id": id, "result": value}


## `id` is null when the request's id could not be read.
static func error(id: Variant, code: int, message: String, data: Variant = null) -> Dictionary:
	var body: Dictionary = {"code": code, "message": message}
	if data != null:
		body["data"] = data
	return {"jsonrpc": "2.0", "id": id, "error": body}


static func request(id: Variant, method: String, params: Dictionary) -> Dictionary:
	return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


static func notice(method: String, params: Dictionary = {}) -> Dictionary:
	if params.is_empty():
		return {"jsonrpc": "2.0", "method": method}
	return {"jsonrpc": "2.0", "method": method, "params": params}
