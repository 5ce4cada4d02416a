@tool
extends RefCounted
## Validates values against JSON Schema 2020-12: every assertion and applicator but `unevaluated*` and `$dynamicRef`;
## `format` is not asserted; `$ref` stays inside the schema. Packed arrays count as arrays.

const MAX_DEPTH: int = 64
const MAX_STEPS: int = 300000
const DIALECT: String = "https://json-schema.org/draft/2020-12/schema"
const _BOUNDS: Dictionary[String, String] = {
	"minimum": "at least",
	"maximum": "at most",
	"exclusiveMinimum": "more than",
	"exclusiveMaximum": "less than",
	"multipleOf": "a multiple of",
}
const JsonSchema = preload("json_schema.gd")

var _root: Dictionary = {}
var _steps: int = 0
var _patterns: Dictionary[String, RegEx] = {}


## Describes the first error with its place (`/inputs/0: expected number, got string`), or "" when the value fits.
## Numbers become int in place where the schema has `integer`.
static func validate(schema: Dictionary, value: Variant) -> String:
	var validator: JsonSchema = JsonSchema.new()
	validator._root = schema
	var dialect: String = str(schema.get("$schema", DIALECT)).trim_suffix("#")
	if dialect != DIALECT:
		return "The schema's dialect %s is not supported." % dialect
	return validator._check(schema, value, "", 0)


func _check(schema: Variant, value: Variant, at: String, depth: int) -> String:
	_steps += 1
	if depth > MAX_DEPTH or _steps > MAX_STEPS:
		return "%s: the schema is too costly to check" % _place(at)
	if schema is bool:
		return "" if schema else "%s: not allowed" % _place(at)
	if not schema is Dictionary:
		return "%s: the schema is broken" % _place(at)
	var rules: Dictionary = schema
	var said: String = _check_identity(rules, value, at)
	if said.is_empty():
		said = _check_combinations(rules, value, at, depth)
	if said.is_empty():
		if value is Dictionary:
			said = _check_object(rules, value, at, depth)
		elif _is_array(value):
			said = _check_array(rules, value, at, depth)
		elif value is String:
			said = _check_string(rules, value, at)
		elif value is int or value is float:
			said = _check_number(rules, value, at)
	return said


func _check_identity(rules: Dictionary, value: Variant, at: String) -> String:
	if rules.has("type") and not _has_type(rules["type"], value):
		return "%s: expected %s, got %s" % [_place(at), _words(rules["type"]), type_name(value)]
	if rules.has("enum") and not _contains(rules["enum"], value):
		return "%s: expected one of %s" % [_place(at), JSON.stringify(rules["enum"])]
	if rules.has("const") and not _equal(rules["const"], value):
		return "%s: expected %s" % [_place(at), JSON.stringify(rules["const"])]
	return ""


func _check_combinations(rules: Dictionary, value: Variant, at: String, depth: int) -> String:
	var said: String = ""
	if rules.has("$ref"):
		var target: Variant = _resolve(str(rules["$ref"]))
		if target == null:
			return "%s: the schema's reference %s cannot be resolved" % [_place(at), rules["$ref"]]
		said = _check(target, value, at, depth + 1)
	for part: Variant in rules.get("allOf", []):
		if said.is_empty():
			said = _check(part, value, at, depth + 1)
	if said.is_empty() and rules.has("anyOf") and _count(rules["anyOf"], value, at, depth) == 0:
		said = "%s: fits none of the allowed forms" % _place(at)
	if said.is_empty() and rules.has("oneOf") and _count(rules["oneOf"], value, at, depth) != 1:
		said = "%s: must fit exactly one of the allowed forms" % _place(at)
	if said.is_empty() and rules.has("not") and _check(rules["not"], value, at, depth + 1).is_empty():
		said = "%s: has a form that is not allowed" % _place(at)
	if said.is_empty() and rules.has("if"):
		var branch: String = "then" if _check(rules["if"], value, at, depth + 1).is_empty() else "else"
		if rules.has(branch):
			said = _check(rules[branch], value, at, depth + 1)
	return said


func _check_object(rules: Dictionary, value: Dictionary, at: String, depth: int) -> String:
	for key: Variant in rules.get("required", []):
		if not value.has(key):
			return "%s: '%s' is missing" % [_place(at), key]
	if value.size() < int(rules.get("minProperties", 0)):
		return "%s: needs at least %d properties" % [_place(at), rules["minProperties"]]
	if rules.has("maxProperties") and value.size() > int(rules["maxProperties"]):
		return "%s: may have at most %d properties" % [_place(at), rules["maxProperties"]]
	var properties: Dictionary = rules.get("properties", {})
	var patterns: Dictionary = rules.get("patternProperties", {})
	for key: Variant in value.keys():
		var said: String = _check_property(rules, properties, patterns, value, key, at, depth)
		if not said.is_empty():
			return said
	return _check_dependents(rules, value, at, depth)


func _check_dependents(rules: Dictionary, value: Dictionary, at: String, depth: int) -> String:
	for key: Variant in rules.get("dependentRequired", {}):
		for other: Variant in rules["dependentRequired"][key]:
			if value.has(key) and not value.has(other):
				return "%s: '%s' needs '%s'" % [_place(at), key, other]
	for key: Variant in rules.get("dependentSchemas", {}):
		if value.has(key):
			var said: String = _check(rules["dependentSchemas"][key], value, at, depth + 1)
			if not said.is_empty():
				return said
	return ""


func _check_property(
	rules: Dictionary,
	properties: Dictionary,
	patterns: Dictionary,
	object: Dictionary,
	key: Variant,
	at: String,
	depth: int
) -> String:
	var place: String = "%s/%s" % [at, key]
	var known: bool = properties.has(key)
	var said: String = ""
	if rules.has("propertyNames"):
		said = _check(rules["propertyNames"], str(key), place, depth + 1)
	if said.is_empty() and known:
		said = _check(properties[key], object[key], place, depth + 1)
		if said.is_empty() and object[key] is float and _is_integer_rule(properties[key]):
			object[key] = int(object[key])
	for pattern: String in patterns:
		if said.is_empty() and _matches(pattern, str(key)):
			known = true
			said = _check(patterns[pattern], object[key], place, depth + 1)
	if said.is_empty() and not known and rules.has("additionalProperties"):
		if rules["additionalProperties"] is bool and not rules["additionalProperties"]:
			return "%s: '%s' is not known" % [_place(at), key]
		said = _check(rules["additionalProperties"], object[key], place, depth + 1)
	return said


func _check_array(rules: Dictionary, value: Variant, at: String, depth: int) -> String:
	var size: int = value.size()
	if size < int(rules.get("minItems", 0)):
		return "%s: needs at least %d items" % [_place(at), rules["minItems"]]
	if rules.has("maxItems") and size > int(rules["maxItems"]):
		return "%s: may have at most %d items" % [_place(at), rules["maxItems"]]
	if rules.get("uniqueItems", false) and not _are_unique(value):
		return "%s: items must differ" % _place(at)
	var prefix: Array = rules.get("prefixItems", [])
	for index: int in mini(prefix.size(), size):
		var said: String = _check(prefix[index], value[index], "%s/%d" % [at, index], depth + 1)
		if not said.is_empty():
			return said
	if rules.has("contains"):
		var found: int = 0
		for item: Variant in value:
			found += int(_check(rules["contains"], item, at, depth + 1).is_empty())
		if found < int(rules.get("minContains", 1)) or found > int(rules.get("maxContains", size)):
			return "%s: has the wrong count of required items" % _place(at)
	return _check_items(rules.get("items", true), value, prefix.size(), at, depth) if rules.has("items") else ""


func _check_items(rule: Variant, value: Variant, from: int, at: String, depth: int) -> String:
	# Tensors come as long arrays of numbers; the plain rule is checked without a call for each.
	if rule is Dictionary and rule.size() == 1 and rule.get("type") is String and rule["type"] == "number":
		if value is PackedFloat32Array or value is PackedFloat64Array:
			return ""
		for index: int in range(from, value.size()):
			var type: int = typeof(value[index])
			if type != TYPE_FLOAT and type != TYPE_INT:
				return "%s/%d: expected number, got %s" % [_place(at), index, type_name(value[index])]
		return ""
	for index: int in range(from, value.size()):
		var said: String = _check(rule, value[index], "%s/%d" % [at, index], depth + 1)
		if not said.is_empty():
			return said
		if value is Array and value[index] is float and _is_integer_rule(rule):
			value[index] = int(value[index])
	return ""


func _check_string(rules: Dictionary, value: String, at: String) -> String:
	if value.length() < int(rules.get("minLength", 0)):
		return "%s: needs at least %d characters" % [_place(at), rules["minLength"]]
	if rules.has("maxLength") and value.length() > int(rules["maxLength"]):
		return "%s: may have at most %d characters" % [_place(at), rules["maxLength"]]
	if rules.has("pattern") and not _matches(str(rules["pattern"]), value):
		return "%s: does not match %s" % [_place(at), rules["pattern"]]
	return ""


func _check_number(rules: Dictionary, value: float, at: String) -> String:
	if not is_finite(value):
		return "%s: is not a finite number" % _place(at)
	for bound: String in _BOUNDS:
		if rules.has(bound) and not _is_within(bound, value, rules[bound]):
			return "%s: must be %s %s" % [_place(at), _BOUNDS[bound], rules[bound]]
	return ""


func _count(parts: Array, value: Variant, at: String, depth: int) -> int:
	var count: int = 0
	for part: Variant in parts:
		count += int(_check(part, value, at, depth + 1).is_empty())
	return count


## "#", "#/a/b" and "#anchor"; nothing is ever fetched.
func _resolve(target_path: String) -> Variant:
	if not target_path.begins_with("#"):
		return null
	var path: String = target_path.substr(1).uri_decode()
	if path.is_empty():
		return _root
	if not path.begins_with("/"):
		return _find_anchor(_root, path, 0)
	var target: Variant = _root
	for part: String in path.substr(1).split("/"):
		var key: String = part.replace("~1", "/").replace("~0", "~")
		if target is Dictionary and target.has(key):
			target = target[key]
		elif target is Array and key.is_valid_int() and key.to_int() < target.size():
			target = target[key.to_int()]
		else:
			return null
	return target


func _find_anchor(schema: Variant, anchor: String, depth: int) -> Variant:
	if schema is Dictionary and depth < MAX_DEPTH:
		if schema.get("$anchor") is String and schema["$anchor"] == anchor:
			return schema
		for key: Variant in schema:
			var found: Variant = _find_anchor(schema[key], anchor, depth + 1)
			if found != null:
				return found
	return null


func _matches(pattern: String, text: String) -> bool:
	if not _patterns.has(pattern):
		_patterns[pattern] = RegEx.create_from_string(pattern, false)
	return _patterns[pattern].is_valid() and _patterns[pattern].search(text) != null


## JSON's name of a value's type.
static func type_name(value: Variant) -> String:
	match typeof(value):
		TYPE_NIL:
			return "null"
		TYPE_BOOL:
			return "boolean"
		TYPE_INT:
			return "integer"
		TYPE_FLOAT:
			return "number"
		TYPE_STRING, TYPE_STRING_NAME:
			return "string"
		TYPE_DICTIONARY:
			return "object"
	return "array" if _is_array(value) else type_string(typeof(value))


static func _is_within(bound: String, value: float, limit: float) -> bool:
	match bound:
		"minimum":
			return value >= limit
		"maximum":
			return value <= limit
		"exclusiveMinimum":
			return value > limit
		"exclusiveMaximum":
			return value < limit
	return is_equal_approx(value / limit, roundf(value / limit))


static func _is_array(value: Variant) -> bool:
	return typeof(value) == TYPE_ARRAY or typeof(value) >= TYPE_PACKED_BYTE_ARRAY


static func _has_type(types: Variant, value: Variant) -> bool:
	if types is Array:
		for type: Variant in types:
			if _has_type(type, value):
				return true
		return false
	var actual: String = type_name(value)
	if types == "number":
		return actual == "number" or actual == "integer"
	if types == "integer":
		return actual == "integer" or (actual == "number" and is_finite(value) and value == floorf(value))
	return types == actual


static func _is_integer_rule(rule: Variant) -> bool:
	return rule is Dictionary and rule.get("type") is String and rule["type"] == "integer"


static func _contains(options: Array, value: Variant) -> bool:
	for option: Variant in options:
		if _equal(option, value):
			return true
	return false


static func _are_unique(items: Variant) -> bool:
	var seen: Dictionary = {}
	for item: Variant in items:
		var key: String = JSON.stringify(item)
		if seen.has(key):
			return false
		seen[key] = true
	return true


static func _equal(expected: Variant, value: Variant) -> bool:
	if (expected is int or expected is float) and (value is int or value is float):
		return float(expected) == float(value)
	return typeof(expected) == typeof(value) and expected == value


static func _words(types: Variant) -> String:
	return " or ".join(PackedStringArray(types)) if types is Array else str(types)


static func _place(at: String) -> String:
	return "value" if at.is_empty() else at
