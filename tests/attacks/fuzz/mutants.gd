extends Node
## Loads programs with bytes changed at random, one after the other, as a game does that downloaded them. Prints what
## became of them, the longest time between two frames while a worker loaded one, and the longest call that loaded one
## at once. `-- FOLDER COUNT SEED KIND`, where FOLDER has whole programs; KIND is `programs`, or `weights` for those
## that have their weights in a `.ptd` of the same name beside them. With KIND `files` every file is loaded as it is.

const FILE: String = "user://mutant.pte"
const WEIGHTS: String = "user://mutant.ptd"

var _random: RandomNumberGenerator = RandomNumberGenerator.new()
var _is_changed: bool = true
var _programs: Array[PackedByteArray] = []
var _names: PackedStringArray = []
var _weights: Array[PackedByteArray] = []
var _count: int = 0
var _codes: Dictionary = {}
var _last_usec: int = 0
var _longest_usec: int = 0
var _late_frames: int = 0
var _longest_call_usec: int = 0


func _ready() -> void:
	var words: PackedStringArray = OS.get_cmdline_user_args()
	_count = words[1].to_int()
	_random.seed = words[2].to_int()
	_is_changed = words[3] != "files"
	for file: String in DirAccess.get_files_at(words[0]):
		var place: String = words[0].path_join(file)
		var beside: String = place.get_basename() + ".ptd"
		var is_wanted: bool = not _is_changed or FileAccess.file_exists(beside) == (words[3] == "weights")
		if file.get_extension() == "pte" and is_wanted:
			_names.append(file)
			_programs.append(FileAccess.get_file_as_bytes(place))
			_weights.append(FileAccess.get_file_as_bytes(beside))
	Engine.print_error_messages = false
	_run()


func _process(_delta: float) -> void:
	var now: int = Time.get_ticks_usec()
	if _last_usec > 0:
		_longest_usec = maxi(_longest_usec, now - _last_usec)
		_late_frames += 1 if now - _last_usec > 100_000 else 0
	_last_usec = now


func _run() -> void:
	for index: int in _count:
		var model: ExecuTorchResource = _make(index)
		await model.forward_async({})
		var error: ExecuTorchError = model.get_last_error()
		var code: String = error.code_name if error != null else "OK"
		_codes[code] = int(_codes.get(code, 0)) + 1
		if not _is_changed:
			print("file ", _names[index % _names.size()], " ", code, " ", error.cause if error != null else "")
		if index % 500 == 0:
			print("mutant ", index)
	Engine.print_error_messages = true
	var found: Dictionary = {
		"codes": _codes,
		"longest_frame_ms": _longest_usec / 1000.0,
		"late_frames": _late_frames,
		"longest_call_ms": _longest_call_usec / 1000.0,
	}
	print("mutants ", JSON.stringify(found))
	get_tree().quit()


## A model that is loaded in one of the ways in which a game loads files from elsewhere.
func _make(index: int) -> ExecuTorchResource:
	var chosen: int = index % _programs.size()
	var program: PackedByteArray = _programs[chosen]
	var weights: PackedByteArray = _weights[chosen]
	var model: ExecuTorchResource = ExecuTorchResource.new()
	var loading: int = _random.randi() % 4
	if weights.is_empty() and loading < 2:
		_load_at_once(model, _mutate(program), loading == 0)
		return model
	_write(FILE, _mutate(program) if weights.is_empty() or loading == 0 else program)
	if not weights.is_empty():
		_write(WEIGHTS, _mutate(weights))
		model.external_paths = [WEIGHTS]
	model.state = ExecuTorchResource.State.READY
	model.payload_path = FILE
	return model


func _load_at_once(model: ExecuTorchResource, mutant: PackedByteArray, from_bytes: bool) -> void:
	_write(FILE, mutant)
	var began: int = Time.get_ticks_usec()
	if from_bytes:
		model.set_model_data(mutant)
	else:
		model.load_from_file(FILE)
	_longest_call_usec = maxi(_longest_call_usec, Time.get_ticks_usec() - began)
	# This frame waited for the load.
	_last_usec = 0


## One to three changed bytes, most of them in the file's tables, and at times a cut.
func _mutate(bytes: PackedByteArray) -> PackedByteArray:
	if not _is_changed:
		return bytes
	var changed: PackedByteArray = bytes.duplicate()
	for _change: int in _random.randi_range(1, 3):
		var end: int = changed.size() if _random.randi() % 4 == 0 else mini(changed.size(), 4096)
		changed[_random.randi_range(0, end - 1)] = _random.randi_range(0, 255)
	return changed.slice(0, _random.randi_range(0, changed.size())) if _random.randi() % 50 == 0 else changed


func _write(path: String, bytes: PackedByteArray) -> void:
	var file: FileAccess = FileAccess.open(path, FileAccess.WRITE)
	file.store_buffer(bytes)
	file.close()
