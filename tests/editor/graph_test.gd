@tool
extends "res://tests/editor/views.gd"
## The graph of a program: its boxes and edges, their places, and the window.

const ProgramGraph := preload("res://addons/executorch/editor/graph/program_graph.gd")
const Layout := preload("res://addons/executorch/editor/graph/graph_layout.gd")
const Canvas := preload("res://addons/executorch/editor/graph/graph_canvas.gd")
const Profiler := preload("res://addons/executorch/editor/profiler/profiler_dock.gd")
const Programs := preload("res://tests/editor/programs.gd")
const GraphWindow := preload("res://addons/executorch/editor/graph/graph_window.gd")
const ModelFiles := preload("res://addons/executorch/editor/profiler/data/model_files.gd")
const RecordedInputs := preload("res://addons/executorch/editor/profiler/data/recorded_inputs.gd")
const Summary := preload("res://addons/executorch/editor/graph/value_summary.gd")
const GeneratedInputs := preload("res://addons/executorch/runtime/calls/generated_inputs.gd")
const TrialInputs := preload("res://addons/executorch/editor/trial/trial_inputs.gd")
const VALUES_WINDOW: String = "res://addons/executorch/editor/graph/values_window.gd"
const CONVNET: String = "res://models/convnet.pt2"
const POLICY: String = "res://models/policy.pt2"
const CANVAS: String = "res://addons/executorch/editor/graph/graph_canvas.gd"


class SlowJobs:
	extends Jobs
	## Python has read the program at `payload`.
	signal answered(payload: String)

	func call_backend(_method: String, params: Dictionary, _on_progress: Callable = Callable()) -> Dictionary:
		while await answered != params["payload"]:
			pass
		return {"result": {"methods": [{"name": params["payload"]}]}}


func test_boxes_do_not_overlap_and_flow_to_the_right() -> void:
	var random: RandomNumberGenerator = RandomNumberGenerator.new()
	random.seed = 3
	for round_of: int in 20:
		var sizes: PackedVector2Array = []
		var edges: Array[Vector2i] = []
		for box: int in random.randi_range(1, 60):
			sizes.append(Vector2(random.randf_range(40, 200), random.randf_range(30, 120)))
			for edge: int in random.randi_range(0, 3) if box > 0 else 0:
				edges.append(Vector2i(random.randi_range(0, box - 1), box))
		var places: PackedVector2Array = Layout.place(sizes, edges, Vector2(50, 20))
		check_equal(places.size(), sizes.size())
		for edge: Vector2i in edges:
			check(places[edge.x].x + sizes[edge.x].x <= places[edge.y].x, "an edge leads back: %s" % edge)
		for one: int in sizes.size():
			for other: int in one:
				var overlap: bool = Rect2(places[one], sizes[one]).intersects(Rect2(places[other], sizes[other]))
				check(not overlap, "%d and %d overlap in round %d" % [other, one, round_of])


func test_values_connect_boxes() -> void:
	var graph: ProgramGraph = (
		ProgramGraph
		. from_method(
			{
				"inputs": [0],
				"outputs": [3.0],
				"values":
				{
					"0": {"dtype": "float32", "shape": [1, 8]},
					"1": {"dtype": "float32", "shape": [8, 4], "constant": true},
					"2": {"dtype": "float32", "shape": [1, 4]},
					"3": {"dtype": "float32", "shape": [1, 4]},
				},
				"nodes":
				[
					{"kind": "kernel", "operator": "aten::mm.out", "inputs": [0, 1], "outputs": [2]},
					{"kind": "kernel", "operator": "aten::add.out", "inputs": [2, 2], "outputs": [3]},
				],
			}
		)
	)
	check_equal(graph.boxes.size(), 4)
	check_equal(graph.edges.size(), 3)
	check_equal(graph.boxes[1].constants, PackedStringArray(["float32 8 × 4"]))
	check_equal(graph.boxes[1].title, "mm")
	check_equal(graph.shape_of("3"), "1 × 4")
	check_equal(graph.count_operators(), 2)


func test_bad_program_gives_an_empty_graph() -> void:
	var programs: Array[Dictionary] = [
		{}, {"nodes": [{}]}, {"inputs": [7], "outputs": [9], "nodes": [{"outputs": [1]}]}
	]
	for program: Dictionary in programs:
		var graph: ProgramGraph = ProgramGraph.from_method(program)
		check_equal(graph.edges.size(), 0)


func test_500_nodes_open() -> void:
	var canvas: Canvas = Canvas.new()
	add_child(canvas)
	var graph: ProgramGraph = ProgramGraph.from_method(Programs.large(500)["methods"][0])
	print("a graph of 500 nodes: %.0f ms" % canvas.show_graph(graph))
	check_equal(canvas.get_connection_list().size(), graph.edges.size())
	check_equal(canvas.find_children("box_*", "GraphNode", false, false).size(), graph.boxes.size())
	check(canvas.find_next("aten::add"), "no operator was found by its name")
	check(not canvas.find_next("no such operator"), "an operator was found that does not exist")
	canvas.free()


func test_a_menu_shows_the_values_of_a_box() -> void:
	var model: ExecuTorchResource = load(CONVNET)
	var payload: String = model.payload_path
	var sha256: String = FileAccess.get_sha256(payload)
	var canvas: Canvas = await _open_graph(CONVNET, "forward")
	var delegate: int = _index_of("XNNPACK", canvas)
	var names: Array = canvas.get("_graph").get("boxes")[delegate].get("value_names")
	for value: String in ["conv2d", "relu", "conv2d_1", "linear"]:
		check(names.has(value), "%s is not in %s" % [value, names])
	canvas.open_menu(delegate, Vector2i(50, 50))
	var menu: PopupMenu = canvas.find_children("*", "PopupMenu", false, false)[0]
	check_equal(menu.item_count, names.size())
	check_equal(menu.get_item_text(names.find("relu")), "Show Values of relu")
	menu.hide()
	menu.id_pressed.emit(names.find("relu"))
	var window: Window = find_by_script(get_tree().root, VALUES_WINDOW) as Window
	var text: String = await _text_with(window, "deviation")
	check(text.contains("float32 1 × 16 × 32 × 32"), text)
	check(text.contains("from 0.0 to "), "ReLU leaves nothing below 0: " + text)
	check(text.contains("Black: 0.0, white: "), text)
	check_equal((window.get("_channel") as SpinBox).suffix, "of 16")
	check((window.get("_picture") as TextureRect).texture.get_size() == Vector2(32, 32), "a picture of a feature map")
	check_equal(model.payload_path, payload)
	check_equal(FileAccess.get_sha256(payload), sha256, "the model in the project")
	# An output of the model itself needs no other program.
	menu.id_pressed.emit(names.find("linear"))
	text = await _text_with(window, "deviation")
	check(text.contains("float32 1 × 10"), text)
	window.hide()


func test_values_of_a_recorded_call() -> void:
	var model: ExecuTorchResource = load(CONVNET)
	var module: RefCounted = ModelFiles.open(model)
	module.call(&"record_inputs", 2)
	for value: float in [0.0, 1.0]:
		var pixels: PackedFloat32Array = []
		pixels.resize(3 * 32 * 32)
		pixels.fill(value)
		module.call(&"forward", {"input_0": pixels})
	var recording: RecordedInputs = RecordedInputs.new()
	recording.name = "convnet"
	recording.path = CONVNET
	recording.date = Time.get_unix_time_from_system()
	for entry: Dictionary in module.call(&"take_recorded_inputs"):
		check(recording.add(entry), "a call is taken")
	check(not recording.save(["input_0"]).is_empty(), "the recording is saved")
	var canvas: Canvas = await _open_graph(CONVNET, "forward")
	var delegate: int = _index_of("XNNPACK", canvas)
	var names: Array = canvas.get("_graph").get("boxes")[delegate].get("value_names")
	canvas.open_menu(delegate, Vector2i(50, 50))
	var menu: PopupMenu = canvas.find_children("*", "PopupMenu", false, false)[0]
	menu.hide()
	menu.id_pressed.emit(names.find("linear"))
	var window: Window = find_by_script(get_tree().root, VALUES_WINDOW) as Window
	await _text_with(window, "deviation")
	var source: OptionButton = window.get("_source")
	check_equal(source.get_item_text(source.item_count - 1), "Recorded Call")
	var number: SpinBox = window.get("_call")
	check_equal(number.max_value, 2.0)
	source.select(source.item_count - 1)
	source.item_selected.emit(source.item_count - 1)
	for index: int in 2:
		number.value = index + 1
		await _text_with(window, "deviation")
		var summary: Summary = window.get("_summary")
		var pixels: PackedFloat32Array = []
		pixels.resize(3 * 32 * 32)
		pixels.fill(index)
		var outputs: PackedFloat32Array = module.call(&"forward", {"input_0": pixels})["output_0"]
		check_near(summary.mean, Array(outputs).reduce(func(sum: float, x: float) -> float: return sum + x, 0.0) / 10.0)
		check_near(summary.most, Array(outputs).max() as float)
	window.hide()


func test_values_of_more_samples_than_one() -> void:
	var model: ExecuTorchResource = load(POLICY)
	var method: Dictionary = (model.metadata["methods"] as Array)[0]
	var input: String = (method["inputs"] as Array)[0]["name"]
	var of_one: int = Array(GeneratedInputs.make(method)[input]["data"]).size()
	var values: Array = []
	for index: int in 3 * of_one:
		values.append(float(index))
	TrialInputs.keep(POLICY, "forward", {input: values})
	var output: String = ((method["value_names"] as Dictionary)["outputs"] as Dictionary).keys()[0]
	var window: Window = find_by_script(get_tree().root, VALUES_WINDOW) as Window
	window.call("open", model, "forward", output)
	var text: String = await _text_with(window, "deviation")
	check(text.contains("float32 3 × "), text)
	TrialInputs.keep(POLICY, "forward", {})
	window.hide()


func test_recorded_calls_of_another_method_are_not_offered() -> void:
	var recording: RecordedInputs = RecordedInputs.new()
	recording.name = "policy"
	recording.path = POLICY
	recording.date = Time.get_unix_time_from_system()
	var numbers: PackedFloat32Array = []
	numbers.resize(64)
	recording.add({"method": "other", "inputs": [{"data": numbers, "shape": [1, 64], "dtype": "float32"}]})
	check(not recording.save(["input_0"]).is_empty(), "the recording is saved")
	var model: ExecuTorchResource = load(POLICY)
	var window: Window = find_by_script(get_tree().root, VALUES_WINDOW) as Window
	window.call("open", model, "forward", "")
	var source: OptionButton = window.get("_source")
	for index: int in source.item_count:
		check(source.get_item_text(index) != "Recorded Call", "inputs of another method")
	window.hide()


func test_a_finished_program_has_no_names_of_values() -> void:
	var canvas: Canvas = await _open_graph("res://models/two_methods.pte", "double")
	var kernel: int = 0
	while kernel < 20 and canvas.get("_graph").get("boxes")[kernel].get("kind") != "kernel":
		kernel += 1
	canvas.open_menu(kernel, Vector2i(50, 50))
	var menu: PopupMenu = canvas.find_children("*", "PopupMenu", false, false)[0]
	check_equal(menu.get_item_text(0), "Show Values")
	menu.hide()
	menu.id_pressed.emit(0)
	var window: Window = find_by_script(get_tree().root, VALUES_WINDOW) as Window
	check(
		(await _text_with(window, "finished program")).contains("Import the model that it was made of"), "why, and what"
	)
	window.hide()


func test_a_summary_of_values() -> void:
	var planes: PackedFloat32Array = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
	var summary: Summary = Summary.new({"name": "x", "data": planes, "shape": [1, 3, 2, 2], "dtype": "float32"})
	check_equal([summary.least, summary.most, summary.mean, summary.zeros], [0.0, 11.0, 5.5, 1])
	check_near(summary.deviation, sqrt(143.0 / 12.0))
	check_equal(summary.get_picture_count(), 3)
	check(summary.is_colour(), "three channels are colours")
	check_equal(summary.get_picture(1).get_data(), PackedByteArray([93, 116, 139, 162]))
	check_equal(summary.get_picture(-1).get_data().slice(0, 3), PackedByteArray([0, 93, 185]))
	check_equal(summary.get_picture(3), null)
	var strange: Summary = Summary.new({"data": PackedFloat32Array([NAN, INF, 2.0]), "shape": [3], "dtype": "float32"})
	check_equal([strange.unreal, strange.least, strange.most, strange.get_picture_count()], [2, 2.0, 2.0, 0])
	var empty: Summary = Summary.new({"data": PackedFloat32Array(), "shape": [0, 4], "dtype": "float32"})
	check_equal([empty.count, empty.get_picture_count(), empty.get_picture(0)], [0, 0, null])
	var bytes: Summary = Summary.new({"data": PackedByteArray([0, 255]), "shape": [1, 2], "dtype": "uint8"})
	check_equal([bytes.most, bytes.get_picture_count()], [255.0, 0])


func test_window_shows_a_real_program_and_what_is_inside_a_delegate() -> void:
	var window: Window = find_by_script(get_tree().root, GRAPH_WINDOW) as Window
	window.call("open", load(CONVNET), "forward")
	var canvas: Canvas = find_by_script(window, "res://addons/executorch/editor/graph/graph_canvas.gd") as Canvas
	var boxes: Callable = func() -> Array[Node]: return canvas.find_children("box_*", "GraphNode", false, false)
	if not await wait_until(func() -> bool: return (boxes.call() as Array).size() > 0, 60.0, "a graph"):
		check(false, text_of(window))
		return
	var text: String = text_of(window)
	check(text.contains("XNNPACK") or _titles(boxes).has("XNNPACK"), "no delegate in %s" % str(_titles(boxes)))
	var delegate: GraphNode = null
	for box: GraphNode in boxes.call() as Array:
		if box.title == "XNNPACK":
			delegate = box
	for button: Node in delegate.get_titlebar_hbox().find_children("*", "Button", true, false):
		(button as Button).pressed.emit()
	await get_tree().process_frame
	check(_titles(boxes).size() > 3, "inside the delegate: %s" % str(_titles(boxes)))
	for frame: int in 4:
		await get_tree().process_frame
	for box: GraphNode in boxes.call() as Array:
		if not box.is_queued_for_deletion():
			var place: Rect2 = Rect2(box.position_offset * canvas.zoom - canvas.scroll_offset, box.size * canvas.zoom)
			check(Rect2(Vector2.ZERO, canvas.size).encloses(place), "%s is not in sight" % box.title)
	window.hide()


func test_operator_of_the_profiler_is_shown_in_the_graph() -> void:
	var window: Window = find_by_script(get_tree().root, GRAPH_WINDOW) as Window
	var canvas: Canvas = find_by_script(window, "res://addons/executorch/editor/graph/graph_canvas.gd") as Canvas
	var profiler: Profiler = get_tree().root.find_child("ModelProfiler", true, false) as Profiler
	window.hide()
	var path: String = "res://models/convnet.pt2"
	profiler.operator_selected.emit(path, "forward", {"instruction": 0, "name": "x"})
	check(not window.visible, "selecting a row opened the window")
	profiler.operator_opened.emit(path, "forward", {"instruction": 0, "name": "DELEGATE_CALL"})
	await wait_until(func() -> bool: return _selected(canvas).size() == 1, 60.0, "a selected box")
	check(window.visible, "the window is not shown")
	check(_selected(canvas)[0].tooltip_text.contains("(instruction 0)"), _selected(canvas)[0].tooltip_text)
	_selected(canvas)[0].selected = false
	profiler.operator_selected.emit(path, "forward", {"instruction": 0, "name": "DELEGATE_CALL"})
	check_equal(_selected(canvas).size(), 1, "an open window does not follow the profiler")
	window.hide()


func _selected(canvas: Canvas) -> Array[GraphNode]:
	var found: Array[GraphNode] = []
	for node: Node in canvas.find_children("box_*", "GraphNode", false, false):
		if (node as GraphNode).selected and not node.is_queued_for_deletion():
			found.append(node as GraphNode)
	return found


func _titles(boxes: Callable) -> PackedStringArray:
	var titles: PackedStringArray = []
	for box: GraphNode in boxes.call() as Array:
		if not box.is_queued_for_deletion():
			titles.append(box.title)
	return titles


func test_a_late_answer_does_not_take_the_place_of_the_next_model() -> void:
	var jobs: SlowJobs = SlowJobs.new()
	var window: GraphWindow = GraphWindow.new(jobs)
	EditorInterface.get_base_control().add_child(window)
	var payloads: PackedStringArray = []
	for path: String in ["res://models/convnet.pt2", "res://models/policy.pt2"]:
		var model: ExecuTorchResource = load(path)
		payloads.append(ProjectSettings.globalize_path(model.payload_path))
		window.open(model, "forward")
	for payload: String in [payloads[1], payloads[0]]:
		jobs.answered.emit(payload)
	check(window.title.begins_with("policy"), window.title)
	check_equal((window.get("_method") as OptionButton).get_item_text(0), payloads[1])
	window.queue_free()
	jobs.free()


func _open_graph(path: String, method: String) -> Canvas:
	var window: Window = find_by_script(get_tree().root, GRAPH_WINDOW) as Window
	await window.call("open", load(path), method)
	return find_by_script(window, CANVAS) as Canvas


func _index_of(title: String, canvas: Canvas) -> int:
	var boxes: Array = canvas.get("_graph").get("boxes")
	for index: int in boxes.size():
		if (boxes[index] as ProgramGraph.Box).title == title:
			return index
	return -1


# What a window shows once these words are there.
func _text_with(window: Window, words: String) -> String:
	await wait_until(func() -> bool: return text_of(window).contains(words), 240.0, words)
	return text_of(window)
