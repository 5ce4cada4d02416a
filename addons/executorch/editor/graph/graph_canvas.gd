@tool
extends GraphEdit
## Shows a program's graph: boxes in the colours of their backends, shapes at the ports, laid out along the flow.

## A delegate that has something inside was opened.
signal delegate_opened(box: ProgramGraph.Box)
## The values with this name are to be shown; the name is empty when none is known.
signal values_requested(value_name: String)

const ProgramGraph := preload("program_graph.gd")
const Layout := preload("graph_layout.gd")
const Style := preload("res://addons/executorch/editor/shared/style.gd")
const COLUMN_GAP: float = 70.0
const ROW_GAP: float = 28.0
## A graph is not shown smaller than this, so that its boxes stay distinct.
const SMALLEST_ZOOM: float = 0.12

## Operator -> why no delegate took it.
var reasons: Dictionary[String, String] = {}

var _graph: ProgramGraph
var _boxes: Array[GraphNode] = []
var _style: Style
var _menu: PopupMenu = PopupMenu.new()
var _menu_names: PackedStringArray = []


func _init() -> void:
	_menu.id_pressed.connect(func(id: int) -> void: values_requested.emit(_menu_names[id]))
	add_child(_menu)
	minimap_enabled = true
	show_arrange_button = false
	show_grid_buttons = false
	snapping_enabled = false
	right_disconnects = false
	panning_scheme = GraphEdit.SCROLL_ZOOMS
	connection_lines_curvature = 0.4
	node_selected.connect(_highlight)
	node_deselected.connect(_highlight)


## Shows a whole graph. Returns the milliseconds that it took.
func show_graph(graph: ProgramGraph) -> float:
	var begin: int = Time.get_ticks_usec()
	_graph = graph
	_style = Style.new(self)
	clear_connections()
	for node: GraphNode in _boxes:
		remove_child(node)
		node.queue_free()
	_boxes.clear()
	var sizes: PackedVector2Array = []
	for index: int in graph.boxes.size():
		var node: GraphNode = _make_node(graph.boxes[index], index)
		_boxes.append(node)
		add_child(node)
		sizes.append(node.get_combined_minimum_size())
	var pairs: Array[Vector2i] = []
	for edge: ProgramGraph.Edge in graph.edges:
		pairs.append(Vector2i(edge.from, edge.to))
		connect_node(_boxes[edge.from].name, edge.from_port, _boxes[edge.to].name, edge.to_port)
	var places: PackedVector2Array = Layout.place(sizes, pairs, Vector2(_style.px(COLUMN_GAP), _style.px(ROW_GAP)))
	for index: int in _boxes.size():
		_boxes[index].position_offset = places[index]
	_show_whole.call_deferred()
	return (Time.get_ticks_usec() - begin) / 1000.0


## Selects and centres the next box whose name contains `words`; false when there is none.
func find_next(words: String) -> bool:
	var first: int = 0
	for index: int in _boxes.size():
		if _boxes[index].selected:
			first = index + 1
	for step_of: int in _boxes.size():
		var index: int = (first + step_of) % _boxes.size()
		var box: ProgramGraph.Box = _graph.boxes[index]
		if (box.title + " " + box.full_name).containsn(words):
			set_selected(_boxes[index])
			_centre(_boxes[index])
			return true
	return false


## Selects and centres the box of an instruction: of those with the operator's name the nearest, else the box itself (an
## operator inside a delegate is found at its delegate). False when there is none.
func select_instruction(instruction: int, operator: String) -> bool:
	var best: int = -1
	var best_distance: int = 0
	for index: int in _boxes.size():
		var box: ProgramGraph.Box = _graph.boxes[index]
		if box.instruction < 0:
			continue
		var distance: int = absi(box.instruction - instruction) if instruction >= 0 else box.instruction
		var fits: bool = box.full_name == operator or (instruction >= 0 and distance == 0)
		if fits and (best < 0 or distance < best_distance):
			best = index
			best_distance = distance
	if best < 0:
		return false
	set_selected(_boxes[best])
	# After the deferred start of a new graph.
	_centre.call_deferred(_boxes[best])
	return true


## Opens the menu of a box at a place of the screen.
func open_menu(index: int, at: Vector2i) -> void:
	set_selected(_boxes[index])
	_menu.clear()
	_menu_names = _graph.boxes[index].value_names.duplicate()
	for id: int in _menu_names.size():
		_menu.add_item("Show Values" if _menu_names.size() == 1 else "Show Values of %s" % _menu_names[id], id)
	if _menu_names.is_empty():
		_menu_names = [""]
		_menu.add_item("Show Values", 0)
	_menu.position = at
	_menu.reset_size()
	_menu.popup()


## The colour of a backend's boxes.
func color_of(kind: String, backend: String) -> Color:
	if _style == null:
		_style = Style.new(self)
	if kind in ["input", "output"]:
		return _style.series(2)
	if kind == "kernel":
		return _style.series(1)
	return _style.series(0) if backend in ["", "XnnpackBackend"] else _style.series(3)


func _make_node(box: ProgramGraph.Box, index: int) -> GraphNode:
	var node: GraphNode = GraphNode.new()
	node.name = "box_%d" % index
	node.title = box.title
	node.draggable = true
	node.tooltip_text = _tooltip(box)
	var color: Color = color_of(box.kind, box.backend)
	for state: StringName in [&"titlebar", &"titlebar_selected"]:
		var bar: StyleBoxFlat = (get_theme_stylebox(state, &"GraphNode") as StyleBoxFlat).duplicate()
		bar.bg_color = color.darkened(0.25) if _style.dark else color.lightened(0.15)
		node.add_theme_stylebox_override(state, bar)
	for label: Node in node.get_titlebar_hbox().get_children():
		if label is Label:
			(label as Label).add_theme_color_override(&"font_color", _style.text_on(color))
			(label as Label).add_theme_color_override(&"font_shadow_color", Color.TRANSPARENT)
	if box.kind not in ["input", "output"]:
		node.gui_input.connect(_on_box_input.bind(index))
	if box.inner != null:
		_add_opener(node, box)
	var wires: Color = Color(_style.text, 0.75)
	for row: int in maxi(maxi(box.inputs.size(), box.outputs.size()), 1):
		var label: Label = Label.new()
		label.horizontal_alignment = HORIZONTAL_ALIGNMENT_RIGHT
		label.text = _row_text(box, row)
		label.custom_minimum_size.x = _style.px(90)
		node.add_child(label)
		node.set_slot(row, row < box.inputs.size(), 0, wires, row < box.outputs.size(), 0, wires)
	return node


func _on_box_input(event: InputEvent, index: int) -> void:
	var click: InputEventMouseButton = event as InputEventMouseButton
	if click != null and click.pressed and click.button_index == MOUSE_BUTTON_RIGHT:
		open_menu(index, Vector2i(get_screen_position() + get_local_mouse_position()))
		_boxes[index].accept_event()


func _row_text(box: ProgramGraph.Box, row: int) -> String:
	if row < box.outputs.size():
		return _graph.shape_of(box.outputs[row])
	return _graph.shape_of(box.inputs[row]) if row < box.inputs.size() and box.outputs.is_empty() else ""


func _add_opener(node: GraphNode, box: ProgramGraph.Box) -> void:
	var opener: Button = Button.new()
	opener.flat = true
	opener.text = str(box.inner.call("count_operators"))
	for state: StringName in [&"font_color", &"icon_normal_color"]:
		opener.add_theme_color_override(state, _style.text_on(color_of(box.kind, box.backend)))
	opener.icon = get_theme_icon(&"ArrowRight", &"EditorIcons")
	opener.icon_alignment = HORIZONTAL_ALIGNMENT_RIGHT
	opener.tooltip_text = "Shows the operators inside."
	opener.pressed.connect(delegate_opened.emit.bind(box))
	node.get_titlebar_hbox().add_child(opener)


func _tooltip(box: ProgramGraph.Box) -> String:
	var lines: PackedStringArray = [box.full_name if not box.full_name.is_empty() else box.title]
	if box.instruction >= 0:
		lines[0] += "  (instruction %d)" % box.instruction
	if box.kind == "kernel" and reasons.has(box.full_name):
		lines.append("Not delegated: %s" % reasons[box.full_name])
	for value: String in box.inputs:
		lines.append("in   %s" % _graph.describe(value))
	for constant: String in box.constants:
		lines.append("const   %s" % constant)
	for value: String in box.outputs:
		lines.append("out   %s" % _graph.describe(value))
	return "\n".join(lines)


func _show_whole() -> void:
	_fit()
	# The scroll bars know the new boxes only after the next layout.
	if is_inside_tree() and not get_tree().process_frame.is_connected(_fit_again):
		get_tree().process_frame.connect(_fit_again, CONNECT_ONE_SHOT)


func _fit_again() -> void:
	if not _boxes.any(func(node: GraphNode) -> bool: return node.selected):
		_fit()


## Fits the whole graph into the window and centres it. Of a graph that would be too small to see, its start.
func _fit() -> void:
	if _boxes.is_empty():
		return
	var bounds: Rect2 = Rect2(_boxes[0].position_offset, _boxes[0].size)
	for node: GraphNode in _boxes:
		bounds = bounds.merge(Rect2(node.position_offset, node.size))
	var wanted: Rect2 = bounds.grow(_style.px(30))
	var fitting: float = minf(size.x / wanted.size.x, size.y / wanted.size.y)
	zoom_min = minf(zoom_min, SMALLEST_ZOOM)
	zoom = clampf(fitting, SMALLEST_ZOOM, 1.0)
	scroll_offset = wanted.get_center() * zoom - size * 0.5
	if fitting < SMALLEST_ZOOM:
		scroll_offset.x = wanted.position.x * zoom


func _centre(node: GraphNode) -> void:
	scroll_offset = (node.position_offset + node.size * 0.5) * zoom - size * 0.5


func _highlight(_node: Node) -> void:
	for edge: ProgramGraph.Edge in _graph.edges:
		var lit: bool = _boxes[edge.from].selected or _boxes[edge.to].selected
		set_connection_activity(
			_boxes[edge.from].name, edge.from_port, _boxes[edge.to].name, edge.to_port, 1.0 if lit else 0.0
		)
