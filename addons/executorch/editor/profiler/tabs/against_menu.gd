@tool
extends OptionButton
## The menu of what a benchmark is compared with: a saved run, or another model or recipe that is measured beside it.

enum Kind { LAST_SAVED, NOTHING, SAVED, RECIPE, MODEL }

const ImportOptions := preload("res://addons/executorch/editor/shared/import_options.gd")
const ImportSettings := preload("res://addons/executorch/editor/shared/import_settings.gd")
const MOST_FILES: int = 30

## Whether a person has chosen; else the last saved run is compared with, as soon as there is one.
var _is_chosen: bool = false


func _init() -> void:
	fit_to_longest_item = false
	clip_text = true
	tooltip_text = "What the run is compared with.\nAnother recipe or model is measured together with it, in turns."
	item_selected.connect(func(_index: int) -> void: _is_chosen = true)


## Lists the possible comparisons of a model, and keeps the selection if it is still possible.
func fill(path: String, recipe: String, paths: PackedStringArray, files: PackedStringArray) -> void:
	var chosen: String = str(get_selected_metadata())
	clear()
	if not files.is_empty():
		_add("Against: last saved run", Kind.LAST_SAVED)
	_add("Against: nothing", Kind.NOTHING)
	if ImportSettings.has_options(path) and path.get_extension() != "pte":
		add_separator("Another recipe, beside it")
		for other: String in ImportOptions.RECIPES.split(","):
			if other != recipe and not other in ImportOptions.CHOOSING and ImportOptions.runs_here(other):
				_add("Against: %s" % other, Kind.RECIPE, other)
	if paths.size() > 1:
		add_separator("Another model, beside it")
		for other: String in paths:
			if other != path:
				_add("Against: %s" % other.get_file(), Kind.MODEL, other)
	if not files.is_empty():
		add_separator("Saved runs")
		for file: String in files.slice(0, MOST_FILES):
			# The name is "<project key>-<model>-<date>T<time>.json".
			_add(file.get_file().get_basename().substr(13).replace("T", " "), Kind.SAVED, file)
	# A separator has no metadata, like a menu without a choice.
	for index: int in item_count:
		if _is_chosen and get_item_metadata(index) != null and str(get_item_metadata(index)) == chosen:
			select(index)
			return
	select(0)


func get_kind() -> Kind:
	var chosen: Variant = get_selected_metadata()
	return (chosen as Array)[0] if chosen is Array else Kind.NOTHING


## File, recipe or path of the choice.
func get_value() -> String:
	var chosen: Variant = get_selected_metadata()
	return (chosen as Array)[1] if chosen is Array else ""


## Chooses an item that is offered; false when it is not.
func choose(kind: Kind, value: String = "") -> bool:
	for index: int in item_count:
		if str(get_item_metadata(index)) == str([kind, value]):
			select(index)
			item_selected.emit(index)
			return true
	return false


func _add(words: String, kind: Kind, value: String = "") -> void:
	add_item(words)
	set_item_metadata(item_count - 1, [kind, value])
