@tool
extends "res://tests/case.gd"
## The inspector's table of variants and the program that it recommends.

const Comparison := preload("res://addons/executorch/editor/shared/program_comparison.gd")
const Facts := preload("res://addons/executorch/editor/shared/model_facts.gd")
const ModelView := preload("res://addons/executorch/editor/inspector/model_view.gd")
const VariantsView := preload("res://addons/executorch/editor/inspector/variants_view.gd")


func test_a_faster_variant_is_recommended_with_its_level() -> void:
	var words: String = _advice([_program("xnnpack_int8_static", 250, 400.0, 0.015)])
	check_equal(
		words,
		(
			"Use xnnpack_int8_static (the level AGGRESSIVE): a call takes 60% less time than with xnnpack_fp32, the program "
			+ "is 75% smaller, and its error is 1.50%."
		)
	)
	words = _advice([_program("xnnpack_fp16", 500, 700.0, 0.0002)])
	check(words.begins_with("Use xnnpack_fp16 (the project setting executorch/runtime/variant)"), words)


func test_the_main_program_is_recommended_where_no_variant_is_better() -> void:
	var words: String = _advice([_program("portable", 900, 9000.0, 1e-6), _program("xnnpack_fp16", 500, 950.0, 0.01)])
	check_equal(words, "Use xnnpack_fp32: no variant is at least 10% faster on this machine.")


func test_a_variant_with_a_known_problem_is_not_recommended() -> void:
	var made_up: Dictionary = _program("xnnpack_int8_static", 250, 400.0, 0.015)
	made_up["calibration"] = {"made_up": true}
	var words: String = _advice([made_up])
	check_equal(words, "Use xnnpack_fp32: xnnpack_int8_static is faster, but it was calibrated with made-up inputs.")
	var worse: Dictionary = _program("xnnpack_int8_dynamic", 250, 400.0, 0.015)
	worse["evaluation"] = {"metric": "top1", "more_is_better": true, "interval": [-0.1, -0.02]}
	words = _advice([worse])
	check(words.contains("its top1 on your data is worse than PyTorch's"), words)
	worse["evaluation"]["interval"] = [-0.1, 0.02]
	check(_advice([worse]).begins_with("Use xnnpack_int8_dynamic"), "no difference was shown")
	var facts: Facts = Facts.new(_main([made_up]))
	check(str(facts.get_warning()["cause"]).contains("of the variant xnnpack_int8_static"), str(facts.get_warning()))


func test_unknown_fields() -> void:
	var words: String = _advice([{"recipe": "portable"}, {"recipe": 3, "payload": [], "accuracy": 1}])
	check_equal(words, "Use xnnpack_fp32: no variant is at least 10% faster on this machine.")


func test_the_inspector_shows_the_table() -> void:
	var model: ExecuTorchResource = ExecuTorchResource.new()
	var known: Dictionary = (load("res://models/policy.pt2") as ExecuTorchResource).metadata
	model.metadata = known
	var view: ModelView = ModelView.new(model)
	add_child(view)
	var table: VariantsView = view.get("_variants")
	check(not table.visible, "a model with one program has no table")
	model.metadata = known.merged({"variants": [_program("xnnpack_int8_static", 2500, 4.0, 0.015)]})
	view.refresh()
	check(table.visible, "it is hidden")
	var words: PackedStringArray = []
	for label: Node in table.body.find_children("*", "Label", true, false):
		words.append((label as Label).text)
	check_equal(words.slice(0, 4), PackedStringArray(["Size", "Time", "Error", "xnnpack_fp32"]))
	check_equal(words.slice(7, 11), PackedStringArray(["xnnpack_int8_static", "2.44 KiB", "4.00 µs", "1.50%"]))
	check(words[11].begins_with("Use "), words[11])
	view.queue_free()


func _advice(variants: Array) -> String:
	return Comparison.recommendation(Comparison.rows(_main(variants)))


func _main(variants: Array) -> Dictionary:
	return _program("xnnpack_fp32", 1000, 1000.0, 1e-6).merged({"variants": variants})


func _program(recipe: String, bytes: int, us: float, error: float) -> Dictionary:
	return {
		"recipe": recipe,
		"payload": {"size": bytes},
		"timings": {"executorch_us": us},
		"accuracy": {"max_relative": error},
		"calibration": {},
	}
