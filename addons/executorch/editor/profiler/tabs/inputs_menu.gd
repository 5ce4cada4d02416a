@tool
extends OptionButton
## The inputs of a benchmark: generated inputs, or calls that were recorded in a running game or stored as `.npz` files.

const RecordedInputs := preload("res://addons/executorch/editor/profiler/data/recorded_inputs.gd")
const GENERATED: String = ""
const OTHER: String = "?"

var _path: String = ""
var _dialog: EditorFileDialog
var _chosen: int = 0


func _init() -> void:
	fit_to_longest_item = false
	clip_text = true
	tooltip_text = (
		"The inputs of the run.\nRecord a running game's inputs in the Live tab,"
		+ " or open a folder of .npz files with an array for each input."
	)
	item_selected.connect(_on_item_selected)


## Offers the recordings of a model; keeps the choice when the model is the same.
func fill(path: String) -> void:
	var kept: String = get_place() if path == _path else GENERATED
	_path = path
	clear()
	_add("Generated inputs", GENERATED)
	for place: String in RecordedInputs.list(path):
		_add("Recorded %s" % _moment(place), place)
	if not kept.is_empty() and not _has(kept):
		_add(kept.get_file(), kept)
	_add("Open a folder of .npz files…", OTHER)
	choose(kept)


## The folder of the chosen recording, empty for generated inputs.
func get_place() -> String:
	return get_selected_metadata() if selected >= 0 and get_selected_metadata() != OTHER else GENERATED


## Chooses a recording that is offered.
func choose(place: String) -> void:
	for index: int in item_count:
		if get_item_metadata(index) == place:
			select(index)
			_chosen = index


## Takes inputs from a folder of `.npz` files.
func open_folder(place: String) -> void:
	if not _has(place):
		_add(place.get_file(), place)
	choose(place)


func _on_item_selected(index: int) -> void:
	if get_item_metadata(index) != OTHER:
		_chosen = index
		return
	select(_chosen)
	if _dialog == null:
		_dialog = EditorFileDialog.new()
		_dialog.access = EditorFileDialog.ACCESS_FILESYSTEM
		_dialog.file_mode = EditorFileDialog.FILE_MODE_OPEN_DIR
		_dialog.dir_selected.connect(open_folder)
		add_child(_dialog)
	_dialog.popup_file_dialog()


func _has(place: String) -> bool:
	for index: int in item_count:
		if get_item_metadata(index) == place:
			return true
	return false


func _add(words: String, place: String) -> void:
	add_item(words)
	set_item_metadata(item_count - 1, place)


## The folder's name ends with "-<date>T<hour>-<minute>-<second>".
func _moment(place: String) -> String:
	return place.get_file().right(19).replace("T", " ").substr(5, 11)
