extends Node
## A game that holds a model and runs until the editor stops it.

var _model: ExecuTorchResource


func _ready() -> void:
	_model = load("res://models/linear.pt")
	_model.forward({"input_0": [1.0]})
