@tool
extends RefCounted
## The import options (docs/architecture.md, "Options"): names, defaults, and how the import dock shows them.

const RECIPES: String = (
	"auto,fastest,portable,xnnpack_fp32,xnnpack_fp16,xnnpack_int8_dynamic,xnnpack_int8_static,"
	+ "xnnpack_int8_static_per_tensor,xnnpack_int8_int4,coreml_fp16,mlx"
)
## The recipes that choose one of the others.
const CHOOSING: PackedStringArray = ["auto", "fastest"]
## The recipes whose programs only Apple's systems run.
const OF_APPLE: PackedStringArray = ["coreml_fp16", "mlx"]
## A description of each recipe. The screen shows the recipe's own name.
const RECIPE_TIPS: Dictionary[String, String] = {
	"auto": "Tries xnnpack_fp32, then portable. The notes say which was chosen and why.",
	"fastest":
	"Makes several programs, measures them on this machine, and keeps the fastest. The notes have the times.",
	"portable": "ExecuTorch's own kernels without a delegate: slow, but runs every operator.",
	"xnnpack_fp32": "XNNPACK with 32-bit floats: fast, and as exact as PyTorch.",
	"xnnpack_fp16": "XNNPACK with 16-bit floats: half the size.",
	"xnnpack_int8_dynamic": "8-bit weights, ranges measured in each call. A quarter of the size, without samples.",
	"xnnpack_int8_static": "8-bit weights and activations. The fastest for convolutions. Needs real inputs.",
	"xnnpack_int8_static_per_tensor": "As xnnpack_int8_static, with one scale for each tensor: smaller, less exact.",
	"xnnpack_int8_int4": "Linear layers with 4-bit weights, for large language models.",
	"coreml_fp16": "For macOS and iOS: GPU and Neural Engine. On other systems nothing of it is compared.",
	"mlx": "For a Mac's GPU. Import it on a Mac with Apple silicon.",
}
const LEVELS: PackedStringArray = ["None", "Basic", "Aggressive"]
const LEVEL_TIPS: PackedStringArray = [
	"One thread.", "The default.", "A warm-up call, one workspace for all models, cached packed weights."
]
const POLICIES: PackedStringArray = ["Automatic", "Static", "Custom"]
const POLICY_TIPS: PackedStringArray = [
	"Buffers are as large as the program needs them.",
	"All memory comes from one block of the limit's size. A model that needs more is refused.",
	"Planned memory comes from a memory pool that several models share.",
]
## What the inspector calls options whose names it does not use as they are.
const TITLES: Dictionary[String, String] = {
	"max_absolute_error": "Absolute error",
	"max_relative_error": "Relative error",
	"evaluate": "Evaluate on",
	"recurrent": "Recurrent layers",
	"slice": "Longest slice",
	"deadline_seconds": "Deadline",
	"memory_limit_megabytes": "Memory",
}
## The options of a conversion: name -> default.
const CONVERSION: Dictionary = {
	"recipe": "auto",
	"variants": "",
	"inputs": "",
	"also_outputs": "",
	"factory": "",
	"factory_arguments": "",
	"weights": "",
	"calibration": "",
	"evaluate": "",
	"metric": "",
	"group_size": 32,
	"float_layers": "",
	"kernels": "own",
	"recurrent": "kernel",
	"slice": "",
	"max_absolute_error": "",
	"max_relative_error": "",
	"deadline_seconds": 600,
	"memory_limit_megabytes": 0,
	"external_weights": false,
}
## The options of the resource: name -> default.
const RUN_TIME: Dictionary = {"optimization_level": 1, "memory_policy": 0, "memory_limit_bytes": 0, "embed": false}
const GROUPS: Dictionary = {
	"Model": ["recipe", "variants", "inputs", "also_outputs", "factory", "factory_arguments", "weights"],
	"Quantization": ["calibration", "group_size", "float_layers"],
	"Checks": ["max_absolute_error", "max_relative_error", "evaluate", "metric"],
	"Conversion": ["kernels", "recurrent", "slice", "external_weights", "deadline_seconds", "memory_limit_megabytes"],
	"Runtime": ["optimization_level", "memory_policy", "memory_limit_bytes", "embed"],
}
const HINTS: Dictionary = {
	"recipe": [PROPERTY_HINT_ENUM, RECIPES],
	"variants": [PROPERTY_HINT_PLACEHOLDER_TEXT, "xnnpack_int8_static, portable"],
	"inputs": [PROPERTY_HINT_PLACEHOLDER_TEXT, "x: float32[1,3,224,224]; mask: int64[batch:1..64,16]"],
	"also_outputs": [PROPERTY_HINT_PLACEHOLDER_TEXT, "relu_1, linear"],
	"factory": [PROPERTY_HINT_PLACEHOLDER_TEXT, "res://models/net.py:build"],
	"factory_arguments": [PROPERTY_HINT_PLACEHOLDER_TEXT, '{"hidden": 64}'],
	"weights": [PROPERTY_HINT_PLACEHOLDER_TEXT, "averaged weights, else the usual ones"],
	"calibration": [PROPERTY_HINT_DIR, ""],
	"evaluate": [PROPERTY_HINT_PLACEHOLDER_TEXT, "res://data/test.npz, or a folder"],
	"metric": [PROPERTY_HINT_PLACEHOLDER_TEXT, "top1 for classes, else rmse"],
	"group_size": [PROPERTY_HINT_ENUM, "32:32,64:64,128:128,256:256"],
	"float_layers": [PROPERTY_HINT_PLACEHOLDER_TEXT, "head, features.0: fp16"],
	"kernels": [PROPERTY_HINT_ENUM, "own,stock"],
	"recurrent": [PROPERTY_HINT_ENUM, "kernel,scan,step,unroll"],
	"slice": [PROPERTY_HINT_PLACEHOLDER_TEXT, "2, in milliseconds"],
	"max_absolute_error": [PROPERTY_HINT_PLACEHOLDER_TEXT, "the recipe's own"],
	"max_relative_error": [PROPERTY_HINT_PLACEHOLDER_TEXT, "the recipe's own"],
	"deadline_seconds": [PROPERTY_HINT_RANGE, "1,86400,1,suffix:s"],
	"memory_limit_megabytes": [PROPERTY_HINT_RANGE, "0,1048576,1,suffix:MB"],
	"optimization_level": [PROPERTY_HINT_ENUM, "None:0,Basic:1,Aggressive:2"],
	"memory_policy": [PROPERTY_HINT_ENUM, "Automatic:0,Static:1,Custom:2"],
	"memory_limit_bytes": [PROPERTY_HINT_RANGE, "0,1073741824,1,or_greater,suffix:B"],
}
## The groups of options that do not apply to a program (`.pte`).
const NOT_OF_PROGRAMS: PackedStringArray = ["Model", "Quantization", "Checks", "Conversion"]
const PRESETS: Array[Dictionary] = [
	{"name": "Desktop fp32", "values": {}},
	{"name": "Small int8", "values": {"recipe": "xnnpack_int8_dynamic", "optimization_level": 2}},
	{"name": "Debug portable", "values": {"recipe": "portable", "optimization_level": 0}},
]


## The options of a preset, in the form of EditorImportPlugin._get_import_options.
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


## The values of a conversion's option that has a fixed list of them.
static func choices(option: String) -> Array:
	var values: Array = Array(str((HINTS[option] as Array)[1]).split(","))
	if CONVERSION[option] is int:
		return values.map(func(choice: String) -> int: return choice.get_slice(":", 0).to_int())
	return values


## The default of an option of the conversion or of the run time.
static func default_of(option: String) -> Variant:
	return CONVERSION[option] if CONVERSION.has(option) else RUN_TIME[option]


## What the inspector calls an option: "Factory arguments" of "factory_arguments".
static func title_of(option: String) -> String:
	var words: String = option.replace("_", " ")
	return TITLES.get(option, words.left(1).to_upper() + words.substr(1))


## A message whose options, written `option 'group_size'`, are called as in the inspector: `option "Group size"`.
static func with_titles(text: String) -> String:
	var found: String = text
	for hit: RegExMatch in RegEx.create_from_string("[Oo]ption '(\\w+)'").search_all(text):
		var title: String = '%s "%s"' % [hit.get_string().get_slice(" ", 0), title_of(hit.get_string(1))]
		found = found.replace(hit.get_string(), title)
	return found


## Whether a recipe measures ranges on samples of real inputs.
static func needs_samples(recipe: String) -> bool:
	return recipe.begins_with("xnnpack_int8_static")


## Whether a program of a recipe runs on this machine.
static func runs_here(recipe: String) -> bool:
	return not recipe in OF_APPLE or OS.has_feature("macos")


## Whether a recipe may make a program that measures ranges, if there are samples.
static func takes_samples(recipe: String) -> bool:
	return needs_samples(recipe) or recipe == "fastest"


## Whether some layers of a recipe may stay fp32.
static func mixes(recipe: String) -> bool:
	return takes_samples(recipe) or recipe == "xnnpack_int8_dynamic"


## The recipes of the main program and of the variants.
static func recipes_of(options: Dictionary) -> Array:
	var recipes: Array = [str(options.get("recipe", "auto"))]
	for variant: String in str(options.get("variants", "")).split(",", false):
		recipes.append(variant.strip_edges())
	return recipes


## Whether an option applies to the file at `path`, with these other options.
static func applies(path: String, option: String, options: Dictionary) -> bool:
	if path.get_extension().to_lower() == "pte" and (CONVERSION.has(option) or option in NOT_OF_PROGRAMS):
		return false
	match option:
		"calibration":
			return recipes_of(options).any(takes_samples)
		"group_size":
			return recipes_of(options).has("xnnpack_int8_int4")
		"float_layers":
			return recipes_of(options).any(mixes) or not str(options.get("float_layers", "")).is_empty()
		"factory_arguments", "weights":
			return not str(options.get("factory", "")).is_empty()
		"metric":
			return not (str(options.get("evaluate", "")) + str(options.get("factory", ""))).is_empty()
		"memory_limit_bytes":
			return str(options.get("memory_policy", 0)) != "0"
	return true


## The error of the first option whose value has another type than its default, for example in a `.import` file that was
## edited by hand; empty when all are right.
static func find_wrong_kind(options: Dictionary) -> Dictionary:
	var known: Dictionary = CONVERSION.merged(RUN_TIME)
	for option: String in known:
		var value: Variant = options.get(option, known[option])
		var fits: bool = typeof(value) == typeof(known[option]) or (known[option] is String and value is StringName)
		if not fits and not (known[option] is int and value is float and is_finite(value as float)):
			return {
				"code": "OPTION_INVALID",
				"cause": "The option '%s' is %s." % [option, var_to_str(value).left(80).c_escape()],
				"remedy": "Change it in the import dock, or delete the file's `.import` to use the defaults.",
			}
	return {}


## The conversion's options that differ from their defaults.
static func get_changed(options: Dictionary) -> Dictionary:
	var changed: Dictionary = {}
	for option: String in CONVERSION:
		var value: Variant = options.get(option, CONVERSION[option])
		if value is StringName:
			value = String(value)
		elif value is float and CONVERSION[option] is int:
			value = int(value)
		if typeof(value) != typeof(CONVERSION[option]) or value != CONVERSION[option]:
			changed[option] = value
	return changed
