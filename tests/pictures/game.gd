extends Node
## Uses three models as a game would: speech detection on every chunk of sound, digits every frame, a sentence now and
## then. The sound is made of tones that come and go.

const RATE: float = 16_000.0
const CHUNK: int = 576
const SENTENCE: PackedInt64Array = [101, 1996, 4248, 2829, 4419, 14523, 2058, 1996, 13971, 3899, 1012, 102]
const SENTENCE_FRAMES: int = 30

var _speech: ExecuTorchRuntime
var _words: ExecuTorchRuntime
var _digits: ExecuTorchImageClassifier
var _state: PackedFloat32Array = []
var _drawing: Image = Image.create(8, 8, false, Image.FORMAT_L8)
var _frame: int = 0


func _ready() -> void:
	Engine.max_fps = 60
	_speech = open("silero_vad.safetensors")
	_digits = ExecuTorchImageClassifier.new()
	_digits.model = load("res://models/digits.pt")
	add_child(_digits)
	_words = open("minilm.safetensors")
	_state.resize(256)


func _process(_delta: float) -> void:
	_frame += 1
	var sound: PackedFloat32Array = []
	for index: int in CHUNK:
		var at: float = (_frame * 512 + index) / RATE
		sound.append(0.3 * sin(at * 1400.0) * maxf(sin(at * 3.0), 0.0))
	_state = _speech.forward({"x": sound, "state": _state})["state"]
	_drawing.set_pixel(_frame % 8, _frame / 8 % 8, Color.WHITE)
	_digits.classify(_drawing)
	if _frame % SENTENCE_FRAMES == 0:
		var mask: PackedInt64Array = SENTENCE.duplicate()
		mask.fill(1)
		_words.forward({"input_ids": SENTENCE, "attention_mask": mask})


func open(file: String) -> ExecuTorchRuntime:
	return (load("res://models/" + file) as ExecuTorchResource).new_session()
