@tool
extends "section.gd"
## The programs of a model with variants side by side, and a sentence that recommends one. Hidden for a model with one
## program.

const Comparison := preload("res://addons/executorch/editor/shared/program_comparison.gd")
const Quantity := preload("res://addons/executorch/editor/shared/quantity.gd")
const TITLES: PackedStringArray = ["Size", "Time", "Error"]
const TIPS: PackedStringArray = [
	"The program's file.",
	"The median of a call, measured during the import.",
	"The largest difference from eager PyTorch, as a part of the largest value.",
]


func _init() -> void:
	super("Variants")


func show_model(metadata: Dictionary) -> void:
	for child: Node in body.get_children():
		body.remove_child(child)
		child.queue_free()
	var programs: Array[Dictionary] = Comparison.rows(metadata)
	visible = programs.size() > 1
	if not visible:
		return
	set_summary("%d programs" % programs.size())
	_add_row(TITLES, TIPS, 0.65)
	for program: Dictionary in programs:
		# The inspector is too narrow for names beside the numbers.
		_add(body, str(program["recipe"]), "The main program." if program == programs[0] else "A variant.", 1.0)
		var time: float = program["us"]
		var length: String = Quantity.size(program["bytes"] as float)
		_add_row([length, Quantity.time(time) if time >= 0.0 else "", Comparison.error_text(program)], TIPS, 0.8)
		if not str(program["systems"]).is_empty():
			_add_sentence(Comparison.systems_text(program))
	_add_sentence(Comparison.recommendation(programs)).name = "Advice"


func _add_sentence(words: String) -> Label:
	var label: Label = Label.new()
	label.text = words
	label.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	label.add_theme_stylebox_override(&"normal", StyleBoxEmpty.new())
	body.add_child(label)
	return label


func _add_row(values: PackedStringArray, tips: PackedStringArray, strength: float) -> void:
	var row: HBoxContainer = HBoxContainer.new()
	body.add_child(row)
	for index: int in values.size():
		_add(row, values[index], tips[index], strength)


func _add(parent: Control, words: String, tip: String, strength: float) -> void:
	var label: Label = Label.new()
	label.text = words
	label.tooltip_text = tip
	label.mouse_filter = Control.MOUSE_FILTER_PASS
	label.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	label.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
	label.add_theme_stylebox_override(&"normal", StyleBoxEmpty.new())
	parent.add_child(label)
	label.add_theme_color_override(&"font_color", Color(label.get_theme_color(&"font_color", &"Label"), strength))
