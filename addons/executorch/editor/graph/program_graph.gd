@tool
extends RefCounted
## A method of a program, or the inside of a delegate, as boxes and the tensors that flow between them.

const OperatorNames := preload("res://addons/executorch/editor/shared/operator_names.gd")


## One box: `kind` is "input", "output", "kernel", "delegate" or "operator" (inside a delegate).
class Box:
	extends RefCounted
	var kind: String = "kernel"
	var title: String = ""
	## The full name of what the box is, for its tooltip.
	var full_name: String = ""
	var backend: String = ""
	## Value ids, constants left out.
	var inputs: PackedStringArray = []
	var outputs: PackedStringArray = []
	## Descriptions of constant inputs such as "float32 16 × 3 × 3 × 3".
	var constants: PackedStringArray = []
	## The graph inside a delegate; null when it is not known.
	var inner: RefCounted = null
	## Index in the program's chain; -1 for inputs and outputs.
	var instruction: int = -1
	## Names of the values that it computes, in the graph that the model was exported to.
	var value_names: PackedStringArray = []


## A connection: from box and output port to box and input port.
class Edge:
	extends RefCounted
	var from: int = 0
	var from_port: int = 0
	var to: int = 0
	var to_port: int = 0
	var value: String = ""


var boxes: Array[Box] = []
var edges: Array[Edge] = []
## Value id -> `{dtype, shape, constant, bytes}`.
var values: Dictionary = {}
## Value id -> box and port that wrote it last, while the graph is built.
var _writers: Dictionary = {}
var _value_names: Dictionary = {}


## A method of the backend's answer to `graph`; `value_names` as the metadata has them.
static func from_method(method: Dictionary, value_names: Dictionary = {}) -> RefCounted:
	var graph: RefCounted = new()
	graph.set(&"_value_names", value_names)
	@warning_ignore("unsafe_method_access")
	graph._build(method.get("values", {}), method.get("nodes", []), method.get("inputs", []), method.get("outputs", []))
	return graph


## "float32 1 × 3 × 224 × 224" of a value; empty when it is not known.
func describe(value: String) -> String:
	var tensor: Dictionary = values.get(value, {})
	return "%s %s" % [tensor.get("dtype", ""), shape_of(value)] if not tensor.is_empty() else ""


## "1 × 3 × 224 × 224" of a value.
func shape_of(value: String) -> String:
	var words: PackedStringArray = []
	for size: Variant in (values.get(value, {}) as Dictionary).get("shape", []) as Array:
		words.append(str(int(size)))
	return " × ".join(words) if not words.is_empty() else "scalar"


## The number of operators, those inside of delegates included.
func count_operators() -> int:
	var count: int = 0
	for box: Box in boxes:
		if box.inner != null:
			@warning_ignore("unsafe_method_access")
			count += box.inner.count_operators()
		elif box.kind in ["kernel", "operator", "delegate"]:
			count += 1
	return count


func _build(known: Dictionary, nodes: Array, inputs: Array, outputs: Array) -> void:
	values = known
	for index: int in inputs.size():
		var box: Box = _end_box("input", index, inputs.size())
		box.outputs = [_id(inputs[index])]
		_add(box)
	for index: int in nodes.size():
		_add(_box_of(nodes[index], index))
	for index: int in outputs.size():
		var box: Box = _end_box("output", index, outputs.size())
		box.inputs = [_id(outputs[index])]
		_add(box)
	_writers.clear()


## The box of one of `count` inputs or outputs of the graph.
static func _end_box(kind: String, index: int, count: int) -> Box:
	var box: Box = Box.new()
	box.kind = kind
	box.title = kind.capitalize() if count == 1 else "%s %d" % [kind.capitalize(), index]
	return box


func _box_of(node: Dictionary, index: int) -> Box:
	var box: Box = Box.new()
	box.kind = str(node.get("kind", "operator"))
	box.backend = str(node.get("backend", ""))
	box.full_name = str(node.get("operator", ""))
	box.title = OperatorNames.title(box.full_name)
	box.instruction = index
	box.value_names = _names_of(node)
	if box.kind == "delegate":
		box.title = OperatorNames.backend_title(box.backend)
		box.full_name = box.backend
		var inner_nodes: Array = node.get("inner", [])
		if not inner_nodes.is_empty():
			box.inner = _inside(node, inner_nodes)
	for value: Variant in node.get("inputs", []) as Array:
		var id: String = _id(value)
		if (values.get(id, {}) as Dictionary).get("constant", false):
			box.constants.append(describe(id))
		elif not box.inputs.has(id):
			box.inputs.append(id)
	for value: Variant in node.get("outputs", []) as Array:
		box.outputs.append(_id(value))
	return box


func _names_of(node: Dictionary) -> PackedStringArray:
	if node.has("instruction"):
		var of_instruction: Dictionary = _value_names.get("instructions", {})
		return PackedStringArray(of_instruction.get(str(int(node["instruction"])), []) as Array)
	var of_handle: Dictionary = _value_names.get("handles", {})
	var name_inside: String = of_handle.get(str(int(node.get("handle", 0))), "")
	return [] if name_inside.is_empty() else [name_inside]


func _inside(node: Dictionary, inner_nodes: Array) -> RefCounted:
	var graph: RefCounted = (get_script() as GDScript).new()
	graph.set(&"_value_names", _value_names)
	var known: Dictionary = node.get("inner_values", {})
	var written: Dictionary = {}
	var free_inputs: Array = []
	var used: Dictionary = {}
	for inner: Dictionary in inner_nodes:
		for value: Variant in inner.get("inputs", []) as Array:
			var id: String = _id(value)
			used[id] = true
			var constant: bool = (known.get(id, {}) as Dictionary).get("constant", false)
			if not constant and not written.has(id) and not free_inputs.has(id):
				free_inputs.append(id)
		for value: Variant in inner.get("outputs", []) as Array:
			written[_id(value)] = true
	var results: Array = written.keys().filter(func(id: String) -> bool: return not used.has(id))
	@warning_ignore("unsafe_method_access")
	graph._build(known, inner_nodes, free_inputs, results)
	return graph


func _add(box: Box) -> void:
	var index: int = boxes.size()
	boxes.append(box)
	for port: int in box.inputs.size():
		if _writers.has(box.inputs[port]):
			var writer: Vector2i = _writers[box.inputs[port]]
			var edge: Edge = Edge.new()
			edge.from = writer.x
			edge.from_port = writer.y
			edge.to = index
			edge.to_port = port
			edge.value = box.inputs[port]
			edges.append(edge)
	for port: int in box.outputs.size():
		_writers[box.outputs[port]] = Vector2i(index, port)


## JSON has no integers: 3 may arrive as 3.0.
static func _id(value: Variant) -> String:
	return str(int(value)) if value is float or value is int else str(value)
