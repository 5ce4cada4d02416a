@tool
extends RefCounted
## Converts the return values of callables to MCP results.

const JsonText = preload("../json/json_text.gd")


## A tool's result: a String is text, an Image is a picture, a Dictionary with a `content` Array is taken as it is, any
## other Dictionary is structured content, null is nothing, and everything else is its JSON text.
static func tool_result(value: Variant) -> Dictionary:
	if value == null:
		return {"content": []}
	if value is Dictionary:
		var object: Dictionary = value
		if object.get("content") is Array:
			return object
		return {"content": [text(JsonText.encode(plain(object)))], "structuredContent": plain(object)}
	return {"content": [content(value)]}


## A prompt's result: a String is one message of the user; an Array is messages; a Dictionary is taken as it is.
static func prompt_result(value: Variant, description: String) -> Dictionary:
	var result: Dictionary = {"messages": []}
	if value is Dictionary and value.has("messages"):
		result = value.duplicate()
	elif value is Array:
		result["messages"] = value
	elif value != null:
		result["messages"] = [{"role": "user", "content": content(value)}]
	if not description.is_empty() and not result.has("description"):
		result["description"] = description
	return result


## A resource's result: a String is text, bytes and pictures are a blob, everything else is JSON text.
static func resource_result(value: Variant, uri: String, mime_type: String) -> Dictionary:
	if value is Dictionary and value.get("contents") is Array:
		return value
	var entry: Dictionary = {"uri": uri}
	if value is PackedByteArray:
		entry["mimeType"] = mime_type if not mime_type.is_empty() else "application/octet-stream"
		entry["blob"] = Marshalls.raw_to_base64(value)
	elif value is Image:
		var image: Image = value
		entry["mimeType"] = "image/png"
		entry["blob"] = Marshalls.raw_to_base64(image.save_png_to_buffer())
	elif value is String:
		entry["mimeType"] = mime_type if not mime_type.is_empty() else "text/plain"
		entry["text"] = value
	else:
		entry["mimeType"] = mime_type if not mime_type.is_empty() else "application/json"
		entry["text"] = JsonText.encode(plain(value))
	return {"contents": [entry]}


static func text(message: String) -> Dictionary:
	return {"type": "text", "text": message}


static func content(value: Variant) -> Dictionary:
	if value is Image:
		var image: Image = value
		var data: String = Marshalls.raw_to_base64(image.save_png_to_buffer())
		return {"type": "image", "data": data, "mimeType": "image/png"}
	if value is Dictionary and value.get("type") is String:
		return value
	return text(value if value is String else JsonText.encode(plain(value)))


## The value with everything that JSON has no form for turned into numbers, arrays and text.
static func plain(value: Variant) -> Variant:
	match typeof(value):
		TYPE_NIL, TYPE_BOOL, TYPE_INT, TYPE_STRING:
			return value
		TYPE_FLOAT:
			return value if is_finite(value) else null
		TYPE_DICTIONARY:
			var object: Dictionary = {}
			for key: Variant in value:
				object[str(key)] = plain(value[key])
			return object
		TYPE_ARRAY:
			var items: Array = []
			for item: Variant in value:
				items.append(plain(item))
			return items
		TYPE_PACKED_FLOAT32_ARRAY, TYPE_PACKED_FLOAT64_ARRAY:
			return _finite(value)
		TYPE_PACKED_BYTE_ARRAY, TYPE_PACKED_INT32_ARRAY, TYPE_PACKED_INT64_ARRAY, TYPE_PACKED_STRING_ARRAY:
			return Array(value)
		TYPE_VECTOR2, TYPE_VECTOR2I:
			return [value.x, value.y]
		TYPE_VECTOR3, TYPE_VECTOR3I:
			return [value.x, value.y, value.z]
		TYPE_VECTOR4, TYPE_VECTOR4I, TYPE_QUATERNION:
			return [value.x, value.y, value.z, value.w]
		TYPE_COLOR:
			return [value.r, value.g, value.b, value.a]
	return str(value)


static func _finite(numbers: Variant) -> Array:
	var items: Array = []
	for number: Variant in numbers:
		items.append(number if is_finite(number) else null)
	return items
