@tool
extends RefCounted
## The programs of a model with variants side by side, and which one to use. The times are those of the import.

const Choice := preload("res://addons/executorch/runtime/loading/program_choice.gd")
const Facts := preload("model_facts.gd")
const Quantity := preload("quantity.gd")

## A variant that saves less than this part of a call's time is not worth its error.
const LEAST_GAIN: float = 0.1
const LEVELS: Dictionary[int, String] = {1: "the default level", 2: "the level AGGRESSIVE", 0: "the level NONE"}


## A row for each program, the main one first: `{recipe, bytes, us, error, differing, systems, is_proved, problem}`.
## `us` and `error` are -1 when unknown; `error` is relative to the largest value, `differing` a share of classes.
## `systems`: where alone it runs, "macOS and iOS", empty for everywhere. `problem`: why it should not be used yet,
## empty when nothing is known against it.
static func rows(metadata: Dictionary) -> Array[Dictionary]:
	var found: Array[Dictionary] = []
	for described: Dictionary in [metadata] + Array(Facts.new(metadata).get_variants()):
		var facts: Facts = Facts.new(described)
		var accuracy: Dictionary = facts.get_section("accuracy")
		(
			found
			. append(
				{
					"recipe": str(described.get("recipe", "")),
					"bytes": facts.get_payload_bytes(),
					"us": float(facts.get_section("timings").get("executorch_us", -1.0)),
					"error": float(accuracy.get("max_relative", -1.0)),
					"differing": 1.0 - float(accuracy.get("agreement", 1.0)),
					"systems": facts.get_systems(),
					"is_proved": facts.is_proved(),
					"problem": _problem_of(facts),
				}
			)
		)
	return found


## One sentence that recommends a program and says why.
static func recommendation(programs: Array[Dictionary]) -> String:
	var main: Dictionary = programs[0]
	var best: Dictionary = main
	var refused: Dictionary = {}
	for program: Dictionary in programs.slice(1):
		if not _is_faster(program, best):
			continue
		if str(program["problem"]).is_empty():
			best = program
		elif refused.is_empty() or _is_faster(program, refused):
			refused = program
	if best != main:
		var words: Array = [best["recipe"], _level_of(programs, best), _less(best["us"], main["us"]), main["recipe"]]
		var use: String = "Use %s (%s): a call takes %s less time than with %s" % words
		var size: String = ""
		if int(best["bytes"]) < int(main["bytes"]):
			size = ", the program is %s smaller" % _less(best["bytes"] as float, main["bytes"] as float)
		return "%s%s, and its error is %s." % [use, size, error_text(best)]
	if not refused.is_empty():
		return "Use %s: %s is faster, but %s." % [main["recipe"], refused["recipe"], refused["problem"]]
	return "Use %s: no variant is at least %d%% faster on this machine." % [main["recipe"], roundi(LEAST_GAIN * 100.0)]


## Where alone a program runs, and whether that it computes the right values was seen.
static func systems_text(program: Dictionary) -> String:
	var proof: String = "." if program["is_proved"] else "; not proved here, so its time and error are not known."
	return "Runs on %s only%s" % [program["systems"], proof]


## "1.5%" of the largest value, or the share of classes that differ; empty when unknown.
static func error_text(program: Dictionary) -> String:
	if float(program["differing"]) > 0.0:
		return "%s differ" % Quantity.percent(program["differing"] as float)
	var error: float = program["error"]
	if error < 0.0:
		return ""
	return Quantity.percent(error) if error >= 0.00005 else "< 0.01%"


static func _problem_of(facts: Facts) -> String:
	if facts.get_section("calibration").get("made_up", false):
		return "it was calibrated with made-up inputs"
	var evaluation: Dictionary = facts.get_section("evaluation")
	var interval: Array = evaluation.get("interval", [])
	if interval.size() != 2:
		return ""
	# 95% of the resampled differences lie on the bad side.
	var is_worse: bool = (
		float(interval[1]) < 0.0 if evaluation.get("more_is_better", true) else float(interval[0]) > 0.0
	)
	return "its %s on your data is worse than PyTorch's" % evaluation.get("metric", "metric") if is_worse else ""


static func _is_faster(program: Dictionary, other: Dictionary) -> bool:
	var least: float = float(other["us"]) * (1.0 - LEAST_GAIN)
	return float(program["us"]) >= 0.0 and float(program["us"]) <= least


static func _less(part: float, whole: float) -> String:
	return "%d%%" % roundi((1.0 - part / whole) * 100.0)


static func _level_of(programs: Array[Dictionary], program: Dictionary) -> String:
	var recipes: PackedStringArray = []
	for entry: Dictionary in programs:
		recipes.append(str(entry["recipe"]))
	for level: int in LEVELS:
		if Choice.choose(recipes, level, "", PackedInt32Array(range(recipes.size()))) == programs.find(program):
			return LEVELS[level]
	return "the project setting executorch/runtime/variant"
