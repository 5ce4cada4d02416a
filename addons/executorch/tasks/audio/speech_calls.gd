@tool
extends RefCounted
## The calls of a voice for one part of a text: the length first, then the voice, then its sound, as far as the model
## has methods for them.

const TaskCard := preload("res://addons/executorch/tasks/task_card.gd")

## What the last call returned, when all calls are done; empty when one failed.
var outputs: Dictionary = {}
## Why the part cannot be spoken, or null. Errors of the calls themselves are the session's.
var error: ExecuTorchError

var _model: ExecuTorchModelDescription
var _card: TaskCard
var _inputs: Dictionary = {}
var _methods: PackedStringArray = []


func _init(of_model: ExecuTorchModelDescription, ids: PackedInt64Array, speed: float) -> void:
	_model = of_model
	_card = TaskCard.new(of_model)
	var named: String = _card.text("input", "ids")
	var dtype: String = str(TaskCard.value_of(_model, "inputs", named).get("dtype", "int64"))
	_inputs[named] = ExecuTorchTensor.from_array([Array(ids)], dtype)
	if not _card.text("input", "speed").is_empty():
		_inputs[_card.text("input", "speed")] = PackedFloat32Array([speed])
	for method: String in [_card.text("input", "length"), "forward", _card.text("output", "sound")]:
		if not method.is_empty():
			_methods.append(method)


## The method of the next call; empty when there is none.
func get_method() -> String:
	return _methods[0] if not _methods.is_empty() else ""


func get_inputs() -> Dictionary:
	return _inputs


## What the call returned. An empty result ends the calls.
func take(result: Dictionary) -> void:
	var method: String = get_method()
	_methods = _methods.slice(1)
	if result.is_empty():
		_methods.clear()
	elif method == _card.text("input", "length"):
		_take_length(result)
	elif _methods.is_empty():
		outputs = result
	else:
		_inputs = result


static func too_long(count: int, most: int, of_what: String) -> ExecuTorchError:
	var cause: String = "A sentence has %d %s; the model was imported for %d." % [count, of_what, most]
	var remedy: String = "Divide the sentence, or import the model for more in the option 'inputs'."
	return ExecuTorchError.create(ExecuTorchError.Code.TEXT_TOO_LONG, cause, remedy)


func _take_length(result: Dictionary) -> void:
	var value: Variant = result.values()[0]
	var count: int = int(Array(value)[0]) if typeof(value) >= TYPE_ARRAY else int(value)
	var limits: Vector2i = TaskCard.limits_of(_model, _card.text("input", "frames"))
	if count > limits.y:
		error = too_long(count, limits.y, "frames")
		_methods.clear()
		return
	var frames: PackedByteArray = []
	frames.resize(maxi(count, limits.x))
	_inputs = _inputs.duplicate()
	_inputs[_card.text("input", "frames")] = frames
