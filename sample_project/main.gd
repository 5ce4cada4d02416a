extends Control
## Wires the sample's parts: what the pad shows goes through the digit model, the bars show what it thinks.
## With `-- --report` on the command line (also of the exported game) it prints the report instead.

const REPORT: String = "res://demo_report.tscn"

var _held_out: Dictionary = {}

@onready var _model: ExecuTorchNode = $DigitModel
@onready var _pad: DigitPad = $Columns/Digits/Pad
@onready var _bars: ProbabilityBars = $Columns/Digits/Bars
@onready var _answer: Label = $Columns/Digits/Buttons/Answer
@onready var _status: Label = $Columns/Steering/Status
@onready var _agents: Agents = $Columns/Steering/Agents


func _ready() -> void:
	if OS.get_cmdline_user_args().has("--report"):
		set_process(false)
		add_child((load(REPORT) as PackedScene).instantiate())
		return
	_held_out = (load("res://data/test_digits.json") as JSON).data
	_pad.drawing_changed.connect(_on_drawing_changed)
	($Columns/Digits/Buttons/Next as Button).pressed.connect(_show_held_out_digit)
	($Columns/Digits/Buttons/Clear as Button).pressed.connect(_pad.clear)
	_show_held_out_digit()


func _process(_delta: float) -> void:
	if _agents.is_processing():
		_status.text = "%d agents: %.2f ms each frame" % [Agents.COUNT, _agents.milliseconds]
	else:
		var error: ExecuTorchError = _agents.model.get_last_error()
		var reason: String = error.code_name if error != null else ""
		_status.text = (
			(
				"The agents stand still: %s is not imported yet. The panel ExecuTorch says why."
				% _agents.model.resource_path.get_file()
			)
			if reason in ["MODEL_PENDING", "MODEL_FAILED", "PAYLOAD_MISSING"]
			else "The agents stand still: their model gave no answer. The output says why."
		)


func _on_drawing_changed(pixels: PackedFloat32Array) -> void:
	var logits: PackedFloat32Array = _model.predict(pixels)
	if logits.is_empty():
		_answer.text = "no answer: see the output"
		return
	_bars.show_logits(logits)
	_answer.text = "%d (%.0f%%)" % [_bars.best, _bars.probabilities[_bars.best] * 100.0]


func _show_held_out_digit() -> void:
	var images: Array = _held_out["images"]
	var pixels: PackedFloat32Array = PackedFloat32Array(images.pick_random() as Array)
	for index: int in pixels.size():
		pixels[index] /= 16.0
	_pad.show_pixels(pixels)
