@tool
extends RefCounted
## Chooses which of a model's programs runs: the main one or a variant. `recipes` are those of the programs, the main
## one first. Any thread.

## A custom feature of an export preset is this prefix and a kind of program.
const FEATURE: String = "executorch_"
const MAIN: String = "main"

# ExecuTorchModelDescription's levels, which are above this folder.
const _NONE: int = 0
const _AGGRESSIVE: int = 2


## The index of the program that runs at an optimization level. `preferred`: the recipe of level BASIC, empty for the
## main program. `allowed`: see `allowed_of`.
static func choose(recipes: PackedStringArray, level: int, preferred: String, allowed: PackedInt32Array) -> int:
	var chosen: int = maxi(recipes.find(preferred), 0)
	if level == _NONE or level == _AGGRESSIVE:
		chosen = maxi(_find_kind(recipes, "portable" if level == _NONE else "int8"), 0)
	if chosen in allowed:
		return chosen
	return 0 if allowed.is_empty() or 0 in allowed else allowed[0]


## The indices of the programs that an export with these features has: all that run there, unless a feature names the
## kind of one. `systems`: for each program the feature tags of the only systems that run it; none when all do.
static func allowed_of(recipes: PackedStringArray, systems: Array[Array], has_feature: Callable) -> PackedInt32Array:
	var named: PackedInt32Array = []
	var running: PackedInt32Array = []
	for index: int in recipes.size():
		if not systems[index].is_empty() and not systems[index].any(has_feature):
			continue
		running.append(index)
		var is_named: bool = has_feature.call(FEATURE + kind_of(recipes[index]))
		if is_named or (index == 0 and has_feature.call(FEATURE + MAIN)):
			named.append(index)
	return named if not named.is_empty() else running


## `int8`, `fp16`, `fp32` or `portable`; other recipes are kinds of their own.
static func kind_of(recipe: String) -> String:
	if recipe.begins_with("xnnpack_int8") or recipe == "as_quantized":
		return "int8"
	return recipe.trim_prefix("xnnpack_")


static func _find_kind(recipes: PackedStringArray, kind: String) -> int:
	for index: int in recipes.size():
		if kind_of(recipes[index]) == kind:
			return index
	return -1
