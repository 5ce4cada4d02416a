extends Node
## A game that holds a model and runs until the editor stops it. What the model says of 2 goes into a file whenever
## it changes.

@export_file var model_path: String = "res://models/linear.pt"
@export var answer_path: String = ""

var _model: ExecuTorchResource
var _told: PackedFloat32Array = []


func _ready() -> void:
	_model = load(model_path)


func _process(_delta: float) -> void:
	var answer: PackedFloat32Array = _model.forward({"input_0": [2.0]}).get("output_0", PackedFloat32Array())
	if answer != _told and not answer_path.is_empty():
		_told = answer
		var file: FileAccess = FileAccess.open(answer_path + ".part", FileAccess.WRITE)
		file.store_string(str(answer[0]))
		file.close()
		DirAccess.rename_absolute(answer_path + ".part", answer_path)
