extends Node
## Runs a few models at 60 frames a second until it is stopped.

const Inputs := preload("res://addons/executorch_shots/inputs.gd")
const MODELS: PackedStringArray = ["sentence_encoder.pt2", "digits.pt", "linear_regression.pt"]

var _modules: Array[RefCounted] = []
var _inputs: Array[Array] = []
var _sessions: Array[ExecuTorchRuntime] = []


func _ready() -> void:
	Engine.max_fps = 60
	for file: String in MODELS:
		var session: ExecuTorchRuntime = (load("res://models/" + file) as ExecuTorchResource).new_session()
		_sessions.append(session)
		_modules.append(session.get_native_module())
		_inputs.append(Inputs.make(session.get_native_module().call(&"get_method_meta", "forward")["inputs"] as Array))


func _process(_delta: float) -> void:
	for index: int in _modules.size():
		_modules[index].call(&"execute_tensors", "forward", _inputs[index])
