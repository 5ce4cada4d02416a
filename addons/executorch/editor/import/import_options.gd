@tool
extends RefCounted
## The import options (docs/architecture.md, "Options"): names, defaults, and how the import dock shows them.

const RECIPES: String = (
	"auto,portable,xnnpack_fp32,xnnpack_fp16,xnnpack_int8_dynamic,xnnpack_int8_static,"
	+ "xnnpack_int8_static_per_tensor,xnnpack_int8_int4"
)
## What the artifact depends on: name -> default.
const CONVERSION: Dictionary = {
	"recipe": "auto",
	"inputs": "",
	"factory": "",
	"factory_arguments": "",
	"calibration": "",
	"group_size": 32,
	"recurrent": "scan",
	"max_absolute_error": "",
	"max_relative_error": "",
	"deadline_seconds": 600,
	"memory_limit_megabytes": 0,
	"external_weights": false,
}
## What belongs to the resource.
const RUN_TIME: Dictionary = {"optimization_level": 1, "memory_policy": 0, "memory_limit_bytes": 0, "embed": false}
const GROUPS: Dictionary = {
	"Model": ["recipe", "inputs", "factory", "factory_arguments"],
	"Quantization": ["calibration", "group_size"],
	"Checks": ["max_absolute_error", "max_relative_error"],
	"Conversion": ["recurrent", "external_weights", "deadline_seconds", "memory_limit_megabytes"],
	"Runtime": ["optimization_level", "memory_policy", "memory_limit_bytes", "embed"],
}
const HINTS: Dictionary = {
	"recipe": [PROPERTY_HINT_ENUM, RECIPES],
	"inputs": [PROPERTY_HINT_PLACEHOLDER_TEXT, "x: float32[1,3,224,224]; mask: int64[batch:1..64,16]"],
	"factory": [PROPERTY_HINT_PLACEHOLDER_TEXT, "res://models/net.py:build"],
	"factory_arguments": [PROPERTY_HINT_PLACEHOLDER_TEXT, '{"hidden": 64}'],
	"calibration": [PROPERTY_HINT_DIR, ""],
	"group_size": [PROPERTY_HINT_ENUM, "32:32,64:64,128:128,256:256"],
	"recurrent": [PROPERTY_HINT_ENUM, "scan,step,unroll"],
	"max_absolute_error": [PROPERTY_HINT_PLACEHOLDER_TEXT, "the recipe's own"],
	"max_relative_error": [PROPERTY_HINT_PLACEHOLDER_TEXT, "the recipe's own"],
	"deadline_seconds": [PROPERTY_HINT_RANGE, "1,86400,1,suffix:s"],
	"memory_limit_megabytes": [PROPERTY_HINT_RANGE, "0,1048576,1,suffix:MB"],
	"optimization_level": [PROPERTY_HINT_ENUM, "None:0,Basic:1,Aggressive:2"],
	"memory_policy": [PROPERTY_HINT_ENUM, "Auto:0,Static:1,Custom:2"],
	"memory_limit_bytes": [PROPERTY_HINT_RANGE, "0,1073741824,1,or_greater,suffix:B"],
}
## Groups that a program (`.pte`) has nothing of.
const PROGRAMS_LACK: PackedStringArray = ["Model", "Quantization", "Checks", "Conversion"]
const PRESETS: Array[Dictionary] = [
	{"name": "Desktop fp32", "values": {}},
	{"name": "Small int8", "values": {"recipe": "xnnpack_int8_dynamic", "optimization_level": 2}},
	{"name": "Debug portable", "values": {"recipe": "portable", "optimization_level": 0}},
]


## What EditorImportPlugin._get_import_options wants, for a preset.
static func describe(preset: int) -> Array[Dictionary]:
	var values: Dictionary = CONVERSION.merged(RUN_TIME)
	if preset >= 0 and preset < PRESETS.size():
		values.merge(PRESETS[preset]["values"] as Dictionary, true)
	var described: Array[Dictionary] = []
	for group: String in GROUPS:
		described.append({"name": group, "default_value": null, "usage": PROPERTY_USAGE_GROUP})
		for option: String in GROUPS[group]:
			var hint: Array = HINTS.get(option, [PROPERTY_HINT_NONE, ""])
			(
				described
				. append(
					{
						"name": option,
						"default_value": values[option],
						"property_hint": hint[0],
						"hint_string": hint[1],
					}
				)
			)
	return described


## Whether an option means anything for the file at `path` with these other options.
static func applies(path: String, option: String, options: Dictionary) -> bool:
	if path.get_extension().to_lower() == "pte" and (CONVERSION.has(option) or option in PROGRAMS_LACK):
		return false
	match option:
		"calibration":
			return str(options.get("recipe", "auto")).begins_with("xnnpack_int8_static")
		"group_size":
			return str(options.get("recipe", "auto")) == "xnnpack_int8_int4"
		"factory_arguments":
			return not str(options.get("factory", "")).is_empty()
		"memory_limit_bytes":
			return int(options.get("memory_policy", 0)) != 0
	return true


## The conversion's options that differ from their defaults.
static func get_changed(options: Dictionary) -> Dictionary:
	var changed: Dictionary = {}
	for option: String in CONVERSION:
		var value: Variant = options.get(option, CONVERSION[option])
		if value is StringName:
			value = String(value)
		elif value is float and CONVERSION[option] is int:
			value = int(value)
		if value != CONVERSION[option]:
			changed[option] = value
	return changed
