@tool
extends "res://tests/case.gd"
## Inputs that a game gave a model: recorded by the native module, stored as NumPy files, replayed by a benchmark.

const Benchmark := preload("res://addons/executorch/editor/profiler/benchmark/benchmark.gd")
const BenchmarkResult := preload("res://addons/executorch/editor/profiler/benchmark/benchmark_result.gd")
const ModelFiles := preload("res://addons/executorch/editor/profiler/data/model_files.gd")
const Npz := preload("res://addons/executorch/editor/profiler/data/npz.gd")
const RecordedInputs := preload("res://addons/executorch/editor/profiler/data/recorded_inputs.gd")
const MODEL: String = "res://models/linear_xnnpack.pte"


func open_model() -> RefCounted:
	return ModelFiles.open(load(MODEL) as ExecuTorchResource)


func folder() -> String:
	return OS.get_user_data_dir().path_join("profiler_test_inputs")


## A recording of calls with the inputs 0, 1, 2, ...
func record(calls: int) -> RecordedInputs:
	var module: RefCounted = open_model()
	module.call(&"record_inputs", calls)
	for index: int in calls + 3:
		module.call(&"forward", {"input_0": [float(index)]})
	var recording: RecordedInputs = RecordedInputs.new()
	recording.name = "linear"
	recording.path = MODEL
	recording.date = 1e9
	for entry: Dictionary in module.call(&"take_recorded_inputs"):
		check(recording.add(entry), "%s is taken" % entry)
	return recording


func test_the_module_records_what_it_is_given() -> void:
	var module: RefCounted = open_model()
	check_equal(module.call(&"take_recorded_inputs"), [], "nothing without being asked")
	module.call(&"record_inputs", 3)
	module.call(&"forward", {"input_0": [[2.0]]})
	module.call(&"forward_packed", PackedFloat32Array([3.0]))
	module.call(&"forward_array", [PackedFloat32Array([4.0])])
	module.call(&"forward", {"input_0": [5.0]})
	var taken: Array = module.call(&"take_recorded_inputs")
	check_equal(taken.size(), 3, "no more than asked for")
	for index: int in taken.size():
		check_equal(taken[index]["method"], "forward")
		var tensor: Dictionary = (taken[index]["inputs"] as Array)[0]
		check_equal(tensor["data"], PackedFloat32Array([index + 2.0]))
		check_equal(tensor["shape"], [1, 1])
	module.call(&"forward", {"wrong": [1.0]})
	check_equal(module.call(&"take_recorded_inputs"), [], "taken once")


func test_a_stopped_recording_keeps_nothing() -> void:
	var module: RefCounted = open_model()
	module.call(&"record_inputs", 100)
	module.call(&"forward", {"input_0": [1.0]})
	module.call(&"record_inputs", 0)
	module.call(&"forward", {"input_0": [1.0]})
	check_equal(module.call(&"take_recorded_inputs"), [])


func test_a_recording_comes_back_from_its_folder() -> void:
	var place: String = record(5).save(["x"], folder())
	check(not place.is_empty(), "it is written")
	check_equal(RecordedInputs.list(MODEL, folder()), PackedStringArray([place]))
	for ending: String in ["_inputs", "_inputs_2"]:
		var copied: String = RecordedInputs.copy_beside(place, folder().path_join("net.pt"))
		check_equal(copied, folder().path_join("net" + ending))
		check_equal(RecordedInputs.open(copied, ["x"]).calls.size(), 5)
	for ending: String in ["_inputs", "_inputs_2"]:
		OS.move_to_trash(folder().path_join("net" + ending))
	var again: RecordedInputs = RecordedInputs.open(place, ["x"])
	check_equal(again.calls.size(), 5)
	check_equal(again.method, "forward")
	for index: int in again.calls.size():
		check_equal((again.calls[index][0] as Dictionary)["data"], PackedFloat32Array([index]))
		check_equal((again.calls[index][0] as Dictionary)["shape"], [1, 1])
	check(RecordedInputs.open(place, ["another name"]) == null, "not for a model with other inputs")
	check_equal(RecordedInputs.open(place.path_join("0002.npz"), ["x"]).calls.size(), 1, "one file")
	OS.move_to_trash(place)


func test_every_kind_of_array_is_kept() -> void:
	var file: String = OS.get_user_data_dir().path_join("kinds.npz")
	var arrays: Dictionary = {
		"f": {"data": PackedFloat32Array([1.5, -2.0, 3.0, 4.0]), "shape": [2, 2], "dtype": "float16"},
		"d": {"data": PackedFloat64Array([1e-300]), "shape": [1]},
		"i": {"data": PackedInt64Array([1 << 60, -1, 5]), "shape": [3, 1]},
		"s": {"data": PackedInt32Array([-7]), "shape": []},
		"b": {"data": PackedByteArray([1, 0]), "shape": [2], "dtype": "bool"},
		"none": {"data": PackedFloat32Array(), "shape": [0, 4]},
	}
	check(Npz.write(file, arrays), "written")
	var again: Dictionary = Npz.read(file)
	for key: String in arrays:
		check_equal(again[key]["data"], arrays[key]["data"], key)
		check_equal(again[key]["shape"], arrays[key]["shape"], key)


func test_damaged_files_are_no_recordings() -> void:
	var file: String = OS.get_user_data_dir().path_join("damaged.npz")
	Npz.write(file, {"x": {"data": PackedFloat32Array([1.0]), "shape": [1]}})
	var whole: PackedByteArray = FileAccess.get_file_as_bytes(file)
	var odd: Array[PackedByteArray] = [PackedByteArray(), "PK".to_ascii_buffer(), "not a zip".to_ascii_buffer()]
	for bytes: PackedByteArray in odd:
		var access: FileAccess = FileAccess.open(file, FileAccess.WRITE)
		access.store_buffer(bytes)
		access.close()
		check_equal(Npz.read(file), {})
		check(RecordedInputs.open(file, ["x"]) == null, "%d bytes" % bytes.size())
	check(whole.size() > 100, "the whole one was written")
	check(RecordedInputs.open("user://nowhere", ["x"]) == null, "no folder")


func test_malformed_calls_are_refused() -> void:
	var recording: RecordedInputs = RecordedInputs.new()
	var data: PackedFloat32Array = [1.0, 2.0]
	for entry: Dictionary in [
		{},
		{"method": 5, "inputs": []},
		{"method": "forward"},
		{"method": "forward", "inputs": ["text"]},
		{"method": "forward", "inputs": [{"data": data}]},
		{"method": "forward", "inputs": [{"data": data, "shape": [3]}]},
		{"method": "forward", "inputs": [{"data": data, "shape": ["2"]}]},
		{"method": "forward", "inputs": [{"data": [1.0, 2.0], "shape": [2]}]},
		{"method": "forward", "inputs": [{"data": data, "shape": [-1, -2]}]},
	]:
		check(not recording.add(entry), "%s was taken" % entry)
	check_equal(recording.calls.size(), 0)
	check(recording.add({"method": "forward", "inputs": [{"data": data, "shape": [1, 2]}, 3, true]}), "a good one")
	check(recording.add({"method": "other", "inputs": []}), "another method is well formed")
	check_equal([recording.calls.size(), recording.left_out], [1, 1], "but not of this recording")


func test_a_benchmark_replays_the_recorded_calls() -> void:
	var subject: Dictionary = ModelFiles.describe(MODEL)
	var seen: Array[RefCounted] = []
	subject["method"] = "forward"
	subject["inputs"] = record(4)
	subject["open"] = func() -> RefCounted:
		var module: RefCounted = open_model()
		module.call(&"record_inputs", 1000)
		seen.append(module)
		return module
	var benchmark: Benchmark = Benchmark.new()
	benchmark.start([subject], 20, PackedInt32Array([1]))
	var ended: Array = await benchmark.finished
	check_equal((ended[0] as Array).size(), 1, str(ended[1]))
	var result: BenchmarkResult = ended[0][0]
	check_equal(result.inputs, "4 recorded calls")
	check_equal(result.durations_us[0].size(), 20)
	var given: Array = seen[0].call(&"take_recorded_inputs")
	var turn: PackedFloat32Array = []
	for entry: Dictionary in given.slice(0, 8):
		turn.append(((entry["inputs"] as Array)[0] as Dictionary)["data"][0] as float)
	check_equal(turn, PackedFloat32Array([0, 1, 2, 3, 0, 1, 2, 3]), "in turn")


func test_two_models_are_measured_side_by_side() -> void:
	var subjects: Array[Dictionary] = []
	for path: String in [MODEL, "res://models/linear_portable.pte"]:
		var subject: Dictionary = ModelFiles.describe(path)
		subject["method"] = "forward"
		subject["open"] = ModelFiles.open.bind(load(path))
		subjects.append(subject)
	var benchmark: Benchmark = Benchmark.new()
	benchmark.start(subjects, 35, PackedInt32Array([1, 2]))
	var ended: Array = await benchmark.finished
	var results: Array = ended[0]
	check_equal(results.size(), 2, str(ended[1]))
	for result: BenchmarkResult in results:
		check_equal(result.threads, PackedInt32Array([1, 2]))
		check_equal(result.durations_us[0].size(), 35)
		check(not result.traces.is_empty(), "traced")
	check_equal([results[0].name, results[1].name], ["linear_xnnpack", "linear_portable"])


func test_a_model_that_cannot_run_ends_the_pair() -> void:
	var good: Dictionary = ModelFiles.describe(MODEL)
	good["method"] = "forward"
	good["open"] = open_model
	var benchmark: Benchmark = Benchmark.new()
	benchmark.start([good, {"name": "gone", "open": func() -> RefCounted: return null}], 10, PackedInt32Array([1]))
	var ended: Array = await benchmark.finished
	check_equal((ended[0] as Array).size(), 0)
	check((ended[1] as String).contains("gone"), "%s names the model" % ended[1])
