@tool
extends Window
## Shows a value inside of a model's graph: its shape, its range, a histogram, and pictures of what has two dimensions.

## Where the inputs come from.
enum Source { GENERATED, TRIAL, RECORDED }

const Facts := preload("res://addons/executorch/editor/shared/model_facts.gd")
const GeneratedInputs := preload("res://addons/executorch/runtime/calls/generated_inputs.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const Program := preload("value_program.gd")
const Quantity := preload("res://addons/executorch/editor/shared/quantity.gd")
const RecordedInputs := preload("res://addons/executorch/editor/profiler/data/recorded_inputs.gd")
const Summary := preload("value_summary.gd")
const TrialInputs := preload("res://addons/executorch/editor/trial/trial_inputs.gd")
const ValueHistogram := preload("value_histogram.gd")
const SIZE: Vector2 = Vector2(460, 560)
var _program: Program
var _background: Panel = Panel.new()
var _column: VBoxContainer = VBoxContainer.new()
var _source: OptionButton = OptionButton.new()
var _call: SpinBox = SpinBox.new()
var _words: Label = Label.new()
var _histogram: ValueHistogram = ValueHistogram.new()
var _channel_row: HBoxContainer = HBoxContainer.new()
var _channel: SpinBox = SpinBox.new()
var _channel_words: Label = Label.new()
var _picture: TextureRect = TextureRect.new()
var _model: ExecuTorchResource
var _method: String = ""
var _value: String = ""
var _recorded: RecordedInputs
var _summary: Summary
## Number of the latest question: an earlier answer is of another value.
var _question: int = 0


func _init(jobs: Jobs = null) -> void:
	_program = Program.new(jobs)
	visible = false
	transient = true
	close_requested.connect(_close)
	_background.set_anchors_and_offsets_preset(Control.PRESET_FULL_RECT)
	add_child(_background)
	add_child(_column)
	var inputs: HBoxContainer = HBoxContainer.new()
	_source.tooltip_text = "The inputs that the model is run with"
	_source.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_source.item_selected.connect(func(_index: int) -> void: _ask())
	inputs.add_child(_source)
	_call.tooltip_text = "The number of the recorded call"
	_call.min_value = 1
	_call.hide()
	_call.value_changed.connect(func(_number: float) -> void: _ask())
	inputs.add_child(_call)
	_column.add_child(inputs)
	_words.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	_column.add_child(_words)
	_column.add_child(_histogram)
	_channel_words.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_channel.tooltip_text = "The number of the picture: one for each matrix of the last two dimensions"
	_channel_row.add_child(_channel_words)
	_channel.value_changed.connect(func(_number: float) -> void: _show_picture())
	_channel_row.add_child(_channel)
	_column.add_child(_channel_row)
	_picture.size_flags_vertical = Control.SIZE_EXPAND_FILL
	_picture.expand_mode = TextureRect.EXPAND_IGNORE_SIZE
	_picture.stretch_mode = TextureRect.STRETCH_KEEP_ASPECT_CENTERED
	_picture.texture_filter = CanvasItem.TEXTURE_FILTER_NEAREST
	_column.add_child(_picture)
	about_to_popup.connect(_apply_theme)


## Runs a method of a model and shows the value of this name in its exported graph. Without a name it says why.
func open(model: ExecuTorchResource, method_name: String, value_name: String) -> void:
	_model = model
	_method = method_name
	_value = value_name
	title = "Values of %s" % value_name if not value_name.is_empty() else "Values"
	_fill_sources()
	popup_centered(Vector2i(SIZE * EditorInterface.get_editor_scale()))
	if value_name.is_empty():
		var why: Dictionary = Program.refusal(model, method_name)
		if why.is_empty():
			why["cause"] = "This operator belongs to no value of the model: the conversion added it."
			why["remedy"] = "Choose the operator before or after it."
		_question += 1
		_tell(why)
	else:
		_ask()


func _fill_sources() -> void:
	_source.clear()
	_source.add_item("Generated Inputs", Source.GENERATED)
	if not TrialInputs.recall(_model.resource_path, _method).is_empty():
		_source.add_item("Inputs of the Inspector", Source.TRIAL)
		_source.select(_source.item_count - 1)
	_recorded = null
	for place: String in RecordedInputs.list(_model.resource_path):
		var recorded: RecordedInputs = RecordedInputs.open(place, _input_names())
		if recorded != null and recorded.method == _method:
			_recorded = recorded
			break
	if _recorded != null:
		_source.add_item("Recorded Call", Source.RECORDED)
		_call.max_value = _recorded.calls.size()


func _input_names() -> PackedStringArray:
	var names: PackedStringArray = []
	for input: Dictionary in Facts.new(_model.metadata).get_method(_method).get("inputs", []) as Array:
		names.append(str(input.get("name", "")))
	return names


# The inputs by position, of the source that is chosen.
func _inputs() -> Array:
	var source: int = _source.get_selected_id()
	if source == Source.RECORDED:
		return _recorded.calls[int(_call.value) - 1]
	var made: Dictionary = GeneratedInputs.make(Facts.new(_model.metadata).get_method(_method))
	if source == Source.TRIAL:
		var given: Dictionary = TrialInputs.recall(_model.resource_path, _method)
		for input: String in made:
			if given.has(input):
				TrialInputs.put(made[input], given[input])
	return made.values()


func _ask() -> void:
	_question += 1
	var question: int = _question
	_call.visible = _source.get_selected_id() == Source.RECORDED
	_clear("Running the model…")
	var hear: Callable = func(progress: Dictionary) -> void:
		if question == _question:
			_words.text = "Converting the model with this value as an output: %s" % progress.get("stage", "")
	var result: Dictionary = await _program.run(_model, _method, _value, _inputs(), hear)
	if question != _question:
		return
	if result.has("error"):
		_tell(result["error"] as Dictionary)
		return
	_summary = Summary.new(result["value"] as Dictionary)
	_show_summary(float(result["us"]))


func _show_summary(us: float) -> void:
	var lines: PackedStringArray = ["%s    %s" % [_summary.name, _summary.get_form()]]
	if _summary.count > _summary.unreal:
		lines.append("from %s to %s" % [String.num(_summary.least, 6), String.num(_summary.most, 6)])
		lines.append("mean %s, deviation %s" % [String.num(_summary.mean, 6), String.num(_summary.deviation, 6)])
		lines.append("%s of the values are 0" % Quantity.percent(float(_summary.zeros) / _summary.count))
	if _summary.unreal > 0:
		lines.append("%s values are infinite or not a number" % Quantity.grouped(_summary.unreal))
	lines.append("A call with this value as an output: %s" % Quantity.time(us))
	_words.text = "\n".join(lines)
	_words.remove_theme_color_override(&"font_color")
	_histogram.show()
	_histogram.show_summary(_summary)
	var pictures: int = _summary.get_picture_count()
	_channel_row.visible = pictures > 1
	_channel_words.text = "Black: %s, white: %s" % [String.num(_summary.least, 5), String.num(_summary.most, 5)]
	_channel.suffix = "of %d" % pictures
	_channel.set_block_signals(true)
	# 0: the three channels as colours.
	_channel.min_value = 0 if _summary.is_colour() else 1
	_channel.max_value = maxi(pictures, 1)
	_channel.value = _channel.min_value
	_channel.set_block_signals(false)
	_show_picture()


func _show_picture() -> void:
	var image: Image = _summary.get_picture(int(_channel.value) - 1) if _summary != null else null
	_picture.texture = ImageTexture.create_from_image(image) if image != null else null


func _clear(words: String) -> void:
	_summary = null
	_words.text = words
	_words.remove_theme_color_override(&"font_color")
	_histogram.hide()
	_channel_row.hide()
	_picture.texture = null


func _tell(error: Dictionary) -> void:
	_clear(("%s\n%s" % [error.get("cause", ""), error.get("remedy", "")]).strip_edges())
	_words.add_theme_color_override(&"font_color", get_theme_color(&"error_color", &"Editor"))


func _close() -> void:
	_question += 1
	hide()


func _apply_theme() -> void:
	_background.add_theme_stylebox_override(&"panel", get_theme_stylebox(&"panel", &"AcceptDialog"))
	var margin: int = roundi(8 * EditorInterface.get_editor_scale())
	_column.set_anchors_and_offsets_preset(Control.PRESET_FULL_RECT, Control.PRESET_MODE_MINSIZE, margin)
	min_size = Vector2i(Vector2(300, 360) * EditorInterface.get_editor_scale())
