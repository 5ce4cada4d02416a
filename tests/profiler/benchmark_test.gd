@tool
extends "res://tests/case.gd"
## Benchmarks of a real model, what the dock shows of them, and what is written to files.

const Dock := preload("res://addons/executorch/editor/profiler/profiler_dock.gd")
const Benchmark := preload("res://addons/executorch/editor/profiler/benchmark/benchmark.gd")
const BenchmarkResult := preload("res://addons/executorch/editor/profiler/benchmark/benchmark_result.gd")
const Comparison := preload("res://addons/executorch/editor/profiler/benchmark/comparison.gd")
const ModelFiles := preload("res://addons/executorch/editor/profiler/data/model_files.gd")
const GeneratedInputs := preload("res://addons/executorch/runtime/calls/generated_inputs.gd")
const OtherRecipe := preload("res://addons/executorch/editor/profiler/benchmark/other_recipe.gd")
const AtomicFile := preload("res://addons/executorch/runtime/library/atomic_file.gd")
const SavedRuns := preload("res://addons/executorch/editor/profiler/benchmark/saved_runs.gd")
const OperatorsTab := preload("res://addons/executorch/editor/profiler/tabs/operators_tab.gd")
const AgainstMenu := preload("res://addons/executorch/editor/profiler/tabs/against_menu.gd")
const ExportMenu := preload("res://addons/executorch/editor/profiler/export/export_menu.gd")
const MODEL: String = "res://models/convnet.pt2"
const RUNS: int = 60


func find_dock() -> Dock:
	return EditorInterface.get_base_control().get_window().find_child("ModelProfiler", true, false) as Dock


func measure(path: String = MODEL) -> BenchmarkResult:
	var benchmark: Benchmark = Benchmark.new()
	var about: Dictionary = ModelFiles.describe(path)
	about["method"] = "forward"
	about["open"] = ModelFiles.open.bind(load(path))
	benchmark.start([about], RUNS, PackedInt32Array([1]))
	var ended: Array = await benchmark.finished
	check_equal((ended[0] as Array).size(), 1, "%s" % ended[1])
	return ended[0][0]


func test_durations_agree_with_a_wall_clock() -> void:
	# Portable kernels take some milliseconds, beside which the call from a script is nothing.
	var note: Callable = func(_progress: Dictionary) -> void: pass
	var slow: Dictionary = await OtherRecipe.convert(find_dock().benchmark._jobs, MODEL, "portable", note)
	check(slow.has("open"), "%s" % slow.get("error"))
	var module: RefCounted = (slow["open"] as Callable).call()
	var meta: Dictionary = module.call(&"get_method_meta", "forward")
	var inputs: Array = GeneratedInputs.make_by_position(meta["inputs"] as Array)
	module.call(&"execute_tensors", "forward", inputs)
	module.call(&"set_call_log", 1000)
	# Of each call the clock sees a little more than the log; the median of the calls was disturbed in neither.
	var clock: PackedFloat64Array = []
	for run: int in 200:
		var begin: int = Time.get_ticks_usec()
		module.call(&"execute_tensors", "forward", inputs)
		clock.append(Time.get_ticks_usec() - begin)
	var numbers: PackedFloat64Array = module.call(&"take_call_log")
	check_equal(numbers.size(), clock.size() * 5)
	var shares: PackedFloat64Array = []
	for index: int in clock.size():
		shares.append(numbers[index * 5 + 2] / clock[index])
	shares.sort()
	clock.sort()
	@warning_ignore("integer_division")
	var middle: int = clock.size() / 2
	print("a call takes %.0f us by the clock, its log says %.1f%% of it" % [clock[middle], shares[middle] * 100.0])
	check(shares[middle] > 0.95 and shares[middle] < 1.005, "%.3f of %.0f us" % [shares[middle], clock[middle]])


func test_operators_are_reconciled() -> void:
	var result: BenchmarkResult = await measure()
	check_equal(result.traces.size(), Benchmark.TRACED_CALLS)
	var reconciled: Dictionary = result.reconciliation()
	check(float(reconciled["covered"]) > 0.5 and float(reconciled["covered"]) <= 1.0, "%s" % reconciled)
	var share: float = 0.0
	for row: Dictionary in result.operators().rows:
		share += row["share"]
	check_near(share, 1.0, 0.02)
	check(
		result.operators().rows.any(func(row: Dictionary) -> bool: return int(row["depth"]) == 2), "inside a delegate"
	)


func test_a_saved_run_comes_back_equal() -> void:
	var result: BenchmarkResult = await measure()
	check(SavedRuns.new().folder.begins_with(OS.get_data_dir()), "in the user's data folder, not in the project")
	var saved: SavedRuns = SavedRuns.new("user://profiler_test_runs")
	var file: String = saved.save(result)
	var again: BenchmarkResult = saved.open(file)
	check(again != null, file)
	check_near(again.durations_us[0], result.durations_us[0], 1e-9)
	check_equal(again.traces.size(), result.traces.size())
	check(saved.last_before(MODEL, result.date) == null, "a run is not before itself")
	check(saved.last_before(MODEL, result.date + 10.0) != null, "but before a later one")
	for row: Dictionary in Comparison.rows(result, again, 1):
		check_equal(row["verdict"], 0, "the same run is neither better nor worse")
	DirAccess.remove_absolute(file)


func test_the_newest_saved_run_of_all_models_is_the_first() -> void:
	var saved: SavedRuns = SavedRuns.new("user://profiler_test_order")
	var wanted: PackedStringArray = []
	for index: int in 8:
		var result: BenchmarkResult = BenchmarkResult.new()
		result.name = "net-%d" % (index % 3)
		result.path = "res://net_%d.pt" % (index % 3)
		result.date = 1_790_000_000.0 + 60.0 * index
		wanted.append(saved.save(result))
	wanted.reverse()
	check_equal(saved.list(), wanted)
	check_equal(saved.list("res://net_1.pt"), PackedStringArray([wanted[0], wanted[3], wanted[6]]))
	for file: String in wanted:
		DirAccess.remove_absolute(file)


func test_two_slow_models_share_the_time() -> void:
	var benchmark: Benchmark = Benchmark.new()
	benchmark.longest_us = 400_000
	var subjects: Array[Dictionary] = []
	for subject: String in ["one", "other"]:
		subjects.append({"name": subject, "open": func() -> RefCounted: return SlowModule.new()})
	benchmark.start(subjects, 1000, PackedInt32Array([1]))
	var ended: Array = await benchmark.finished
	var counts: Array = (ended[0] as Array).map(func(each: BenchmarkResult) -> int: return each.durations_us[0].size())
	check(counts.min() >= 5 and counts.max() <= counts.min() * 2, "%s calls %s" % [counts, ended[1]])


func test_a_broken_file_is_no_run() -> void:
	var saved: SavedRuns = SavedRuns.new("user://profiler_test_runs")
	DirAccess.make_dir_recursive_absolute(saved.folder)
	for text: String in [
		"", "{", "[]", '{"format": 1}', '{"format": 1, "model": {}, "measurements": [{"durations_us": []}]}'
	]:
		var file: String = saved.folder.path_join("broken.json")
		AtomicFile.write_text(file, text)
		check(saved.open(file) == null, text)
		DirAccess.remove_absolute(file)


func test_comparison_knows_better_from_worse() -> void:
	var fast: BenchmarkResult = BenchmarkResult.new()
	fast.threads = [1]
	fast.durations_us = [PackedFloat64Array([10.0, 10.0, 10.0])]
	var slow: BenchmarkResult = BenchmarkResult.new()
	slow.threads = [1]
	slow.durations_us = [PackedFloat64Array([20.0, 20.0, 20.0])]
	var rows: Array[Dictionary] = Comparison.rows(fast, slow, 1)
	check_equal(rows[0]["verdict"], 1, "a shorter latency is better")
	check_near(rows[0]["change"], -0.5, 1e-9)
	var rate: Dictionary = rows.filter(func(row: Dictionary) -> bool: return row["kind"] == "rate")[0]
	check_equal(rate["verdict"], 1, "a higher rate is better")
	check_near(rate["change"], 1.0, 1e-9)
	check_equal(Comparison.rows(slow, fast, 1)[0]["verdict"], -1)
	check_equal(Comparison.words_of(rows[0]), "2.0× faster")
	check_equal(Comparison.words_of(rate), "2.0× more")
	check_equal(Comparison.words_of(Comparison.rows(slow, fast, 1)[0]), "2.0× slower")
	check_equal(Comparison.words_of(Comparison.rows(fast, fast, 1)[0]), "the same")
	check_equal(Comparison.words_of(Comparison.rows(fast, null, 1)[0]), "")
	var much: Dictionary = {"kind": "time", "this": 191.6, "other": 1.0, "change": 190.6, "verdict": -1}
	check_equal(Comparison.words_of(much), "192× slower", "as long as the column is wide")


func test_only_models_are_offered_and_a_separator_is_no_choice() -> void:
	for path: String in ModelFiles.list():
		check(path.get_extension() != "gd", "%s is not a model" % path)
		check_equal(ModelFiles.why_not(path), "", path)
	check(not ModelFiles.why_not("res://tests/case.gd").is_empty(), "what is not a model says so")
	var menu: AgainstMenu = AgainstMenu.new()
	for round_of: int in 2:
		menu.fill(MODEL, "xnnpack_fp32", [MODEL, "res://models/other.pt"], [])
		check_equal(menu.get_kind(), AgainstMenu.Kind.NOTHING, "nothing was saved yet")
		check(not menu.is_item_separator(menu.selected), "a separator is chosen")
	var saved: PackedStringArray = ["user://0123456789ab-linear-2026-11-30T06.json"]
	menu.fill(MODEL, "xnnpack_fp32", [MODEL], saved)
	check_equal(menu.get_kind(), AgainstMenu.Kind.LAST_SAVED, "a run was saved")
	check(menu.choose(AgainstMenu.Kind.NOTHING), "nothing can be chosen")
	menu.fill(MODEL, "xnnpack_fp32", [MODEL], saved)
	check_equal(menu.get_kind(), AgainstMenu.Kind.NOTHING, "the choice is kept")
	menu.free()


func test_tracing_that_made_calls_shorter_says_nothing() -> void:
	check_equal(OperatorsTab.overhead_words(-0.775), "too noisy to compare")
	check_equal(OperatorsTab.overhead_words(0.031), "+3.1%")


func test_rates_and_perfect_scaling() -> void:
	var result: BenchmarkResult = BenchmarkResult.new()
	result.threads = [1, 2]
	result.durations_us = [PackedFloat64Array([10.0, 30.0]), PackedFloat64Array([15.0, 10.0])]
	check_near(result.rates(), [50_000.0, 80_000.0], 1e-6)
	check_near(result.ideal_rates(), [50_000.0, 100_000.0], 1e-6)


func test_a_model_that_cannot_run_says_why() -> void:
	var benchmark: Benchmark = Benchmark.new()
	benchmark.start([{"name": "none", "open": func() -> RefCounted: return null}], 10, PackedInt32Array([1]))
	var ended: Array = await benchmark.finished
	check((ended[0] as Array).is_empty() and not (ended[1] as String).is_empty(), "%s" % [ended])


func test_two_recipes_of_one_model_are_measured_side_by_side() -> void:
	var dock: Dock = find_dock()
	dock.open_benchmark(MODEL)
	var before: BenchmarkResult = dock.benchmark.get_result()
	check(dock.benchmark.against.choose(AgainstMenu.Kind.RECIPE, "portable"), "the recipe is offered")
	dock.benchmark.start(20, PackedInt32Array([1]))
	await wait_until(func() -> bool: return dock.benchmark.get_result() != before, 120.0, "the benchmark")
	var own: BenchmarkResult = dock.benchmark.get_result()
	var other: BenchmarkResult = dock.benchmark.get_other()
	check(other != null and other.recipe == "portable" and other.path == MODEL, "the other recipe of the same model")
	check(own.recipe != other.recipe, "%s is not the import's own" % own.recipe)
	check_equal([own.durations_us[0].size(), other.durations_us[0].size()], [20, 20])
	check(other.durations_us[0] != own.durations_us[0], "other numbers")
	dock.benchmark.against.choose(AgainstMenu.Kind.NOTHING)


func test_the_dock_shows_and_exports_a_benchmark() -> void:
	var dock: Dock = find_dock()
	dock.benchmark.saved_runs = SavedRuns.new("user://profiler_test_runs")
	dock.open_benchmark(MODEL)
	check(dock.tabs.get_current_tab_control() == dock.benchmark, "the Benchmark tab is open")
	var before: BenchmarkResult = dock.benchmark.get_result()
	dock.benchmark.start(20, PackedInt32Array([1, 2]))
	await wait_until(func() -> bool: return dock.benchmark.get_result() != before, 60.0, "the benchmark")
	check_equal(dock.benchmark.get_result().threads, PackedInt32Array([1, 2]))
	check(not dock.operators.get_traces().is_empty(), "the Operators tab has the traced calls")
	check(dock.operators.list.get_root().get_child_count() > 1, "and their table")
	check(dock.memory.arenas.get_plan() != null, "the Memory tab has the plan of the arenas")
	var menus: Array[Node] = dock.find_children("*", "MenuButton", true, false)
	var menu: ExportMenu = menus.filter(func(node: Node) -> bool: return node is ExportMenu)[0]
	for kind: ExportMenu.Kind in ExportMenu.ITEMS:
		var path: String = OS.get_user_data_dir().path_join("export_%d" % kind)
		# Nothing is drawn without a window, so there is no picture.
		check_equal(menu.write(kind, path), kind != ExportMenu.Kind.PICTURE, ExportMenu.ITEMS[kind][0] as String)
		var written: int = FileAccess.get_file_as_bytes(path).size()
		check(kind == ExportMenu.Kind.PICTURE or written > 100, path)
	dock.operators.show_trace("played", MODEL, dock.operators.get_traces(), dock.operators.get_traces()[0])
	var traced: String = OS.get_user_data_dir().path_join("export_trace")
	check(menu.write(ExportMenu.Kind.TRACE, traced), "the trace of a running game")
	check(FileAccess.get_file_as_string(traced).contains('"played"'), "has its own model's name")
	var calls: String = FileAccess.get_file_as_string(OS.get_user_data_dir().path_join("export_0"))
	check_equal(calls.split("\r\n", false).size(), 41, "a header and 40 calls")


## A model that takes five milliseconds for each call.
class SlowModule:
	extends RefCounted
	var _calls: PackedFloat64Array = []

	func execute_tensors(_method: String, _inputs: Array) -> Array:
		OS.delay_msec(5)
		_calls.append_array([0.0, 0.0, 5000.0, 0.0, 0.0])
		return []

	func take_call_log() -> PackedFloat64Array:
		var taken: PackedFloat64Array = _calls
		_calls = PackedFloat64Array()
		return taken

	func new_session() -> RefCounted:
		return SlowModule.new()

	func load_method(_method: String) -> int:
		return 0

	func get_method_meta(_method: String) -> Dictionary:
		return {}

	func get_memory_info() -> Dictionary:
		return {}

	func get_profile() -> Dictionary:
		return {}

	func enable_profiling(_enabled: bool) -> void:
		pass

	func set_call_log(_capacity: int) -> void:
		pass

	func save_etdump(_path: String) -> int:
		return 1
