@tool
extends RefCounted
## The recorded inputs of a model in a running game, call by call. Saved as a folder with one NumPy `.npz` a call, which
## is also a folder of calibration data for the import.

const Npz := preload("res://addons/executorch/editor/profiler/data/npz.gd")
const AtomicFile := preload("res://addons/executorch/runtime/library/atomic_file.gd")
const ModelFiles := preload("res://addons/executorch/editor/profiler/data/model_files.gd")
const MOST_CALLS: int = 4096
const MOST_INPUTS: int = 256
const ABOUT: String = "recording.json"

## Name of the model, and its path in the project.
var name: String = ""
var path: String = ""
var method: String = ""
## Seconds since 1970.
var date: float = 0.0
## For each call its inputs by position: `{data, shape, dtype}`, or a number for an input that is not a tensor.
var calls: Array[Array] = []
## Calls that were too large to be sent, or of another method than the first.
var left_out: int = 0


## The folder for recordings of all projects.
static func folder() -> String:
	return OS.get_data_dir().path_join("executorch-godot/inputs")


## Adds a call as `take_recorded_inputs()` gives it; false when it is malformed. The Dictionary may come from another
## process.
func add(entry: Dictionary) -> bool:
	var inputs: Variant = entry.get("inputs")
	if not entry.get("method") is String or not inputs is Array or (inputs as Array).size() > MOST_INPUTS:
		return false
	for value: Variant in inputs as Array:
		if not _is_input(value):
			return false
	if method.is_empty():
		method = entry["method"]
	if method != entry["method"] or calls.size() >= MOST_CALLS:
		left_out += 1
	else:
		calls.append(inputs as Array)
	return true


## Saves the calls below `where`; `names` are the model's inputs. Returns the folder, empty when it cannot be written.
func save(names: PackedStringArray, where: String = folder()) -> String:
	var moment: String = Time.get_datetime_string_from_unix_time(int(date)).replace(":", "-")
	var target: String = where.path_join("%s-%s-%s" % [ModelFiles.key_of(path), name.validate_filename(), moment])
	if DirAccess.make_dir_recursive_absolute(target) != OK:
		return ""
	for index: int in calls.size():
		var arrays: Dictionary = {}
		for place: int in calls[index].size():
			var key: String = names[place] if place < names.size() else "input_%d" % place
			arrays[key] = _as_array(calls[index][place])
		if not Npz.write(target.path_join("%04d.npz" % (index + 1)), arrays):
			return ""
	var about: Dictionary = {"name": name, "path": path, "method": method, "date": date}
	return target if AtomicFile.write_text(target.path_join(ABOUT), JSON.stringify(about)) == OK else ""


## The calls in a folder of `.npz` files, or in one such file; null when there are none for inputs of these names.
static func open(place: String, names: PackedStringArray) -> RefCounted:
	var recording := new()
	recording._read_about(place.path_join(ABOUT))
	for file: String in _files(place).slice(0, MOST_CALLS):
		var arrays: Dictionary = Npz.read(file)
		var inputs: Array = []
		for index: int in names.size():
			inputs.append(_as_input(arrays.get(names[index], arrays.get("input_%d" % index))))
		if arrays.is_empty() or inputs.has(null):
			recording.left_out += 1
		else:
			recording.calls.append(inputs)
	return recording if not recording.calls.is_empty() else null


## Folders with recordings of a model, newest first.
static func list(model_path: String, where: String = folder()) -> PackedStringArray:
	var found: PackedStringArray = []
	if DirAccess.dir_exists_absolute(where):
		for place: String in DirAccess.get_directories_at(where):
			if place.begins_with(ModelFiles.key_of(model_path) + "-"):
				found.append(where.path_join(place))
	found.sort()
	found.reverse()
	return found


## Copies a recording into the project, where the import can read it: into `net_inputs` beside `net.pt`, or
## `net_inputs_2` when there is one. Returns the folder, empty when it cannot be written.
static func copy_beside(place: String, model_path: String) -> String:
	var base: String = model_path.get_basename() + "_inputs"
	var target: String = base
	var number: int = 2
	while DirAccess.dir_exists_absolute(target):
		target = "%s_%d" % [base, number]
		number += 1
	if DirAccess.make_dir_recursive_absolute(target) != OK:
		return ""
	for file: String in _files(place):
		if DirAccess.copy_absolute(file, target.path_join(file.get_file())) != OK:
			return ""
	return target


func _read_about(file: String) -> void:
	var parser: JSON = JSON.new()
	if not FileAccess.file_exists(file) or parser.parse(FileAccess.get_file_as_string(file)) != OK:
		return
	if parser.data is Dictionary:
		var about: Dictionary = parser.data
		name = str(about.get("name", ""))
		path = str(about.get("path", ""))
		method = str(about.get("method", ""))


static func _files(place: String) -> PackedStringArray:
	if FileAccess.file_exists(place):
		return [place]
	var found: PackedStringArray = []
	if DirAccess.dir_exists_absolute(place):
		for file: String in DirAccess.get_files_at(place):
			if file.get_extension() == "npz":
				found.append(place.path_join(file))
	return found


static func _is_input(value: Variant) -> bool:
	if value is int or value is float or value is bool:
		return true
	if not value is Dictionary or not (value as Dictionary).get("shape") is Array:
		return false
	var data: Variant = (value as Dictionary).get("data")
	if typeof(data) < TYPE_PACKED_BYTE_ARRAY or typeof(data) > TYPE_PACKED_FLOAT64_ARRAY:
		return false
	var count: int = 1
	for length: Variant in (value as Dictionary)["shape"] as Array:
		if not length is int or (length as int) < 0:
			return false
		count *= length as int
	return count == len(data)


static func _as_array(value: Variant) -> Dictionary:
	if value is Dictionary:
		return value
	if value is float:
		return {"data": PackedFloat64Array([value]), "shape": []}
	if value is bool:
		return {"data": PackedByteArray([int(value as bool)]), "shape": [], "dtype": "bool"}
	return {"data": PackedInt64Array([value]), "shape": []}


## An array without dimensions is a number again, which tensors and plain numbers take alike.
static func _as_input(array: Variant) -> Variant:
	if not array is Dictionary or not ((array as Dictionary)["shape"] as Array).is_empty():
		return array
	var number: Variant = (array as Dictionary)["data"][0]
	return number == 1 if (array as Dictionary).get("dtype") == "bool" else number
