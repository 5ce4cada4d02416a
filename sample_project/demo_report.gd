extends Node
## Runs every model of the sample project on real input and prints what came out, as text.
## The process ends with status 0 when all of it is right, else with 1.

const LINEAR_FILES: PackedStringArray = ["res://models/linear_regression.pt", "res://models/linear_regression.pte"]
const LINEAR_TOLERANCE: float = 1e-3
const DIGITS_FILE: String = "res://models/digits.pt"
const DIGITS_ACCURACY: float = 0.97
const STEERING_FILE: String = "res://models/steering.pth"
const AGENTS: int = 1000
const TIMED_CALLS: int = 300

var _failures: PackedStringArray = []


func _ready() -> void:
	for path: String in LINEAR_FILES:
		_report_linear_regression(path)
	_report_digits()
	_report_steering()
	_report_models()
	for failure: String in _failures:
		printerr("demo: ", failure)
	if _failures.is_empty():
		print("demo: ok")
	get_tree().quit(0 if _failures.is_empty() else 1)


func _report_linear_regression(path: String) -> void:
	var model: ExecuTorchResource = _load(path)
	if model == null:
		return
	print("%s: y = 2x + 3" % path.get_file())
	print("      x    expected   predicted       error")
	for x: float in [0.0, 1.0, 2.0, -1.0]:
		var expected: float = 2.0 * x + 3.0
		var result: Dictionary = model.forward({"input_0": [x]})
		if not result.has("output_0"):
			_failures.append("%s gave no output_0: %s" % [path, model.get_last_error()])
			return
		var predicted: float = (result["output_0"] as PackedFloat32Array)[0]
		print("%7.2f  %10.2f  %10.5f  %10.7f" % [x, expected, predicted, absf(predicted - expected)])
		if absf(predicted - expected) > LINEAR_TOLERANCE:
			_failures.append("%s predicted %f for x = %.1f, expected %.1f" % [path, predicted, x, expected])
	print()


func _report_digits() -> void:
	var model: ExecuTorchResource = _load(DIGITS_FILE)
	if model == null:
		return
	var held_out: Dictionary = (load("res://data/test_digits.json") as JSON).data
	var images: Array = held_out["images"]
	var labels: Array = held_out["labels"]
	var right: int = 0
	for index: int in images.size():
		var pixels: PackedFloat32Array = PackedFloat32Array(images[index] as Array)
		for pixel: int in pixels.size():
			pixels[pixel] /= 16.0
		var logits: PackedFloat32Array = model.forward_array(pixels)
		if logits.size() != 10:
			_failures.append(
				"%s gave %d logits, expected 10: %s" % [DIGITS_FILE, logits.size(), model.get_last_error()]
			)
			return
		right += int(_largest(logits) == int(labels[index]))
	var accuracy: float = float(right) / images.size()
	print("digits.pt: %d of %d held-out digits are right (%.2f%%)" % [right, images.size(), accuracy * 100.0])
	print()
	if accuracy < DIGITS_ACCURACY:
		_failures.append("digits.pt is right on %.4f of the digits, expected %.2f" % [accuracy, DIGITS_ACCURACY])


func _report_steering() -> void:
	var model: ExecuTorchResource = _load(STEERING_FILE)
	if model == null:
		return
	# Every agent stands left of its target and rests: it must be told to go right.
	var observations: PackedFloat32Array = []
	for agent: int in AGENTS:
		observations.append_array([1.0, 0.0, 0.0, 0.0])
	var accelerations: PackedFloat32Array = model.forward_array(observations)
	var told_right: bool = accelerations.size() == AGENTS * 2
	for agent: int in AGENTS if told_right else 0:
		told_right = told_right and accelerations[agent * 2] > 0.5 and absf(accelerations[agent * 2 + 1]) < 0.2
	if told_right:
		print("steering.pth: %d agents steered in one call, %.3f ms" % [AGENTS, model.get_last_inference_time()])
		print()
	else:
		_failures.append("steering.pth did not steer %d agents: %s" % [AGENTS, model.get_last_error()])


func _report_models() -> void:
	print("model                      source            recipe           delegated  planned    mean ms     p99 ms")
	for path: String in LINEAR_FILES + PackedStringArray([DIGITS_FILE, STEERING_FILE]):
		var model: ExecuTorchResource = _load(path)
		if model == null:
			continue
		var inputs: Dictionary = {}
		var meta: Dictionary = model.get_method_meta("forward")
		for entry: Dictionary in meta["inputs"]:
			var count: int = 1
			for size: int in model.get_input_shapes()[inputs.size()]:
				count *= size
			var values: PackedFloat32Array = []
			values.resize(count)
			inputs[entry["name"]] = values
		var times: PackedFloat64Array = []
		for call_index: int in TIMED_CALLS:
			model.forward(inputs)
			times.append(model.get_last_inference_time())
		times.sort()
		var total: float = 0.0
		for time: float in times:
			total += time
		var metadata: Dictionary = model.metadata
		var planned: int = 0
		for bytes: int in meta["planned_memory"]:
			planned += bytes
		var share: float = (meta.get("delegation", {}) as Dictionary).get("share", 0.0)
		print(
			(
				"%-25s  %-16s  %-15s  %8.0f%%  %7d  %9.4f  %9.4f"
				% [
					path.get_file(),
					(metadata["source"] as Dictionary)["kind"],
					metadata["recipe"],
					share * 100.0,
					planned,
					total / TIMED_CALLS,
					times[floori(TIMED_CALLS * 0.99)],
				]
			)
		)


func _load(path: String) -> ExecuTorchResource:
	var model: ExecuTorchResource = load(path) as ExecuTorchResource
	if model == null and not _failures.has("cannot load " + path):
		_failures.append("cannot load " + path)
	return model


func _largest(values: PackedFloat32Array) -> int:
	var best: int = 0
	for index: int in values.size():
		if values[index] > values[best]:
			best = index
	return best
