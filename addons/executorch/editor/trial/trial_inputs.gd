@tool
extends VBoxContainer
## The inputs of a trial: small ones as fields that a person can edit, the first values of larger ones.

## A person has finished an edit.
signal edited

## The most values that a field shows.
const MOST_EDITED: int = 32
const MOST_SHOWN: int = 6

## Model and method -> the data that a person gave last.
static var _given: Dictionary[String, Dictionary] = {}

## Input -> its field.
var _fields: Dictionary[String, LineEdit] = {}
## Input -> `{name, dtype, shape, data, most_samples}`.
var _inputs: Dictionary[String, Dictionary] = {}


## Shows inputs `[{name, dtype, shape, data}]`; `most_samples` of an input whose first size varies is that size's upper
## bound.
func show_inputs(inputs: Array) -> void:
	clear()
	for input: Dictionary in inputs:
		var label: Label = Label.new()
		label.text = "%s  %s %s" % [input["name"], input["dtype"], input["shape"]]
		label.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
		add_child(label)
		_inputs[str(input["name"])] = input
		if Array(input["data"]).size() <= MOST_EDITED:
			_add_field(input)
		else:
			label.text += "\n  " + words_of(input["data"], MOST_SHOWN)


func clear() -> void:
	_fields.clear()
	_inputs.clear()
	for child: Node in get_children():
		remove_child(child)
		child.queue_free()


## The values of the fields by input: `{data: {input: Array}}`, or `{error: {code, cause, remedy}}` of the first that is
## wrong.
func read() -> Dictionary:
	var data: Dictionary = {}
	for input: String in _fields:
		var is_float: bool = str(_inputs[input]["dtype"]).contains("float")
		var values: Array = []
		for word: String in _fields[input].text.replace(",", " ").split(" ", false):
			if word in ["true", "false"]:
				values.append(int(word == "true"))
			elif word.is_valid_int() or (is_float and word.is_valid_float()):
				values.append(word.to_float())
				if not is_float:
					values[-1] = word.to_int()
			else:
				return _wrong('%s: "%s" is not a number of %s.' % [input, word, _inputs[input]["dtype"]])
		var misfit: String = _misfit_of(_inputs[input], values.size())
		if not misfit.is_empty():
			return _wrong("%s: %s" % [input, misfit])
		data[input] = values
	return {"data": data}


## Keeps the data that a person gave for a method, for this run of the editor.
static func keep(path: String, method_name: String, data: Dictionary) -> void:
	_given["%s:%s" % [path, method_name]] = data


## The data that a person gave last for a method, by input; empty when there is none.
static func recall(path: String, method_name: String) -> Dictionary:
	return _given.get("%s:%s" % [path, method_name], {})


## Given values in the place of generated ones: more values are more samples, along the first dimension.
static func put(into: Dictionary, values: Array) -> void:
	var shape: PackedInt64Array = into["shape"]
	var of_all: int = Array(into["data"]).size()
	if not shape.is_empty() and of_all > 0 and values.size() != of_all:
		shape[0] = roundi(shape[0] * values.size() / float(of_all))
		into["shape"] = shape
	into["data"] = values


## The first `most` numbers of a tensor's data as text.
static func words_of(data: Variant, most: int) -> String:
	var words: PackedStringArray = []
	var numbers: Array = Array(data)
	for index: int in mini(numbers.size(), most):
		words.append(str(numbers[index]) if numbers[index] is int else String.num(float(numbers[index]), 4))
	return ", ".join(words) + (", …" if numbers.size() > most else "")


# Why an input cannot have so many values; empty when it can.
static func _misfit_of(input: Dictionary, count: int) -> String:
	var shape: Array = Array(input["shape"])
	var wanted: int = Array(input["data"]).size()
	var most: int = int(input.get("most_samples", 0))
	if shape.is_empty() or int(shape[0]) == 0 or most <= int(shape[0]):
		return "" if count == wanted else "%d values are given, its shape takes %d." % [count, wanted]
	var of_one: int = floori(wanted / float(shape[0]))
	if count % of_one == 0 and count >= wanted and count <= of_one * most:
		return ""
	return (
		"%d values are given; a sample has %d, and a call takes %d to %d samples."
		% [count, of_one, int(shape[0]), most]
	)


func _add_field(input: Dictionary) -> void:
	var field: LineEdit = LineEdit.new()
	field.right_icon = get_theme_icon(&"Edit", &"EditorIcons")
	field.text = words_of(input["data"], MOST_EDITED)
	field.tooltip_text = "The input's values in the order of memory. Press Enter to run the model with them."
	if int(input.get("most_samples", 0)) > 1:
		field.tooltip_text += "\nFor more samples, write their values one after the other."
	field.text_submitted.connect(func(_text: String) -> void: edited.emit())
	add_child(field)
	_fields[str(input["name"])] = field


func _wrong(cause: String) -> Dictionary:
	return {"error": {"code": "INPUT_NOT_READ", "cause": cause, "remedy": "Separate the values by commas."}}
