extends Node
## A game that runs two models for a while and writes down its own counters. `mode`: "plain", "dies" in the middle,
## "noisy", which also sends what no honest game would, "busy" for longer and with a script of many lines a frame,
## "crowd" with many sessions of one model, or "task" with a node that looks at a picture in each frame.

const COUNTERS: String = "user://profiler_game_counters.json"
const FRAMES: int = 90
const FAREWELL: int = 60
const BUSY_FRAMES: int = 900
## Godot looks for messages of the debugger after every 2048 lines of a script.
const BUSY_LINES: int = 5000
const CROWD: int = 300

@export var mode: String = "plain"

var _models: Array[ExecuTorchRuntime] = []
var _looks: ExecuTorchImageClassifier
var _frame: int = 0
var _lines: int = 0


func _ready() -> void:
	Engine.max_fps = 60
	if mode == "crowd":
		for agent: int in CROWD:
			_models.append((load("res://models/linear_xnnpack.pte") as ExecuTorchResource).new_session())
		return
	if mode == "task":
		_looks = ExecuTorchImageClassifier.new()
		_looks.model = (load("res://models/convnet.pt2") as ExecuTorchResource).duplicate()
		var labels: Array = range(10).map(str)
		var card: Dictionary = {"kind": "image_classification", "output": {"labels": labels}}
		_looks.model.metadata = _looks.model.metadata.merged({"task": card}, true)
		add_child(_looks)
		return
	for path: String in ["res://models/linear_xnnpack.pte", "res://models/linear_portable.pte"]:
		_models.append((load(path) as ExecuTorchResource).new_session())


func _process(_delta: float) -> void:
	_frame += 1
	# The last calls are still on their way for a moment.
	var frames: int = BUSY_FRAMES if mode == "busy" else FRAMES
	if _frame == frames + FAREWELL:
		get_tree().quit()
	if _frame >= frames:
		return
	if mode == "busy":
		_be_busy()
	if _looks != null:
		_looks.classify(Image.create_empty(200, 100, false, Image.FORMAT_RGB8))
	for index: int in _models.size():
		for repeat: int in 1 if mode == "crowd" else index + 1:
			_models[index].forward({"input_0": [float(_frame)]})
	if mode == "noisy" and _frame % 5 == 0:
		_make_noise()
	if mode == "dies" and _frame == 60:
		OS.kill(OS.get_process_id())
	if _frame == frames - 1:
		_write_counters()


func _be_busy() -> void:
	for line: int in BUSY_LINES:
		_lines += 1


func _make_noise() -> void:
	EngineDebugger.send_message("executorch:nonsense", [])
	EngineDebugger.send_message("executorch:calls", [1.0, 1, [[1, PackedFloat64Array([1.0, 2.0]), 0]]])
	EngineDebugger.send_message("executorch:calls", [INF, 1, []])
	EngineDebugger.send_message("executorch:model", [5, {"name": 7}])
	EngineDebugger.send_message("executorch:trace", [1, {"events": "many"}])


func _write_counters() -> void:
	var counters: Dictionary = {}
	for model: ExecuTorchRuntime in _models:
		var statistics: Dictionary = model.get_native_module().call(&"get_statistics")
		if mode == "crowd" and counters.has(model.get_model_name()):
			statistics["count"] += counters[model.get_model_name()]["count"]
		counters[model.get_model_name()] = statistics
	var file: FileAccess = FileAccess.open(COUNTERS, FileAccess.WRITE)
	file.store_string(JSON.stringify(counters, "", true, true))
	file.close()
