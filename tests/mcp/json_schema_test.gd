extends "res://tests/case.gd"
## The validator of tool arguments and results.

const JsonSchema = preload("res://addons/executorch/runtime/mcp/json/json_schema.gd")

# Schema, values that fit, values that do not.
const CASES: Array = [
	[{"type": "integer"}, [1, 1.0, -3], [1.5, "1", null, true, [], INF]],
	[{"type": "number"}, [1, 1.5], ["1", null, NAN]],
	[{"type": "string"}, [""], [1, null]],
	[{"type": "boolean"}, [true], [0, "true"]],
	[{"type": "null"}, [null], [0, false]],
	[{"type": ["string", "null"]}, ["a", null], [1]],
	[{"type": "array"}, [[], [1]], [{}, "a"]],
	[{"enum": ["a", 1]}, ["a", 1, 1.0], ["b", 2, null]],
	[{"const": {"a": 1}}, [{"a": 1}], [{}, {"a": 2}, 1]],
	[{"minimum": 1, "maximum": 3}, [1, 2.5, 3], [0.9, 3.1]],
	[{"exclusiveMinimum": 0, "exclusiveMaximum": 1}, [0.5], [0, 1]],
	[{"multipleOf": 0.1}, [0.3, 1], [0.25]],
	[{"minLength": 2, "maxLength": 3}, ["ab", "éàü"], ["a", "abcd"]],
	[{"pattern": "^a+$"}, ["aa", 1], ["b", ""]],
	[{"minItems": 1, "maxItems": 2, "uniqueItems": true}, [[1], [1, 2]], [[], [1, 2, 3], [1, 1]]],
	[{"items": {"type": "number"}}, [[], [1, 2.5]], [[1, "a"]]],
	[{"prefixItems": [{"type": "string"}], "items": {"type": "integer"}}, [["a", 1], []], [[1], ["a", "b"]]],
	[{"contains": {"const": 1}, "minContains": 2}, [[1, 1]], [[1, 2]]],
	[{"required": ["a"]}, [{"a": null}, 1], [{}]],
	[{"properties": {"a": {"type": "string"}}}, [{"a": "x"}, {"b": 1}], [{"a": 1}]],
	[{"properties": {"a": {}}, "additionalProperties": false}, [{"a": 1}], [{"b": 1}]],
	[{"additionalProperties": {"type": "integer"}}, [{"a": 1}], [{"a": "x"}]],
	[{"patternProperties": {"^x": {"type": "integer"}}}, [{"x1": 1, "y": "a"}], [{"x1": "a"}]],
	[{"propertyNames": {"maxLength": 2}}, [{"ab": 1}], [{"abc": 1}]],
	[{"minProperties": 1, "maxProperties": 2}, [{"a": 1}], [{}, {"a": 1, "b": 1, "c": 1}]],
	[{"dependentRequired": {"a": ["b"]}}, [{"a": 1, "b": 1}, {}], [{"a": 1}]],
	[{"dependentSchemas": {"a": {"required": ["b"]}}}, [{"a": 1, "b": 1}, {}], [{"a": 1}]],
	[{"allOf": [{"minimum": 1}, {"maximum": 2}]}, [1], [0, 3]],
	[{"anyOf": [{"type": "string"}, {"minimum": 5}]}, ["a", 6], [1]],
	[{"oneOf": [{"minimum": 1}, {"maximum": 2}]}, [0, 3], [1.5]],
	[{"not": {"type": "string"}}, [1], ["a"]],
	[{"if": {"const": 1}, "then": false, "else": {"type": "string"}}, ["a"], [1, 2]],
	[{"$defs": {"n": {"type": "integer"}}, "$ref": "#/$defs/n"}, [1], ["a"]],
	[{"$defs": {"n": {"$anchor": "here", "type": "integer"}}, "$ref": "#here"}, [1], ["a"]],
	[
		{"properties": {"next": {"$ref": "#"}}, "additionalProperties": false},
		[{"next": {"next": {}}}],
		[{"next": {"x": 1}}]
	],
	[{}, [1, null, {}], []],
]


func test_cases() -> void:
	for one: Array in CASES:
		for value: Variant in one[1]:
			var said: String = JsonSchema.validate(one[0], value)
			check(said.is_empty(), "%s should fit %s: %s" % [value, one[0], said])
		for value: Variant in one[2]:
			check(not JsonSchema.validate(one[0], value).is_empty(), "%s should not fit %s" % [value, one[0]])


func test_whole_numbers_become_int() -> void:
	var schema: Dictionary = {
		"properties": {"a": {"type": "integer"}, "b": {"type": "number"}, "c": {"items": {"type": "integer"}}}
	}
	var value: Dictionary = {"a": 3.0, "b": 3.0, "c": [1.0, 2.0]}
	check_equal(JsonSchema.validate(schema, value), "")
	check_equal(typeof(value["a"]), TYPE_INT)
	check_equal(typeof(value["b"]), TYPE_FLOAT)
	check_equal(typeof(value["c"][1]), TYPE_INT)


func test_packed_arrays_are_arrays() -> void:
	var schema: Dictionary = {"type": "array", "items": {"type": "number"}, "minItems": 2}
	check_equal(JsonSchema.validate(schema, PackedFloat32Array([1, 2])), "")
	check(not JsonSchema.validate(schema, PackedFloat32Array([1])).is_empty(), "too short")


func test_place_is_told() -> void:
	var schema: Dictionary = {"properties": {"a": {"items": {"type": "integer"}}}}
	check_equal(JsonSchema.validate(schema, {"a": [1, "x"]}), "/a/1: expected integer, got string")


func test_hostile_schemas_end() -> void:
	var endless: Dictionary = {"$ref": "#"}
	check(JsonSchema.validate(endless, 1).contains("costly"), "endless reference")
	var wide: Dictionary = {"anyOf": []}
	for _index: int in 8:
		wide = {"anyOf": [wide, wide, wide, wide, wide, wide, wide, wide]}
	check(not JsonSchema.validate({"allOf": [wide]}, 1).is_empty(), "wide schema")
	check(
		JsonSchema.validate({"$ref": "https://example.com/schema"}, 1).contains("cannot be resolved"),
		"network reference"
	)
	check(JsonSchema.validate({"$schema": "https://json-schema.org/draft/2019-09/schema"}, 1).contains("dialect"), "")
