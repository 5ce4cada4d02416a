@tool
extends Window
## A window with the graph of a model: its methods, the way into a delegate and back, and a search.

const Canvas := preload("graph_canvas.gd")
const Quantity := preload("res://addons/executorch/editor/shared/quantity.gd")
const ProgramGraph := preload("program_graph.gd")
const ValuesWindow := preload("values_window.gd")
const Facts := preload("res://addons/executorch/editor/shared/model_facts.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")

var _jobs: Jobs
var _canvas: Canvas = Canvas.new()
var _bar: HBoxContainer = HBoxContainer.new()
var _method: OptionButton = OptionButton.new()
var _back: Button = Button.new()
var _crumb: Label = Label.new()
var _search: LineEdit = LineEdit.new()
var _status: Label = Label.new()
var _message: Label = Label.new()
var _background: Panel = Panel.new()
## The model that is shown.
var _path: String = ""
## Number of the latest question: the answer to an earlier one is of another model.
var _question: int = 0
var _facts: Facts = Facts.new()
var _graphs: Array[ProgramGraph] = []
var _values: ValuesWindow


func _init(jobs: Jobs = null) -> void:
	_jobs = jobs
	title = "Model Graph"
	visible = false
	transient = true
	close_requested.connect(hide)
	_background.set_anchors_and_offsets_preset(Control.PRESET_FULL_RECT)
	add_child(_background)
	var column: VBoxContainer = VBoxContainer.new()
	column.name = "Column"
	column.set_anchors_and_offsets_preset(Control.PRESET_FULL_RECT)
	add_child(column)
	column.add_child(_bar)
	_back.tooltip_text = "Back to the program"
	_back.pressed.connect(_show_top)
	_bar.add_child(_back)
	_method.item_selected.connect(func(_index: int) -> void: _show_top())
	_bar.add_child(_method)
	_crumb.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_crumb.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
	_bar.add_child(_crumb)
	_bar.add_child(_status)
	_search.placeholder_text = "Find Operator"
	_search.clear_button_enabled = true
	_search.text_submitted.connect(_find)
	_bar.add_child(_search)
	_canvas.size_flags_vertical = Control.SIZE_EXPAND_FILL
	_canvas.delegate_opened.connect(_show_inside)
	_canvas.values_requested.connect(_show_values)
	_values = ValuesWindow.new(jobs)
	add_child(_values)
	column.add_child(_canvas)
	_message.set_anchors_and_offsets_preset(Control.PRESET_FULL_RECT)
	_message.horizontal_alignment = HORIZONTAL_ALIGNMENT_CENTER
	_message.vertical_alignment = VERTICAL_ALIGNMENT_CENTER
	_message.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	_message.mouse_filter = Control.MOUSE_FILTER_IGNORE
	add_child(_message)
	about_to_popup.connect(_apply_theme)


## Asks the backend for the graph of a model's program and shows it.
func open(model: ExecuTorchResource, method_name: String) -> void:
	_path = model.resource_path
	title = "%s: Model Graph" % model.resource_path.get_file()
	_clear("Reading the program…")
	popup_centered_ratio(0.85)
	_question += 1
	var question: int = _question
	var payload: String = ProjectSettings.globalize_path(model.payload_path)
	var answer: Dictionary = await _jobs.call_backend("graph", {"payload": payload})
	if question != _question:
		return
	if answer.has("error"):
		var error: Dictionary = answer["error"]
		_clear("%s\n%s" % [error.get("cause", ""), error.get("remedy", "")])
		return
	show_program(answer["result"], method_name, Facts.new(model.metadata))


## Shows an operator of a method of the model at `path`; `row` as in the profiler: `{instruction, name}`.
func open_operator(path: String, method_name: String, row: Dictionary) -> void:
	var model: ExecuTorchResource = load(path) as ExecuTorchResource if ResourceLoader.exists(path) else null
	if model == null:
		return
	await open(model, method_name)
	if _path == path:
		_select(row)


## Selects an operator if the window is open with this method of this model; else nothing happens.
func follow_operator(path: String, method_name: String, row: Dictionary) -> void:
	var shown: bool = visible and path == _path and _method.selected >= 0
	if shown and _method.get_item_text(_method.selected) == method_name:
		if not _back.disabled:
			_show_top()
		_select(row)


## Shows the backend's answer to `graph`, starting with a method.
func show_program(program: Dictionary, method_name: String, facts: Facts = Facts.new()) -> void:
	_graphs.clear()
	_method.clear()
	_facts = facts
	for method: Dictionary in program.get("methods", []):
		var names: Dictionary = facts.get_method(str(method.get("name", ""))).get("value_names", {})
		_graphs.append(ProgramGraph.from_method(method, names))
		_method.add_item(str(method.get("name", "")))
		if method.get("name", "") == method_name:
			_method.select(_method.item_count - 1)
	if _graphs.is_empty():
		_clear("The program has no methods.")
		return
	_message.hide()
	_show_top()


func _show_top() -> void:
	_canvas.reasons.clear()
	for row: Dictionary in _facts.get_left_behind(_facts.get_method(_method.get_item_text(_method.selected))):
		_canvas.reasons[str(row["operator"])] = str(row["reason"])
	_back.disabled = true
	_crumb.text = ""
	_show(_graphs[_method.selected])


func _show_inside(box: ProgramGraph.Box) -> void:
	_back.disabled = false
	_crumb.text = "›  %s, instruction %d" % [box.title, box.instruction]
	_show(box.inner as ProgramGraph)


func _show_values(value_name: String) -> void:
	_values.open(load(_path) as ExecuTorchResource, _method.get_item_text(_method.selected), value_name)


func _show(graph: ProgramGraph) -> void:
	_canvas.show_graph(graph)
	var delegates: int = 0
	for box: ProgramGraph.Box in graph.boxes:
		delegates += 1 if box.kind == "delegate" else 0
	_status.text = Quantity.number_of(graph.count_operators(), "operator")
	if delegates > 0:
		_status.text += ", " + Quantity.number_of(delegates, "delegate call")


func _clear(words: String) -> void:
	_graphs.clear()
	_method.clear()
	_status.text = ""
	_crumb.text = ""
	_back.disabled = true
	_message.text = words
	_message.show()
	_canvas.show_graph(ProgramGraph.from_method({}))


func _select(row: Dictionary) -> void:
	if not _graphs.is_empty():
		_canvas.select_instruction(int(row.get("instruction", -1)), str(row.get("name", "")))


func _find(words: String) -> void:
	var found: bool = words.is_empty() or _canvas.find_next(words)
	_search.right_icon = null if found else get_theme_icon(&"StatusWarning", &"EditorIcons")


func _apply_theme() -> void:
	var scale_of: float = EditorInterface.get_editor_scale()
	_background.add_theme_stylebox_override(&"panel", get_theme_stylebox(&"panel", &"AcceptDialog"))
	var column: Control = get_node("Column")
	column.set_anchors_and_offsets_preset(Control.PRESET_FULL_RECT, Control.PRESET_MODE_MINSIZE, roundi(6 * scale_of))
	_back.icon = get_theme_icon(&"Back", &"EditorIcons")
	_search.custom_minimum_size.x = 180 * scale_of
	min_size = Vector2i(Vector2(480, 320) * scale_of)
