@tool
extends VBoxContainer
## The buttons under a model's name, and what running it gave.

signal graph_requested
signal profiler_requested

const Trial := preload("trial_run.gd")
const TrialInputs := preload("trial_inputs.gd")
const Snippet := preload("snippet.gd")
const Quantity := preload("res://addons/executorch/editor/shared/quantity.gd")
const MOST_NUMBERS: int = 8
const FRAME_US: float = 1_000_000.0 / 60.0

var _model: ExecuTorchResource
var _method: Dictionary = {}
var _trial: Trial = Trial.new()
var _row: HFlowContainer = HFlowContainer.new()
var _run: Button
var _benchmark: Button
var _copy: Button
var _panel: PanelContainer = PanelContainer.new()
var _result: Label = Label.new()
var _is_edited: bool = false
var _inputs: TrialInputs = TrialInputs.new()


func _init() -> void:
	add_child(_row)
	_run = _add_button("Run Once", "Play", "Runs the model once and shows the inputs, which can be edited.")
	_run.pressed.connect(_on_run_pressed)
	_benchmark = _add_button("Benchmark", "Time", "Runs the model for a second or two and measures each call.")
	_benchmark.pressed.connect(_on_benchmark_pressed)
	_add_button("Graph", "GraphEdit", "Shows the operators and delegates of the program.").pressed.connect(
		graph_requested.emit
	)
	_add_button("Profiler", "Timer", "Opens this model in the profiler.").pressed.connect(profiler_requested.emit)
	_copy = _add_button("Code", "ActionCopy", "Copies GDScript that runs this model.")
	_copy.pressed.connect(_on_copy_pressed)
	_result.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	var column: VBoxContainer = VBoxContainer.new()
	column.add_child(_inputs)
	column.add_child(_result)
	_panel.add_child(column)
	_inputs.edited.connect(_on_run_pressed)
	_panel.hide()
	add_child(_panel)
	_trial.run_finished.connect(_on_run_finished)
	_trial.benchmark_finished.connect(_on_benchmark_finished)


func _exit_tree() -> void:
	_trial.abandon()


## Which model and which of its methods (a method of the metadata) the buttons act on.
func show_model(model: ExecuTorchResource, method: Dictionary) -> void:
	if model != _model or method != _method:
		_panel.hide()
		_inputs.clear()
	_model = model
	_method = method
	var runnable: bool = not method.is_empty()
	for button: Button in _row.get_children():
		button.disabled = not runnable


## The text of the last result; empty when there is none.
func get_result_text() -> String:
	return _result.text if _panel.visible else ""


func _add_button(title: String, icon_name: String, tip: String) -> Button:
	var button: Button = Button.new()
	button.text = title
	button.tooltip_text = tip
	button.set_meta(&"icon_name", icon_name)
	_row.add_child(button)
	return button


func _notification(what: int) -> void:
	if what == NOTIFICATION_ENTER_TREE or (what == NOTIFICATION_THEME_CHANGED and is_inside_tree()):
		for button: Button in _row.get_children():
			button.icon = get_theme_icon(StringName(str(button.get_meta(&"icon_name"))), &"EditorIcons")
		_result.add_theme_font_override(&"font", get_theme_font(&"source", &"EditorFonts"))
		_result.add_theme_font_size_override(&"font_size", get_theme_font_size(&"font_size", &"Label"))
		var box: StyleBoxFlat = StyleBoxFlat.new()
		box.bg_color = get_theme_color(&"dark_color_2", &"Editor")
		box.set_corner_radius_all(roundi(3 * EditorInterface.get_editor_scale()))
		box.set_content_margin_all(6 * EditorInterface.get_editor_scale())
		_panel.add_theme_stylebox_override(&"panel", box)


func _on_run_pressed() -> void:
	var given: Dictionary = _inputs.read()
	if given.has("error"):
		_show_error(given["error"])
		return
	_is_edited = not (given["data"] as Dictionary).is_empty()
	TrialInputs.keep(_model.resource_path, str(_method["name"]), given["data"] as Dictionary)
	_inputs.show()
	_set_busy("Running…")
	_trial.run_once(_model, _method, given["data"])


func _on_benchmark_pressed() -> void:
	_inputs.hide()
	_set_busy("Measuring…")
	_trial.benchmark(_model, _method)


func _on_copy_pressed() -> void:
	DisplayServer.clipboard_set(Snippet.make(_model.resource_path, _method))
	EditorInterface.get_editor_toaster().push_toast("GDScript for %s copied." % _model.resource_path.get_file())


func _on_run_finished(result: Dictionary) -> void:
	if result.has("error"):
		_show_error(result["error"])
		return
	if not _is_edited:
		_inputs.show_inputs(result["inputs"])
	var whose: String = "these inputs" if _is_edited else "generated inputs"
	var lines: PackedStringArray = ["%s with %s" % [Quantity.time(float(result["us"])), whose]]
	for output: Dictionary in result["outputs"]:
		lines.append("%s  %s %s" % [output["name"], output["dtype"], output["shape"]])
		lines.append("  " + TrialInputs.words_of(output["data"], MOST_NUMBERS))
	_show_result("\n".join(lines))


func _on_benchmark_finished(result: Dictionary) -> void:
	if result.has("error"):
		_show_error(result["error"])
		return
	var p50: float = result["p50_us"]
	var lines: PackedStringArray = [
		"median %s" % Quantity.time(p50),
		"99% of calls within " + Quantity.time(float(result["p99_us"])),
		"fastest %s" % Quantity.time(float(result["min_us"])),
		"%s of a frame at 60 FPS" % Quantity.percent(p50 / FRAME_US),
		"%s calls" % Quantity.grouped(int(result["count"])),
	]
	for input: String in result["shapes"]:
		lines.append("%s %s" % [input, result["shapes"][input]])
	_show_result("\n".join(lines))


func _set_busy(words: String) -> void:
	_run.disabled = true
	_benchmark.disabled = true
	_show_words(words, get_theme_color(&"font_color", &"Label"))


func _show_result(words: String) -> void:
	_run.disabled = false
	_benchmark.disabled = false
	_show_words(words, get_theme_color(&"font_color", &"Label"))


func _show_error(error: Dictionary) -> void:
	_show_result("%s: %s\n%s" % [error.get("code", ""), error.get("cause", ""), error.get("remedy", "")])
	_show_words(_result.text.strip_edges(), get_theme_color(&"error_color", &"Editor"))


func _show_words(words: String, color: Color) -> void:
	_result.text = words
	_result.add_theme_color_override(&"font_color", color)
	_panel.show()
