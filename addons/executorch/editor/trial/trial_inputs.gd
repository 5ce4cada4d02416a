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
## Input -> `{name, dtype, shape, data}`.
var _inputs: Dictionary[String, Dictionary] = {}


## Shows inputs `[{name, dtype, shape, data}]`.
func show_inputs(inputs: Array) -> void:
	clear()
	for input: Dictionary in inputs:
		var label: Label = Label.new()
		label.text = "%s  %s %s" % [input["name"], input["dtype"], input["shape"]]
		label.autowrap_mode = TextServer.AUTOWRAP_ARBITRARY
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
		var wanted: int = Array(_inputs[input]["data"]).size()
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
		if values.size() != wanted:
			return _wrong("%s: %d values are given, its shape takes %d." % [input, values.size(), wanted])
		data[input] = values
	return {"data": data}


## Keeps the data that a person gave for a method, for this run of the editor.
static func keep(path: String, method_name: String, data: Dictionary) -> void:
	_given["%s:%s" % [path, method_name]] = data


## The data that a person gave last for a method, by input; empty when there is none.
static func recall(path: String, method_name: String) -> Dictionary:
	return _given.get("%s:%s" % [path, method_name], {})


## The first `most` numbers of a tensor's data as text.
static func words_of(data: Variant, most: int) -> String:
	var words: PackedStringArray = []
	var numbers: Array = Array(data)
	for index: int in mini(numbers.size(), most):
		words.append(str(numbers[index]) if numbers[index] is int else String.num(float(numbers[index]), 4))
	return ", ".join(words) + (", …" if numbers.size() > most else "")


func _add_field(input: Dictionary) -> void:
	var field: LineEdit = LineEdit.new()
	field.text = words_of(input["data"], MOST_EDITED)
	field.tooltip_text = "The input's values in the order of memory. Press Enter to run the model with them."
	field.text_submitted.connect(func(_text: String) -> void: edited.emit())
	add_child(field)
	_fields[str(input["name"])] = field


func _wrong(cause: String) -> Dictionary:
	return {"error": {"code": "INPUT_NOT_READ", "cause": cause, "remedy": "Separate the values by commas."}}
