extends "res://tests/case.gd"
## ExecuTorchNode and its signals.

var _heard: Array[String] = []


func test_node_loads_by_itself_and_predicts() -> void:
	var node: ExecuTorchNode = ExecuTorchNode.new()
	node.model = _model("linear.pt")
	_listen(node)
	add_child(node)
	check(node.is_model_loaded(), "auto_load")
	check_equal(node.get_session().get_model_name(), "linear")
	check_near(node.predict([1.0]), [5.0])
	check_near(node.predict_named({"input_0": [2.0]}).get("output_0", []), [7.0])
	check_near(await node.predict_async([3.0]), [9.0])
	check_near((await node.predict_named_async({"input_0": [4.0]})).get("output_0", []), [11.0])
	node.unload_model()
	check(not node.is_model_loaded(), "unloaded")
	check_equal(_heard, ["loaded", "completed", "completed", "completed", "completed", "unloaded"] as Array[String])
	node.free()


func test_node_by_path_without_auto_load() -> void:
	var node: ExecuTorchNode = ExecuTorchNode.new()
	node.auto_load = false
	node.model_path = "res://models/linear_portable.pte"
	add_child(node)
	check(not node.is_model_loaded(), "nothing by itself")
	check(node.load_model(), "the model is loaded")
	check_near(node.predict([1.0]), [5.0])
	node.free()


func test_node_that_fails() -> void:
	expect_error("UNKNOWN_INPUT")
	var node: ExecuTorchNode = ExecuTorchNode.new()
	node.model = _model("linear.pt")
	_listen(node)
	add_child(node)
	check_equal(node.predict_named({"nothing": 1.0}), {})
	check_equal(_heard, ["loaded", "failed UNKNOWN_INPUT"] as Array[String])
	check_equal(await node.predict_named_async({"neither": 1.0}), {})
	check(str(node.get_last_error()).contains("neither"), "the error of the last call: %s" % node.get_last_error())
	node.free()


func test_node_without_a_model() -> void:
	expect_error("PAYLOAD_MISSING")
	var node: ExecuTorchNode = ExecuTorchNode.new()
	node.model_path = "res://models/nothing.pte"
	_listen(node)
	add_child(node)
	check_equal(_heard, ["failed PAYLOAD_MISSING"] as Array[String])
	node.free()


func test_node_whose_output_is_a_number() -> void:
	var node: ExecuTorchNode = _loaded("res://models/number.pte")
	check_near(node.predict([1.0, 2.0, 3.0, 4.0]), [2.5])
	check_near(await node.predict_async([1.0, 2.0, 3.0, 4.0]), [2.5])
	check_equal(_heard, ["loaded", "completed", "completed"] as Array[String])
	node.free()


func test_node_whose_output_has_no_elements() -> void:
	var node: ExecuTorchNode = _loaded("res://models/no_rows.pte")
	check_equal(node.predict([1.0, 2.0, 3.0, 4.0]), PackedFloat32Array())
	check_equal(await node.predict_async([1.0, 2.0, 3.0, 4.0]), PackedFloat32Array())
	node.predict_named({"input_0": [1.0, 2.0, 3.0, 4.0]})
	check_equal(_heard, ["loaded", "completed", "completed", "completed"] as Array[String])
	node.free()


func test_node_that_is_given_another_model() -> void:
	var node: ExecuTorchNode = ExecuTorchNode.new()
	node.auto_load = false
	node.model = _model("linear.pt")
	add_child(node)
	check_near(node.predict([1.0]), [5.0])
	node.model = _model("number.pte")
	check(not node.is_model_loaded(), "the former is let go")
	check_near(node.predict([1.0, 2.0, 3.0, 4.0]), [2.5])
	node.model = null
	node.model_path = "res://models/linear_portable.pte"
	check_near(node.predict([1.0]), [5.0])
	node.free()


func test_the_first_calls_are_asynchronous() -> void:
	var node: ExecuTorchNode = ExecuTorchNode.new()
	node.auto_load = false
	node.model = _model("linear.pt").duplicate()
	_listen(node)
	add_child(node)
	var got: Array[PackedFloat32Array] = []
	for value: float in [1.0, 2.0, 3.0] as Array[float]:
		_predict_into(got, node, [value])
	await wait_until(func() -> bool: return got.size() == 3, 20.0)
	check_equal(got, [PackedFloat32Array([5.0]), PackedFloat32Array([7.0]), PackedFloat32Array([9.0])])
	check_equal(_heard, ["loaded", "completed", "completed", "completed"] as Array[String])
	node.free()


func test_a_model_that_is_replaced_before_it_was_loaded_does_not_run() -> void:
	var node: ExecuTorchNode = ExecuTorchNode.new()
	node.auto_load = false
	node.model = _model("number.pte").duplicate()
	add_child(node)
	var got: Array[PackedFloat32Array] = []
	# A worker may have run this call before the model is replaced.
	_predict_into(got, node, [1.0, 1.0, 1.0, 1.0])
	node.model = _model("linear.pt")
	_predict_into(got, node, [1.0])
	await wait_until(func() -> bool: return got.size() == 2, 20.0)
	check(PackedFloat32Array([5.0]) in got, "the model of the second call: %s" % [got])
	node.free()


func test_the_time_to_load_grows_with_the_number_of_nodes_and_not_faster() -> void:
	_model("policy.pt2").load_model()
	var few: float = minf(_seconds_to_load(100), _seconds_to_load(100))
	var many: float = _seconds_to_load(1000)
	# Ten times as much is right, and a hundred times what a search through all of them takes.
	check(many < 40.0 * few, "100 nodes: %f s, 1000 nodes: %f s" % [few, many])


func _seconds_to_load(count: int) -> float:
	var parent: Node = Node.new()
	add_child(parent)
	var begin_usec: int = Time.get_ticks_usec()
	for index: int in count:
		var node: ExecuTorchNode = ExecuTorchNode.new()
		node.model = _model("policy.pt2")
		parent.add_child(node)
	var seconds: float = (Time.get_ticks_usec() - begin_usec) / 1e6
	check((parent.get_child(count - 1) as ExecuTorchNode).is_model_loaded(), "it is loaded")
	parent.free()
	return seconds


func _predict_into(got: Array[PackedFloat32Array], node: ExecuTorchNode, input: PackedFloat32Array) -> void:
	got.append(await node.predict_async(input))


func _loaded(path: String) -> ExecuTorchNode:
	var node: ExecuTorchNode = ExecuTorchNode.new()
	node.model_path = path
	_listen(node)
	add_child(node)
	return node


func _listen(node: ExecuTorchNode) -> void:
	_heard = []
	node.model_loaded.connect(func() -> void: _heard.append("loaded"))
	node.model_unloaded.connect(func() -> void: _heard.append("unloaded"))
	node.inference_completed.connect(func(_result: Dictionary) -> void: _heard.append("completed"))
	node.inference_failed.connect(func(error: ExecuTorchError) -> void: _heard.append("failed " + error.code_name))


func _model(file: String) -> ExecuTorchResource:
	return load("res://models/" + file)
