extends "res://tests/native/programs.gd"
## Every error of the native library that a program or a call can bring about, by its name.


func test_calls_before_loading() -> void:
	var module: Variant = new_module()
	check_equal(module.forward({"input_0": 1}), {})
	_check_error(module, "NOT_LOADED")
	check(module.reset_state() != 0, "reset without a model")
	_check_error(module, "NOT_LOADED")


func test_an_error_belongs_to_the_thread_of_its_call() -> void:
	var module: Variant = loaded("linear_portable.pte")
	var thread: Thread = Thread.new()
	thread.start(
		func() -> Dictionary:
			module.forward({"nothing": 1})
			return module.get_last_error()
	)
	var of_thread: Dictionary = thread.wait_to_finish()
	check_equal(of_thread.get("name"), "UNKNOWN_INPUT")
	check_equal(module.get_last_error(), {})


func test_files_that_cannot_be_read() -> void:
	var module: Variant = new_module()
	for path: String in ["/nowhere/model.pte", "/proc", ""]:
		check(module.load_from_file(path) != 0, path)
		_check_error(module, "FILE_UNREADABLE")
	var options: Dictionary = {"external": ["/nowhere/weights.ptd"]}
	check(module.load_from_file(program_path("linear_portable.pte"), options) != 0, "missing weights")
	_check_error(module, "FILE_UNREADABLE")


func test_bytes_that_are_no_program() -> void:
	var module: Variant = new_module()
	check(module.load_from_buffer("PK34, and more than eight bytes".to_utf8_buffer()) != 0, "a text was loaded")
	_check_error(module, "NOT_A_PROGRAM")


func test_values_out_of_range() -> void:
	var module: Variant = loaded("counter.pte")
	check_equal(module.forward({"input_0": {"data": [1.0], "shape": [9223372036854775807]}}), {})
	_check_error(module, "VALUE_OUT_OF_RANGE")


func test_a_backend_and_an_operator_that_are_not_here_are_named() -> void:
	var module: Variant = new_module()
	check(module.load_from_buffer(_changed("linear_xnnpack.pte", "XnnpackBackend", "XnnpackBackenx")) != 0, "loaded")
	_check_error(module, "BACKEND_MISSING", "XnnpackBackenx")
	check(module.load_from_buffer(_changed("linear_portable.pte", "aten::addmm", "aten::addmx")) != 0, "loaded")
	_check_error(module, "OPERATOR_MISSING", "aten::addmx")
	# Without a trial they are found when the method is loaded.
	var bytes: PackedByteArray = _changed("linear_portable.pte", "aten::addmm", "aten::addmx")
	check_equal(module.load_from_buffer(bytes, {"trial_seconds": 0}), 0)
	check_equal(module.forward({"input_0": 1}), {})
	_check_error(module, "OPERATOR_MISSING", "aten::addmx")


func test_options_that_make_no_sense() -> void:
	var module: Variant = new_module()
	var refused: Array[Callable] = [
		func() -> int: return module.configure_memory(1, 0),
		func() -> int: return module.configure_memory(0, -1),
		func() -> int: return module.set_optimization_level(3),
		func() -> int: return module.set_memory_pool(null),
		func() -> int: return module.load_from_stream(null),
		func() -> int: return module.load_from_file(program_path("counter.pte"), {"external": [1]}),
		func() -> int: return module.save_etdump("/tmp/nothing.etdp"),
	]
	for index: int in refused.size():
		check(refused[index].call() != 0, "option %d was taken" % index)
		_check_error(module, "INVALID_OPTION")


func test_a_library_that_is_none() -> void:
	expect_error("cannot load")
	check_equal(new_module().load_library(program_path("counter.pte")), 0x10F, "LIBRARY_NOT_LOADED")


func test_a_file_that_is_cut_short_while_it_is_mapped() -> void:
	var path: String = OS.get_user_data_dir().path_join("cut.pte")
	DirAccess.copy_absolute(program_path("convnet_xnnpack.pte"), path)
	var module: Variant = new_module()
	check_equal(module.load_from_file(path), 0)
	# Cut in place, as a careless download would: the mapping's pages are gone.
	check_equal(OS.execute("truncate", ["-s", "100", path]), 0)
	var input: PackedFloat32Array = []
	input.resize(3 * 32 * 32)
	check_equal(module.forward_packed(input), PackedFloat32Array())
	check(module.get_last_error().name in ["FILE_CHANGED", "AccessFailed"], str(module.get_last_error()))
	check_equal(loaded("counter.pte").forward_packed(PackedFloat32Array([1])), PackedFloat32Array([6]))


func test_a_file_that_is_replaced_while_it_is_mapped() -> void:
	var path: String = OS.get_user_data_dir().path_join("replaced.pte")
	DirAccess.copy_absolute(program_path("linear_xnnpack.pte"), path)
	var module: Variant = new_module()
	check_equal(module.load_from_file(path), 0)
	DirAccess.copy_absolute(program_path("counter.pte"), path + ".new")
	check_equal(DirAccess.rename_absolute(path + ".new", path), OK)
	check_equal(module.forward_packed(PackedFloat32Array([1])), PackedFloat32Array([5]))
	check_equal(module.load_from_file(path), 0)
	check_equal(module.forward_packed(PackedFloat32Array([1])), PackedFloat32Array([6]))


func test_a_stream_that_ends_early() -> void:
	var path: String = OS.get_user_data_dir().path_join("stream.pte")
	DirAccess.copy_absolute(program_path("convnet_xnnpack.pte"), path)
	var module: Variant = new_module()
	# A stream that is to be tried in a child process is copied first, and then it does not matter.
	check_equal(module.load_from_stream(FileAccess.open(path, FileAccess.READ), {"trial_seconds": 0}), 0)
	check_equal(OS.execute("truncate", ["-s", "100", path]), 0)
	check(module.load_method("forward") != 0, "a method was read from a file that ended before it")
	_check_error(module, "AccessFailed")


func test_structures_that_are_damaged() -> void:
	var module: Variant = new_module()
	var bytes: PackedByteArray = FileAccess.get_file_as_bytes(program_path("counter.pte"))
	check(module.load_from_buffer(bytes.slice(0, bytes.size() - 200)) != 0, "a file that is cut short was loaded")
	_check_error(module, "STRUCTURE_INVALID")


func _check_error(module: Variant, code_name: String, part: String = "") -> void:
	var error: Dictionary = module.get_last_error()
	check_equal(error.get("name", ""), code_name, str(error))
	check(part.is_empty() or str(error.get("cause", "")).contains(part), "%s is not in: %s" % [part, error])
	check(not str(error.get("remedy", "")).is_empty(), "no remedy: %s" % error)


## A program with a name of its own replaced by one that is as long.
func _changed(file: String, from: String, to: String) -> PackedByteArray:
	var text: String = FileAccess.get_file_as_bytes(program_path(file)).hex_encode()
	return text.replace(from.to_utf8_buffer().hex_encode(), to.to_utf8_buffer().hex_encode()).hex_decode()
