@tool
extends RefCounted
## Revision 2026-07-28: HTTP headers repeat parts of the body, and must match it.

const NAMED: Dictionary[String, String] = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
const HttpRequest = preload("../http/http_request.gd")
const JsonText = preload("../json/json_text.gd")

static var _wrapped: RegEx = RegEx.create_from_string("^=\\?base64\\?(.*)\\?=$")
static var _base64: RegEx = RegEx.create_from_string("^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$")
static var _decimal: RegEx = RegEx.create_from_string("^-?[0-9]+(?:\\.0+)?$")


## Describes the first mismatch; "" when all headers match.
static func mismatch(request: HttpRequest, version: Variant, method: String, params: Dictionary) -> String:
	for name: String in ["mcp-protocol-version", "mcp-method", "mcp-name"]:
		if request.repeated.has(name):
			return "Header %s was sent more than once." % name
	if not request.headers.has("mcp-protocol-version"):
		return "Header MCP-Protocol-Version is missing."
	if not version is String or request.header("mcp-protocol-version") != version:
		return "Header MCP-Protocol-Version is not the version in _meta."
	if request.header("mcp-method") != method:
		return "Header Mcp-Method is missing or is not the method in the body."
	if NAMED.has(method):
		var expected: Variant = params.get(NAMED[method])
		if expected is String and decode(request.headers.get("mcp-name", null)) != expected:
			return "Header Mcp-Name is missing or is not '%s' in the body." % NAMED[method]
	return ""


## The same for the arguments that a tool's schema marks with `x-mcp-header`.
static func argument_mismatch(request: HttpRequest, schema: Dictionary, arguments: Dictionary) -> String:
	var properties: Variant = schema.get("properties")
	if not properties is Dictionary:
		return ""
	for key: Variant in properties:
		var property: Variant = properties[key]
		if not property is Dictionary:
			continue
		if property.get("x-mcp-header") is String:
			var said: String = _check_argument(request, property, str(key), arguments.get(key))
			if not said.is_empty():
				return said
		elif property.has("properties"):
			var inner: Variant = arguments.get(key)
			var nested: String = argument_mismatch(request, property, inner if inner is Dictionary else {})
			if not nested.is_empty():
				return nested
	return ""


## A header's value without its base64 wrapping; null when it is missing or badly wrapped.
static func decode(value: Variant) -> Variant:
	if not value is String:
		return null
	var found: RegExMatch = _wrapped.search(value)
	if found == null:
		return value
	var payload: String = found.get_string(1)
	if _base64.search(payload) == null:
		return null
	var bytes: PackedByteArray = Marshalls.base64_to_raw(payload) if not payload.is_empty() else PackedByteArray()
	if bytes.has(0) or not JsonText.is_utf8(bytes) or Marshalls.raw_to_base64(bytes) != payload:
		return null
	return bytes.get_string_from_utf8()


static func _check_argument(request: HttpRequest, property: Dictionary, key: String, value: Variant) -> String:
	var header: String = "Mcp-Param-" + str(property["x-mcp-header"])
	var name: String = header.to_lower()
	if request.repeated.has(name):
		return "Header %s was sent more than once." % header
	if value == null:
		return "" if not request.headers.has(name) else "Header %s has no argument '%s' in the body." % [header, key]
	if not request.headers.has(name):
		return "Header %s is missing; the body has the argument '%s'." % [header, key]
	var given: Variant = decode(request.headers[name])
	if given == null:
		return "Header %s has bad base64." % header
	if not _is_same(str(property.get("type", "")), value, given):
		return "Header %s is not the argument '%s' of the body." % [header, key]
	return ""


static func _is_same(type: String, value: Variant, given: String) -> bool:
	if value is bool:
		return given == ("true" if value else "false")
	if value is float or value is int:
		if type == "integer":
			return _decimal.search(given) != null and given.get_slice(".", 0).to_int() == int(value)
		return given.is_valid_float() and given.to_float() == float(value)
	return value is String and given == value
