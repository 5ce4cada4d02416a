@tool
extends RefCounted
## One sound on its way through a model: it is cut into windows, and the model runs on one after the other. What the
## network keeps between two windows belongs to the sound, so several sounds may use one session.

const TaskCard := preload("../task_card.gd")

## Of the samples, in Hz.
var rate: int
## New samples in an input of the model.
var window: int
## Samples from the beginning of a window to that of the next.
var hop: int
## Samples before the window that the input begins with.
var context: int

var _session: ExecuTorchRuntime
var _card: TaskCard
var _queue: ExecuTorchRuntime.CallQueue
# The samples from the next window's context on.
var _samples: PackedFloat32Array = []
var _length: int = 0
var _place: int = 0
var _waiting: Array[Part] = []
# The input's name and description, and those that stay the same.
var _input: Dictionary
var _constants: Dictionary = {}
# The network's state as an input; empty without one.
var _state: Dictionary = {}


func _init(model: ExecuTorchModelDescription, session: ExecuTorchRuntime) -> void:
	_session = session
	_card = TaskCard.new(model)
	_queue = ExecuTorchRuntime.CallQueue.new(_provide, _execute, ExecuTorchRuntime.WorkerPool.schedule)
	_input = TaskCard.value_of(model, "inputs", _card.text("input", "name"))
	rate = _card.whole("input", "sample_rate", 16000)
	context = _card.whole("input", "context", 0)
	window = window_of(model, _card)
	hop = _card.whole("input", "hop", 0)
	hop = mini(hop, window) if hop > 0 else window
	_samples.resize(context)
	var state: Dictionary = TaskCard.value_of(model, "inputs", _card.text("input", "state"))
	if not _card.text("input", "state").is_empty():
		var zeros: PackedFloat32Array = []
		zeros.resize(_count(state))
		_state = {"data": zeros, "shape": _shape(state), "dtype": str(state.get("dtype", "float32"))}
	var rate_input: String = _card.text("input", "rate")
	if not rate_input.is_empty():
		var entry: Dictionary = TaskCard.value_of(model, "inputs", rate_input)
		_constants[rate_input] = {
			"data": PackedInt64Array([rate]), "shape": _shape(entry), "dtype": str(entry.get("dtype", "int64"))
		}


## How many new samples an input of the model has: the card says so, or the input's own size. 0 when neither does.
static func window_of(model: ExecuTorchModelDescription, card: TaskCard) -> int:
	var given: int = card.whole("input", "window", 0)
	var shape: PackedInt64Array = TaskCard.shape_of(model, "inputs", card.text("input", "name"))
	var own: int = shape[-1] if not shape.is_empty() else 0
	return given if given > 0 else own - card.whole("input", "context", 0)


## Adds samples of the model's rate.
func add(samples: PackedFloat32Array) -> void:
	_length += samples.size()
	_samples.append_array(samples)
	var begin: int = 0
	while _samples.size() - begin >= context + window:
		_wait(_samples.slice(begin, begin + context + window))
		begin += hop
	_samples = _samples.slice(begin)


## Ends the sound: the last samples are followed by silence to a whole window.
func finish() -> void:
	var is_covered: bool = _length == 0 or (_samples.size() <= context + window - hop and _length >= window)
	if not is_covered:
		_samples.resize(context + window)
		_wait(_samples)
	_samples = PackedFloat32Array()


## Samples so far.
func get_length() -> int:
	return _length


func is_waiting() -> bool:
	return not _waiting.is_empty()


## Runs the windows that wait: those that were run, and an error or null.
func run() -> Array:
	var parts: Array[Part] = _waiting
	_waiting = []
	return _run(parts)


## The same on a worker thread. The result has the windows as [code]"parts"[/code].
func submit() -> ExecuTorchCall:
	var request: ExecuTorchCall = ExecuTorchCall.new()
	request.set_model_name(_session.get_model_name())
	var parts: Array[Part] = _waiting
	_waiting = []
	var job: ExecuTorchRuntime.CallQueue.Job = ExecuTorchRuntime.CallQueue.Job.new()
	job.request = request
	job.inputs = {"parts": parts}
	job.owner = self
	if ExecuTorchRuntime.WorkerPool.is_stopped():
		request.end_with({}, ExecuTorchCall.cancelled_error())
	elif not _queue.submit(job):
		request.end_with({}, ExecuTorchRuntime.CallQueue.full_error(_queue.limit, "the time between calls"))
	return request


# The model is loaded by the first window.
func _provide() -> Variant:
	return _session


func _execute(_method: String, inputs: Dictionary) -> Array:
	var parts: Array[Part] = inputs["parts"]
	var done: Array = _run(parts)
	return [{"parts": done[0]} if done[1] == null else {}, done[1]]


func _run(parts: Array[Part]) -> Array:
	var heard: Array[Part] = []
	for part: Part in parts:
		var done: Array = _session.run_method("forward", _inputs_of(part.samples))
		if done[1] != null:
			return [heard, done[1]]
		part.outputs = done[0]
		if not _state.is_empty():
			_state["data"] = part.outputs.get(_card.text("output", "state"), _state["data"])
		heard.append(part)
	return [heard, null]


func _wait(samples: PackedFloat32Array) -> void:
	var part: Part = Part.new()
	part.samples = samples
	part.place = _place
	_waiting.append(part)
	_place += hop


func _inputs_of(samples: PackedFloat32Array) -> Dictionary:
	var inputs: Dictionary = _constants.duplicate()
	var sizes: PackedInt64Array = _shape(_input)
	if not sizes.is_empty():
		sizes[-1] = samples.size()
	inputs[str(_input.get("name", "input_0"))] = {
		"data": _scaled(samples), "shape": sizes, "dtype": str(_input.get("dtype", "float32"))
	}
	if not _state.is_empty():
		inputs[_card.text("input", "state")] = _state.duplicate()
	return inputs


# Mean 0 and deviation 1, where the card asks for it.
func _scaled(samples: PackedFloat32Array) -> PackedFloat32Array:
	if _card.text("input", "scale", "none") != "window":
		return samples
	var sum: float = 0.0
	for sample: float in samples:
		sum += sample
	var mean: float = sum / maxi(samples.size(), 1)
	var squares: float = 0.0
	for sample: float in samples:
		squares += (sample - mean) * (sample - mean)
	# As torch.std() has it; silence stays silence.
	var deviation: float = maxf(sqrt(squares / maxi(samples.size() - 1, 1)), 1e-10)
	var scaled: PackedFloat32Array = samples.duplicate()
	for index: int in scaled.size():
		scaled[index] = (scaled[index] - mean) / deviation
	return scaled


static func _shape(entry: Dictionary) -> PackedInt64Array:
	return PackedInt64Array(Array(entry.get("shape", [])))


static func _count(entry: Dictionary) -> int:
	var count: int = 1
	for size: int in _shape(entry):
		count *= size
	return count


## A window of a sound.
class Part:
	extends RefCounted
	## The input's samples, the context first.
	var samples: PackedFloat32Array
	## Where the window begins, in samples from the beginning of the sound.
	var place: int = 0
	## What the model returned.
	var outputs: Dictionary
