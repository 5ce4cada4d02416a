@tool
extends RefCounted
## Reads untrusted JSON, and writes JSON that strict readers accept.

const MAX_EXACT_INTEGER: float = 9007199254740992.0
const HIGH_BITS: int = -9187201950435737472  # 0x8080808080808080

static var _bare_controls: RegEx = RegEx.create_from_string("[\\x00-\\x1f]")
static var _vertical_tabs: RegEx = RegEx.create_from_string("(?<!\\\\)((?:\\\\\\\\)*)\\\\v")


## Reads UTF-8 JSON. Returns `{value}`, or `{error}` when the bytes are not JSON, or nested deeper than `max_depth`.
## Nothing is printed for hostile bytes.
static func decode(bytes: PackedByteArray, max_depth: int) -> Dictionary:
	if not is_ascii(bytes) and not is_utf8(bytes):
		return {"error": "The text is not UTF-8."}
	if bytes.has(0):
		return {"error": "The text has a NUL character."}
	var text: String = bytes.get_string_from_utf8()
	# Godot's String cannot hold NUL and would print an error for each.
	if text.contains("\\u0000"):
		return {"error": "NUL characters are not supported."}
	var json: JSON = JSON.new()
	if json.parse(text) != OK:
		return {"error": "Not JSON: %s (line %d)" % [json.get_error_message(), json.get_error_line() + 1]}
	if is_deeper_than(json.data, max_depth):
		return {"error": "Nested deeper than %d levels." % max_depth}
	return {"value": json.data}


## Writes compact JSON that strict readers accept: control characters are escaped, NaN is null.
static func encode(value: Variant) -> String:
	var text: String = JSON.stringify(value, "", false)
	# Godot writes \v, which is not a JSON escape, and leaves other control characters as they are.
	if text.contains("\\v"):
		text = _vertical_tabs.sub(text, "$1\\u000b", true)
	if _bare_controls.search(text) != null:
		for code: int in range(1, 0x20):
			text = text.replace(String.chr(code), "\\u%04x" % code)
	return text


## The same value with whole numbers as int (Godot's JSON reads every number as float). Only for a single value.
static func whole_number(value: Variant) -> Variant:
	if value is float:
		var number: float = value
		if is_finite(number) and number == floorf(number) and absf(number) <= MAX_EXACT_INTEGER:
			return int(number)
	return value


static func is_ascii(bytes: PackedByteArray) -> bool:
	var whole: int = bytes.size() & ~7
	var seen: int = 0
	if whole > 0:
		for word: int in bytes.slice(0, whole).to_int64_array():
			seen |= word
	if seen & HIGH_BITS != 0:
		return false
	for index: int in range(whole, bytes.size()):
		if bytes[index] >= 0x80:
			return false
	return true


static func is_utf8(bytes: PackedByteArray) -> bool:
	var index: int = 0
	var size: int = bytes.size()
	while index < size:
		var lead: int = bytes[index]
		index += 1
		if lead < 0x80:
			continue
		var count: int = 1 if lead < 0xE0 else (2 if lead < 0xF0 else 3)
		if lead < 0xC2 or lead > 0xF4 or index + count > size:
			return false
		var second: int = bytes[index]
		if (
			(lead == 0xE0 and second < 0xA0)
			or (lead == 0xED and second > 0x9F)
			or (lead == 0xF0 and second < 0x90)
			or (lead == 0xF4 and second > 0x8F)
		):
			return false
		for offset: int in count:
			if bytes[index + offset] & 0xC0 != 0x80:
				return false
		index += count
	return true


static func is_deeper_than(value: Variant, levels: int) -> bool:
	if value is Dictionary:
		if levels <= 0:
			return true
		var object: Dictionary = value
		for key: Variant in object:
			if typeof(object[key]) >= TYPE_DICTIONARY and is_deeper_than(object[key], levels - 1):
				return true
	elif value is Array:
		if levels <= 0:
			return true
		for item: Variant in value:
			if typeof(item) >= TYPE_DICTIONARY and is_deeper_than(item, levels - 1):
				return true
	return false
