@tool
extends "res://tests/editor/views.gd"
## Runs of a model out of the inspector, and the code that it copies.

const Facts := preload("res://addons/executorch/editor/shared/model_facts.gd")
const Inputs := preload("res://addons/executorch/runtime/calls/generated_inputs.gd")
const Snippet := preload("res://addons/executorch/editor/trial/snippet.gd")
const Trial := preload("res://addons/executorch/editor/trial/trial_run.gd")
const POLICY: String = "res://models/policy.pt2"


func test_run_once_shows_the_outputs() -> void:
	var view: Control = await inspect(POLICY)
	find_button(view, "Run Once").pressed.emit()
	var trial: Node = find_by_script(view, "res://addons/executorch/editor/trial/trial_view.gd")
	var shown: Callable = func() -> bool: return str(trial.call("get_result_text")).contains("float32")
	if await wait_until(shown, 10.0, "a result"):
		check(str(trial.call("get_result_text")).contains("[1, 4]"), str(trial.call("get_result_text")))


func test_inputs_of_a_run_are_shown_and_can_be_edited() -> void:
	var view: Control = await inspect("res://models/linear.pt")
	find_button(view, "Run Once").pressed.emit()
	var trial: Node = find_by_script(view, "res://addons/executorch/editor/trial/trial_view.gd")
	var inputs: Node = find_by_script(view, "res://addons/executorch/editor/trial/trial_inputs.gd")
	var shows: Callable = func(words: String) -> bool: return str(trial.call("get_result_text")).contains(words)
	if not await wait_until(shows.bind("with generated inputs"), 10.0, "a result"):
		return
	var field: LineEdit = inputs.find_children("*", "LineEdit", true, false)[0]
	check(text_of(inputs).contains("float32 [1, 1]"), text_of(inputs))
	check(field.text.is_valid_float(), "the generated input is not shown: " + field.text)
	field.text = "2.0"
	field.text_submitted.emit(field.text)
	await wait_until(shows.bind("with these inputs"), 10.0, "a second result")
	check(shows.call("\n  7"), str(trial.call("get_result_text")))
	for wrong: Array in [["2, 3", "2 values are given, its shape takes 1"], ["two", "is not a number of float32"]]:
		field.text = wrong[0]
		field.text_submitted.emit(field.text)
		check(shows.call(wrong[1]), str(trial.call("get_result_text")))


func test_numbers_are_not_cut_in_two_lines() -> void:
	var view: Control = await inspect("res://models/convnet.pt2")
	find_button(view, "Run Once").pressed.emit()
	var inputs: Control = find_by_script(view, "res://addons/executorch/editor/trial/trial_inputs.gd") as Control
	await wait_until(func() -> bool: return text_of(inputs).contains("…"), 10.0, "the inputs")
	for node: Node in inputs.find_children("*", "Label", true, false):
		check((node as Label).autowrap_mode == TextServer.AUTOWRAP_WORD_SMART, (node as Label).text)


func test_a_batch_that_varies_takes_several_samples() -> void:
	var view: Control = await inspect(POLICY)
	find_button(view, "Run Once").pressed.emit()
	var trial: Node = find_by_script(view, "res://addons/executorch/editor/trial/trial_view.gd")
	var inputs: Node = find_by_script(view, "res://addons/executorch/editor/trial/trial_inputs.gd")
	var shows: Callable = func(words: String) -> bool: return str(trial.call("get_result_text")).contains(words)
	if not await wait_until(shows.bind("with generated inputs"), 10.0, "a result"):
		return
	var field: LineEdit = inputs.find_children("*", "LineEdit", true, false)[0]
	var sample: String = field.text
	field.text = sample + ", " + sample
	field.text_submitted.emit(field.text)
	await wait_until(shows.bind("[2, 4]"), 10.0, "two results")
	field.text = sample + ", 1"
	field.text_submitted.emit(field.text)
	check(shows.call("a sample has"), str(trial.call("get_result_text")))


func test_benchmark_measures_calls() -> void:
	var model: ExecuTorchResource = load("res://models/convnet.pt2")
	var trial: Trial = Trial.new()
	var results: Array[Dictionary] = []
	trial.benchmark_finished.connect(func(result: Dictionary) -> void: results.append(result))
	trial.benchmark(model, Facts.new(model.metadata).get_methods()[0])
	if await wait_until(func() -> bool: return not results.is_empty(), 15.0, "a benchmark"):
		var result: Dictionary = results[0]
		check(not result.has("error"), str(result))
		check(int(result["count"]) > 10, str(result))
		check(
			float(result["min_us"]) <= float(result["p50_us"]) and float(result["p50_us"]) <= float(result["p99_us"]),
			str(result)
		)


func test_generated_inputs_run_every_model() -> void:
	for file: String in DirAccess.get_files_at("res://models"):
		if not file.get_extension() in ["pt", "pt2", "pte"]:
			continue
		var model: ExecuTorchResource = load("res://models/" + file)
		for method: Dictionary in Facts.new(model.metadata).get_methods():
			var outputs: Dictionary = model.execute(str(method["name"]), Inputs.make(method))
			check_equal(outputs.size(), (method["outputs"] as Array).size(), "%s %s" % [file, method["name"]])


func test_snippet_parses_and_runs() -> void:
	for file: String in DirAccess.get_files_at("res://models"):
		if not file.get_extension() in ["pt", "pt2", "pte"]:
			continue
		var path: String = "res://models/" + file
		for method: Dictionary in Facts.new((load(path) as ExecuTorchResource).metadata).get_methods():
			var code: String = Snippet.make(path, method)
			var script: GDScript = GDScript.new()
			script.source_code = "@tool\nextends RefCounted\n\n\n" + code
			check_equal(script.reload(), OK, code)
			var function: String = "run_" + file.get_basename()
			var runner: RefCounted = script.new()
			check(runner.has_method(function), code)
			runner.call(function)


func test_a_snippet_has_no_code_of_a_name() -> void:
	var evil: String = "a\n\tOS.kill(1)\nvar evil: int = OS.kill(1)\n#"
	var value: Dictionary = {"name": evil, "dtype": evil, "shape": [1]}
	var code: String = Snippet.make("res://models/%s.pt" % evil, {"name": evil, "inputs": [value], "outputs": [value]})
	for line: String in code.split("\n"):
		check(not line.strip_edges().begins_with("OS.kill") and not line.begins_with("var evil"), code)
