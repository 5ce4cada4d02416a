@tool
extends RefCounted
## The project's models, and a session of the tools' own on each, so that no call changes the game's state.

const ModelExtensions := preload("res://addons/executorch/runtime/library/model_extensions.gd")
const RESOURCE_EXTENSIONS: PackedStringArray = ["tres", "res"]
const MAX_FILES: int = 20000
const SCAN_LIFETIME_MSEC: int = 3000
const HEADER_BYTES: int = 400
## In place of a path: the model of a living session, by its id.
const SESSION: String = "session:"

static var _mutex: Mutex = Mutex.new()
static var _found: PackedStringArray = []
static var _scanned: int = -SCAN_LIFETIME_MSEC
# Purpose and path -> {session, lock}.
static var _sessions: Dictionary[String, Dictionary] = {}


## Paths of all models in the project, and of those that sessions run.
static func list_paths() -> PackedStringArray:
	_mutex.lock()
	if Time.get_ticks_msec() - _scanned > SCAN_LIFETIME_MSEC:
		_found = _scan()
		_scanned = Time.get_ticks_msec()
	var paths: PackedStringArray = _found.duplicate()
	_mutex.unlock()
	for session: ExecuTorchRuntime in ExecuTorchRuntime.get_sessions():
		var path: String = session.get_resource_path()
		if not path.is_empty() and not paths.has(path):
			paths.append(path)
	return paths


## The name of a living session's model for the tools.
static func name_of_session(session_id: int) -> String:
	return SESSION + str(session_id)


## How answers name a model that `find` returned: its path, else its name.
static func shown(model: String) -> String:
	var session: ExecuTorchRuntime = _find_session(model) if model.begins_with(SESSION) else null
	if session == null:
		return model
	var path: String = session.get_resource_path()
	return path if not path.is_empty() else session.get_model_name()


## Whether a session runs the model that `find` returned.
static func is_of(session: ExecuTorchRuntime, model: String) -> bool:
	return session.get_resource_path() == model or name_of_session(session.get_session_id()) == model


## The path of a model by its path or file name; "" when it is not a model of this project. Only what `list_paths` has
## is ever opened, so nothing outside of the project can be named.
static func find(model: String) -> String:
	if model.begins_with(SESSION):
		return model if _find_session(model) != null else ""
	var paths: PackedStringArray = list_paths()
	if paths.has(model):
		return model
	var meant: PackedStringArray = []
	for path: String in paths:
		if path == "res://" + model or path.get_file() == model or path.get_file().get_basename() == model:
			meant.append(path)
	return meant[0] if meant.size() == 1 else ""


static func load_resource(path: String) -> ExecuTorchResource:
	if path.begins_with(SESSION):
		var named: ExecuTorchRuntime = _find_session(path)
		if named == null:
			return null
		return named.get_resource() if named.get_resource() != null else named.get_own_resource()
	for session: ExecuTorchRuntime in ExecuTorchRuntime.get_sessions():
		if session.get_resource_path() == path and session.get_resource() != null:
			return session.get_resource()
	return ResourceLoader.load(path) as ExecuTorchResource


## The tools' session on a model: `{session, lock}` or `{error: ExecuTorchError or null}`. What needs its state or its
## profile holds `lock`. There is one for each `purpose`, so that a call does not wait for a benchmark.
static func open(path: String, purpose: String) -> Dictionary:
	var resource: ExecuTorchResource = load_resource(path)
	if resource == null:
		return {"error": null}
	if resource.load_model() != OK:
		return {"error": resource.get_last_error()}
	var key: String = purpose + path
	_mutex.lock()
	var known: Dictionary = _sessions.get(key, {})
	_mutex.unlock()
	if not known.is_empty() and (known["session"] as ExecuTorchRuntime).get_resource() == resource:
		return known
	var session: ExecuTorchRuntime = resource.new_session()
	if session == null:
		return {"error": resource.get_last_error()}
	var made: Dictionary = {"session": session, "lock": Mutex.new()}
	_mutex.lock()
	_sessions[key] = made
	_mutex.unlock()
	return made


## Whether a session belongs to these tools rather than to the game.
static func is_own(session: ExecuTorchRuntime) -> bool:
	_mutex.lock()
	var own: bool = false
	for known: Dictionary in _sessions.values():
		own = own or known["session"] == session
	_mutex.unlock()
	return own


## Gives the sessions' memory back.
static func close_all() -> void:
	_mutex.lock()
	_sessions.clear()
	_mutex.unlock()


static func _find_session(model: String) -> ExecuTorchRuntime:
	for session: ExecuTorchRuntime in ExecuTorchRuntime.get_sessions():
		if name_of_session(session.get_session_id()) == model:
			return session
	return null


static func _scan() -> PackedStringArray:
	var paths: PackedStringArray = []
	var folders: PackedStringArray = ["res://"]
	var seen: int = 0
	while not folders.is_empty() and seen < MAX_FILES:
		var folder: String = folders[folders.size() - 1]
		folders.remove_at(folders.size() - 1)
		for entry: String in ResourceLoader.list_directory(folder):
			seen += 1
			var path: String = folder + entry
			# A link may point outside of the project.
			if entry.begins_with(".") or path == "res://addons/" or _is_link(path):
				continue
			if entry.ends_with("/"):
				folders.append(path)
			elif _is_model(path):
				paths.append(path)
	paths.sort()
	return paths


static func _is_model(path: String) -> bool:
	var extension: String = path.get_extension().to_lower()
	if extension in ModelExtensions.ALL:
		return ResourceLoader.exists(path)
	if extension == "tres" and FileAccess.file_exists(path):
		var file: FileAccess = FileAccess.open(path, FileAccess.READ)
		var header: PackedByteArray = file.get_buffer(HEADER_BYTES) if file != null else PackedByteArray()
		return header.get_string_from_ascii().contains('script_class="ExecuTorchResource"')
	return false


static func _is_link(path: String) -> bool:
	if not OS.has_feature("editor"):
		return false
	var place: String = ProjectSettings.globalize_path(path).trim_suffix("/")
	var folder: DirAccess = DirAccess.open(place.get_base_dir())
	return folder != null and folder.is_link(place)
