@tool
extends RefCounted
## Finds Python interpreters by their places, without starting any. Editors started from a desktop have a short PATH.

const Settings := preload("res://addons/executorch/editor/shared/settings.gd")

const VARIABLE: String = "EXECUTORCH_PYTHON"
## The file in the environment with the state of the set-up; python_backend/environment_setup.py writes it.
const MARKER: String = ".executorch-environment"
const FINISHED: String = "finished"
## The minor versions of Python 3 that torch and executorch run on; the same as in python_backend/wrong_python.py.
const OLDEST: int = 10
const NEWEST: int = 13
const VERSIONS: String = "3.10 to 3.13"
const VERSIONED_NAMES: PackedStringArray = ["python3.12", "python3.13", "python3.11", "python3.10"]
## Usually links to one of the above; used when none of those exists.
const PLAIN_NAMES: PackedStringArray = ["python3", "python"]
const USUAL_PLACES: PackedStringArray = [
	"/usr/local/bin",
	"/usr/bin",
	"/opt/homebrew/bin",
	"/opt/local/bin",
	"~/.local/bin",
	"~/miniconda3/bin",
	"~/anaconda3/bin",
	"~/miniforge3/bin",
]
const PYENV_VERSIONS: String = "~/.pyenv/versions"
## pyenv's programs of versions that are not active only print a complaint; the versions themselves are looked at.
const PYENV_SHIMS: String = "pyenv/shims"


## `[{path, source}]`, best first; source is "environment", "setting", "user folder", "PATH" or "usual place". A
## person's own choice (the first two) excludes the others.
static func find_candidates() -> Array[Dictionary]:
	var chosen: String = OS.get_environment(VARIABLE)
	if not chosen.is_empty():
		return [{"path": chosen, "source": "environment"}]
	chosen = get_setting()
	if not chosen.is_empty():
		return [{"path": chosen, "source": "setting"}]
	return _search()


## The choice of the person first, if there is one, then everything else that is found.
static func find_all() -> Array[Dictionary]:
	var found: Array[Dictionary] = []
	_add(found, OS.get_environment(VARIABLE), "environment")
	_add(found, get_setting(), "setting")
	for candidate: Dictionary in _search():
		_add(found, candidate["path"] as String, candidate["source"] as String)
	return found


## A text for a person's eyes, with paths below the home folder written as they would write them: [code]~/...[/code].
static func with_short_home(text: String) -> String:
	var home: String = OS.get_environment("HOME")
	return text.replace(home + "/", "~/") if home.length() > 1 else text


## Whether a person named the interpreter.
static func is_chosen(candidate: Dictionary) -> bool:
	return candidate["source"] in ["environment", "setting"]


## The folder of the virtual environment that the set-up window makes; it need not exist.
static func get_user_folder() -> String:
	return OS.get_data_dir().path_join("executorch-godot/python")


## The interpreter in it.
static func get_user_environment() -> String:
	return get_user_folder().path_join("Scripts/python.exe" if OS.get_name() == "Windows" else "bin/python")


## The state of the set-up: "" (none was started), "begun" or FINISHED.
static func get_user_folder_mark() -> String:
	var path: String = get_user_folder().path_join(MARKER)
	return FileAccess.get_file_as_string(path).strip_edges() if FileAccess.file_exists(path) else ""


## The editor setting; empty when it is not set.
static func get_setting() -> String:
	return str(Settings.read_from_editor(Settings.INTERPRETER))


static func _search() -> Array[Dictionary]:
	var found: Array[Dictionary] = []
	if get_user_folder_mark() == FINISHED:
		_add(found, get_user_environment(), "user folder")
	var separator: String = ";" if OS.get_name() == "Windows" else ":"
	for folder: String in OS.get_environment("PATH").split(separator, false):
		if not folder.rstrip("/").ends_with(PYENV_SHIMS):
			_add_folder(found, folder, "PATH")
	for folder: String in _usual_places():
		_add_folder(found, folder, "usual place")
	return found


static func _usual_places() -> PackedStringArray:
	var places: PackedStringArray = []
	if OS.get_name() == "Windows":
		var programs: String = OS.get_environment("LOCALAPPDATA").path_join("Programs/Python")
		if DirAccess.dir_exists_absolute(programs):
			for folder: String in DirAccess.get_directories_at(programs):
				places.append(programs.path_join(folder))
		return places
	for place: String in USUAL_PLACES:
		places.append(place.replace("~", OS.get_environment("HOME")))
	var versions: String = PYENV_VERSIONS.replace("~", OS.get_environment("HOME"))
	if DirAccess.dir_exists_absolute(versions):
		var newest_first: Array = DirAccess.get_directories_at(versions)
		newest_first.reverse()
		for folder: String in newest_first:
			places.append(versions.path_join(folder).path_join("bin"))
	return places


static func _add_folder(found: Array[Dictionary], folder: String, source: String) -> void:
	var ending: String = ".exe" if OS.get_name() == "Windows" else ""
	var has_versioned: bool = false
	for name: String in VERSIONED_NAMES:
		var path: String = folder.path_join(name + ending)
		has_versioned = FileAccess.file_exists(path) or has_versioned
		_add(found, path, source)
	for name: String in PLAIN_NAMES if not has_versioned else PackedStringArray():
		_add(found, folder.path_join(name + ending), source)


static func _add(found: Array[Dictionary], path: String, source: String) -> void:
	var known: bool = found.any(func(entry: Dictionary) -> bool: return entry["path"] == path)
	if not known and path.is_absolute_path() and FileAccess.file_exists(path):
		found.append({"path": path, "source": source})
