extends "res://tests/native/programs.gd"
## ExecuTorchModule itself, on program files: what GDScript gives and gets.

const SIX: PackedFloat32Array = [1, 2, 3, 4, 5, 6]


func test_loads_from_file_buffer_and_stream() -> void:
	var path: String = program_path("linear_xnnpack.pte")
	for way: int in 3:
		var module: Variant = new_module()
		var code: int = 0
		if way == 0:
			code = module.load_from_file(path, {"sha256": FileAccess.get_sha256(path)})
		elif way == 1:
			code = module.load_from_buffer(FileAccess.get_file_as_bytes(path))
		else:
			code = module.load_from_stream(FileAccess.open(path, FileAccess.READ))
		check_equal(code, 0)
		check_equal(module.forward_packed(PackedFloat32Array([2.5])), PackedFloat32Array([8.0]))
		check_equal(module.get_last_error(), {})


func test_a_wrong_hash_is_refused() -> void:
	var module: Variant = new_module()
	check(
		module.load_from_file(program_path("linear_xnnpack.pte"), {"sha256": "00"}) != 0, "loaded in spite of its hash"
	)
	check_equal(module.get_last_error().name, "HASH_MISMATCH")
	check_equal(module.is_loaded(), false)


func test_every_form_of_an_input() -> void:
	var module: Variant = loaded("linear_portable.pte")
	var forms: Array = [
		1,
		1.0,
		true,
		[1],
		[[1.0]],
		[PackedFloat32Array([1.0])],
		PackedFloat32Array([1.0]),
		PackedFloat64Array([1.0]),
		PackedInt32Array([1]),
		PackedInt64Array([1]),
		PackedByteArray([1]),
		{"data": [1.0], "shape": [1, 1]},
		{"data": PackedFloat32Array([1.0]).to_byte_array(), "shape": PackedInt64Array([1, 1]), "dtype": "float32"},
	]
	for form: Variant in forms:
		check_equal(module.forward({"input_0": form}), {"output_0": PackedFloat32Array([5.0])}, var_to_str(form))
		check_equal(module.forward_array([form]), [PackedFloat32Array([5.0])], var_to_str(form))
	check_equal(module.forward({&"input_0": 1}), {"output_0": PackedFloat32Array([5.0])})


## The module reuses a result's memory only after the caller has released it.
func test_results_that_are_held_stay_as_they_are() -> void:
	var module: Variant = loaded("linear_xnnpack.pte")
	var held: Array[PackedFloat32Array] = []
	for value: int in 8:
		held.append(module.forward_packed(PackedFloat32Array([value])))
	var changed: PackedFloat32Array = held[7]
	changed[0] = -1.0
	for value: int in 3:
		var dropped: PackedFloat32Array = module.forward_packed(PackedFloat32Array([100 + value]))
		check_equal(dropped, PackedFloat32Array([203 + 2 * value]))
		dropped[0] = -2.0
	for value: int in 7:
		check_equal(held[value], PackedFloat32Array([2 * value + 3]))
	check_equal(changed, PackedFloat32Array([-1.0]))
	module.clear()
	check_equal(held[0], PackedFloat32Array([3.0]))


func test_wrong_inputs_say_expected_and_got() -> void:
	var module: Variant = loaded("linear_portable.pte")
	var cases: Array = [
		[{"x": 1}, "UNKNOWN_INPUT", '"x"'],
		[{}, "MISSING_INPUT", '"input_0"'],
		[{"input_0": 1, "x": 2}, "UNKNOWN_INPUT", '"x"'],
		[{"input_0": [1, 2]}, "WRONG_SHAPE", "float32[1,1]"],
		[{"input_0": [[1], [2]]}, "WRONG_SHAPE", "[2,1]"],
		[{"input_0": [[1], 2]}, "WRONG_SHAPE", "different lengths"],
		[{"input_0": [PackedFloat32Array(), 2]}, "WRONG_SHAPE", "different lengths"],
		[{"input_0": "text"}, "WRONG_DTYPE", "String"],
		[{"input_0": [null]}, "WRONG_DTYPE", "Nil"],
		[{"input_0": {"shape": [1]}}, "WRONG_DTYPE", "without data"],
		[{"input_0": {"data": [1], "shape": [2, 1]}}, "WRONG_SHAPE", "[2,1]"],
		[{"input_0": {"data": [1], "shape": [-1]}}, "WRONG_SHAPE", "0 or more"],
		[{"input_0": {"data": [1], "dtype": "int64"}}, "WRONG_DTYPE", "int64"],
		[{"input_0": []}, "WRONG_SHAPE", "0 values"],
	]
	for case: Array in cases:
		check_equal(module.forward(case[0]), {})
		var error: Dictionary = module.get_last_error()
		check_equal(error.name, case[1], var_to_str(case[0]))
		check(error.cause.contains(case[2]), "%s is not in: %s" % [case[2], error.cause])
		check(not error.remedy.is_empty(), "no remedy")
	check_equal(module.forward_array([]), [])
	check_equal(module.get_last_error().name, "WRONG_INPUT_COUNT")
	check_equal(module.forward({"input_0": 1}), {"output_0": PackedFloat32Array([5.0])})
	check_equal(module.get_last_error(), {})


func test_methods_by_name_and_tensors() -> void:
	var module: Variant = loaded("two_methods.pte")
	check_equal(Array(module.get_method_names()), ["double", "forward"])
	var outputs: Array = module.execute_tensors("double", [SIX, [[1, 1, 1], [2, 2, 2]]])
	check_equal(outputs.size(), 2)
	check_equal(outputs[0], {"data": PackedFloat32Array([2, 3, 4, 6, 7, 8]), "shape": [2, 3], "dtype": "float32"})
	for ragged: Array in [[SIX.slice(0, 3), 4.0], [4.0, SIX.slice(0, 3)], [[SIX.slice(0, 3)], SIX.slice(0, 1)]]:
		check_equal(module.execute_tensors("double", [SIX, ragged]), [])
		check_equal(module.get_last_error().name, "WRONG_SHAPE")
	check_equal(module.execute("nothing", {}), {})
	check_equal(module.get_last_error().name, "UNKNOWN_METHOD")


## Like a node that the game has freed and still names: its memory is something else's.
func test_objects_that_were_freed_are_none() -> void:
	var module: Variant = new_module()
	var node: Variant = Node.new()
	node.free()
	var others: Array[PackedByteArray] = []
	for size: int in range(400, 1600, 16):
		for _copy: int in 40:
			others.append(PackedByteArray())
			others[-1].resize(size)
			others[-1].fill(0x41)
	check_equal(module.set_memory_pool(node), 0x110)
	check_equal(module.load_from_stream(node), 0x110)
	check_equal(module.load_from_file(program_path("counter.pte"), {"external": [node]}), 0x110)
	expect_error("image_to_tensor expects an Image")
	check_equal(module.image_to_tensor(node, 1, 1), PackedFloat32Array())


func test_signature_names_and_ranges() -> void:
	var module: Variant = loaded("linear_xnnpack.pte")
	var inputs: Array = [{"name": "x", "dtype": "float32", "shape": [1, 1], "ranges": [[1, 1], [1, 1]]}]
	check_equal(module.set_signature("forward", inputs, [{"name": "y"}]), 0)
	check_equal(module.forward({"x": 1}), {"y": PackedFloat32Array([5.0])})
	check_equal(module.forward({"input_0": 1}), {"y": PackedFloat32Array([5.0])})
	check_equal(module.get_method_meta("forward").inputs[0].name, "x")
	check(module.set_signature("forward", [], []) != 0, "a signature without inputs was accepted")
	check_equal(module.get_last_error().name, "WRONG_INPUT_COUNT")


func test_state_sessions_and_reset() -> void:
	var module: Variant = loaded("counter.pte")
	check_equal(module.forward_packed(PackedFloat32Array([1])), PackedFloat32Array([6]))
	check_equal(module.forward_packed(PackedFloat32Array([1])), PackedFloat32Array([7]))
	var session: Variant = module.new_session()
	check_equal(session.forward_packed(PackedFloat32Array([1])), PackedFloat32Array([6]))
	check_equal(module.enable_profiling(true), 0)
	check_equal(module.forward_packed(PackedFloat32Array([1])), PackedFloat32Array([8]))
	check_equal(module.reset_state(), 0)
	check_equal(module.forward_packed(PackedFloat32Array([1])), PackedFloat32Array([6]))
	module = null
	check_equal(session.forward_packed(PackedFloat32Array([1])), PackedFloat32Array([7]))


func test_a_module_goes_on_as_a_session_of_another() -> void:
	var module: Variant = loaded("linear_xnnpack.pte")
	check_equal(module.forward_packed(PackedFloat32Array([1])), PackedFloat32Array([5]))
	var counter: Variant = loaded("counter.pte")
	check_equal(counter.forward_packed(PackedFloat32Array([1])), PackedFloat32Array([6]))
	check_equal(module.become_session_of(counter), 0)
	check_equal(module.forward_packed(PackedFloat32Array([1])), PackedFloat32Array([6]), "with a state of its own")
	check_equal(counter.forward_packed(PackedFloat32Array([1])), PackedFloat32Array([7]))
	counter.clear()
	check_equal(module.forward_packed(PackedFloat32Array([1])), PackedFloat32Array([7]))
	for wrong: Variant in [module, RefCounted.new(), null]:
		check(module.become_session_of(wrong) != 0, "%s was taken" % wrong)
	check_equal(module.become_session_of(counter), 0)
	check(not module.is_loaded(), "the other one runs nothing either")


func test_memory_policies() -> void:
	var module: Variant = new_module()
	check(module.configure_memory(1, 0) != 0, "STATIC without a limit was accepted")
	check(module.configure_memory(7, 0) != 0, "an unknown policy was accepted")
	check_equal(module.configure_memory(1, 16), 0)
	check_equal(module.load_from_file(program_path("linear_xnnpack.pte")), 0)
	check(module.load_method("forward") != 0, "a model of more than 16 bytes fitted into 16 bytes")
	check_equal(module.get_last_error().name, "MEMORY_LIMIT_EXCEEDED")
	check_equal(module.configure_memory(1, 65536), 0)
	check_equal(module.forward_packed(PackedFloat32Array([1])), PackedFloat32Array([5]))
	var info: Dictionary = module.get_memory_info()
	check_equal(info.limit, 65536)
	var parts: int = info.program + info.allocators + info.unused + info.delegate
	for bytes: int in info.planned:
		parts += bytes
	check_equal(info.total, parts)


func test_a_pool_is_shared() -> void:
	var pool: Variant = ClassDB.instantiate(&"ExecuTorchMemoryPool")
	var modules: Array = []
	for file: String in ["linear_xnnpack.pte", "linear_portable.pte"]:
		var module: Variant = new_module()
		check_equal(module.configure_memory(2, 0), 0)
		check_equal(module.set_memory_pool(pool), 0)
		check_equal(module.load_from_file(program_path(file)), 0)
		modules.append(module)
	for module: Variant in modules:
		check_equal(module.forward_packed(PackedFloat32Array([1])), PackedFloat32Array([5]))
	check_equal(pool.get_info().models, 2)
	check(pool.get_info().saved > 0, "the pool saves nothing")


func test_a_pool_has_its_limit_also_for_models_that_know_it() -> void:
	var pool: Variant = ClassDB.instantiate(&"ExecuTorchMemoryPool")
	var module: Variant = new_module()
	check_equal(module.configure_memory(2, 0), 0)
	check(module.set_memory_pool(RefCounted.new()) != 0, "an object that is not a pool was accepted")
	check_equal(module.set_memory_pool(pool), 0)
	check_equal(pool.set_limit(16), true)
	check_equal(module.load_from_file(program_path("linear_portable.pte")), 0)
	check(module.load_method("forward") != 0, "a model of more than 16 bytes fitted into 16 bytes")
	check_equal(module.get_last_error().name, "MEMORY_LIMIT_EXCEEDED")
	check_equal(pool.set_limit(0), true)
	check_equal(module.load_method("forward"), 0)
	check_equal(pool.get_info().models, 1)
	check_equal(pool.set_limit(16), false)
	check_equal(pool.set_limit(-1), false)


func test_statistics_and_call_log() -> void:
	var module: Variant = loaded("linear_xnnpack.pte")
	module.set_call_log(8)
	for i: int in 5:
		module.forward_packed(PackedFloat32Array([1]))
	module.forward({"x": 1})
	var statistics: Dictionary = module.get_statistics()
	check_equal(statistics.count, 5)
	check_equal(statistics.errors, 1)
	check(statistics.min_us <= statistics.p50_us and statistics.p50_us <= statistics.max_us, str(statistics))
	var calls: PackedFloat64Array = module.take_call_log()
	check_equal(calls.size(), 6 * 5)
	check_equal(calls[0], 1.0)
	check_equal(calls[5 * 5], 6.0)
	check(calls[5 * 5 + 4] != 0.0, "the refused call has no error")
	check_equal(module.take_call_log().size(), 0)
	module.reset_statistics()
	check_equal(module.get_statistics().count, 0)


func test_what_the_runtime_has() -> void:
	var module: Variant = new_module()
	check(module.get_backends().has("XnnpackBackend"), str(module.get_backends()))
	check(module.get_operators().has("aten::add.out"), "no aten::add.out")
	check(module.get_versions().has("executorch"), str(module.get_versions()))
	var before: int = module.get_num_threads()
	module.set_num_threads(1)
	check_equal(module.get_num_threads(), 1)
	module.set_num_threads(0)
	check(module.get_num_threads() >= 1, "0 is at least one thread")
	check(module.get_num_threads() < maxi(2, OS.get_processor_count()), "0 leaves a processor to the frame")
	module.set_num_threads(before)
	expect_error("cannot load")
	check(module.load_library("/nowhere/lib.so") != 0, "a library that does not exist was loaded")


func test_unknown_files_are_tried_first() -> void:
	var module: Variant = new_module()
	check_equal(module.verify_file(program_path("counter.pte")).ok, true)
	var bytes: PackedByteArray = FileAccess.get_file_as_bytes(program_path("counter.pte"))
	for i: int in range(100, 400):
		bytes[i] = (bytes[i] * 7 + i) % 256
	var path: String = OS.get_user_data_dir().path_join("damaged.pte")
	FileAccess.open(path, FileAccess.WRITE).store_buffer(bytes)
	var result: Dictionary = module.verify_file(path)
	check_equal(result.ok, false)
	check(not result.cause.is_empty(), "no cause")
