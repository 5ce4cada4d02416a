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
	check_equal(node.load_model(), OK)
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
