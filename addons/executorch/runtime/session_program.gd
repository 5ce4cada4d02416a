@tool
extends RefCounted
## Internal part of [ExecuTorchRuntime]: the session's native module, the resource that it follows, and how the program
## of one gets into the other.

const Inputs := preload("calls/call_inputs.gd")
const Native := preload("library/native_library.gd")
const Loader := preload("loading/model_loader.gd")
const ModelVersion := preload("loading/model_version.gd")
const SettingChecks := preload("loading/setting_checks.gd")
const Versions := preload("model_versions.gd")
const Registry := preload("session_registry.gd")

## Loading stops with an error when other threads unload the program this often meanwhile.
const MAX_ATTEMPTS: int = 100
const NOT_LOADED: String = "NOT_LOADED"
const _LEVEL: StringName = &"set_optimization_level"

var _id: int = get_instance_id()
# Made by the first load and the same from then on: other threads may be inside its calls.
var _module: RefCounted
# Whether calls may go to the module at once: it runs the current version.
var _loaded: bool = false
# What the module runs; null when nothing is in memory.
var _version: ModelVersion
# The resource that this session follows and keeps alive.
var _resource: ExecuTorchResource
# For the session of a resource's own: that resource, which holds the session and is not held by it.
var _own_resource: WeakRef
var _last_error: ExecuTorchError
# How many calls had worked at the last error; -1 after a program was loaded since.
var _calls_at_error: int = -1
# Held for a few instructions only.
var _lock: Mutex = Mutex.new()
# Held while a program is loaded, by threads that need it.
var _load_lock: Mutex = Mutex.new()
# Held while the module gets another program or loses it, with the fields that say so.
var _swap_lock: Mutex = Mutex.new()
# Goes up when the program is dropped: a load that is under way must not bring it back.
var _generation: int = 0
# What was set for this session, whatever module it runs on: name of the native method to its arguments.
var _settings: Dictionary[StringName, Array] = {}


# The native module or an ExecuTorchError, MODEL_PENDING while the model is converted. Writes nothing to the output.
func get_ready_module() -> Variant:
	if _loaded:
		return _module
	var error: ExecuTorchError = _load_current()
	return _module if error == null else error


# Loads the program where it is not loaded. False when that failed; the error is kept.
func prepare() -> bool:
	if _loaded:
		return true
	var error: ExecuTorchError = _load_current()
	if error != null:
		keep_error(error)
	return error == null


# Keeps an error as the last one, writes it to Godot's output, and returns FAILED. Null is not an error.
func keep_error(found: ExecuTorchError) -> Error:
	if found != null:
		_set_last_error(found)
		found.report(_get_error_name())
	return FAILED


# Whether there is an error, which is kept then.
func is_refused(found: ExecuTorchError) -> bool:
	return found != null and keep_error(found) != OK


# Keeps an error that was written to the output already.
func take_error(found: ExecuTorchError) -> void:
	_set_last_error(found)


# Makes this the session of the resource's own. It does not keep the resource alive.
func belong_to(resource: ExecuTorchResource) -> void:
	_own_resource = weakref(resource)


# The resource whose own session this is, or null.
func get_own_resource() -> ExecuTorchResource:
	return _own_resource.get_ref() as ExecuTorchResource if _own_resource != null else null


# Whether a program is in memory.
func has_program() -> bool:
	return _version != null


func runs(version: ModelVersion) -> bool:
	return _version != null and _version == version


# The resource was edited: the next call must look whether there is another version.
func leave_fast_path() -> void:
	_loaded = false


# The metadata was completed; the program is the same.
func follow_description(version: ModelVersion) -> void:
	_version = version


# Calls that wait for a model that was being converted may continue.
func wake() -> void:
	pass


# Gives the program's memory back. Calls that wait will run on the next one.
func forget_program() -> void:
	Registry.remove(_id)
	_swap_lock.lock()
	_generation += 1
	_set_loaded(false)
	_version = null
	if _module != null:
		_module.clear()
	_swap_lock.unlock()


# The native module of a new session on the program of `version`, if this session of the same resource runs it.
func share(version: ModelVersion, source: ExecuTorchResource) -> RefCounted:
	_swap_lock.lock()
	var runs_it: bool = _get_source() == source and _version != null
	runs_it = runs_it and _version.get_program_identity() == version.get_program_identity()
	var made: RefCounted = _module.new_session() if runs_it else null
	_swap_lock.unlock()
	return made


# The native module of a new session on the current program, with the version it runs: [module, version], or an error.
func make_sibling() -> Array:
	_load_lock.lock()
	var error: ExecuTorchError = _load_where_needed()
	_swap_lock.lock()
	var made: Array = [error, null] if error != null or _version == null else [_module.new_session(), _version]
	_swap_lock.unlock()
	_load_lock.unlock()
	return made


func _notification(what: int) -> void:
	# Methods of the object cannot be called any more when it is deleted; static ones can.
	if what == NOTIFICATION_PREDELETE:
		Registry.remove(_id)


# Follows a resource from now on. Null when its program is loaded.
func _follow(resource: ExecuTorchResource) -> void:
	_lock.lock()
	_resource = resource
	_lock.unlock()
	if resource != null and not resource.changed.is_connected(_on_resource_changed):
		resource.changed.connect(_on_resource_changed)


func _unfollow() -> void:
	var resource: ExecuTorchResource = _get_resource()
	_lock.lock()
	_resource = null
	_lock.unlock()
	if resource != null and resource.changed.is_connected(_on_resource_changed):
		resource.changed.disconnect(_on_resource_changed)


func _get_resource() -> ExecuTorchResource:
	_lock.lock()
	var resource: ExecuTorchResource = _resource
	_lock.unlock()
	return resource


func _get_source() -> ExecuTorchResource:
	return get_own_resource() if _own_resource != null else _get_resource()


# `{name, path, version, size, metadata}`; empty without a program.
func _get_description() -> Dictionary:
	_lock.lock()
	var version: ModelVersion = _version
	_lock.unlock()
	return version.description if version != null else {}


func _set_last_error(found: ExecuTorchError) -> void:
	_lock.lock()
	_last_error = found
	_calls_at_error = _count_calls()
	_lock.unlock()


# The last error that no success has overtaken, or null.
func _find_last_error() -> ExecuTorchError:
	_lock.lock()
	if _last_error != null and _is_error_overtaken():
		_last_error = null
	var found: ExecuTorchError = _last_error
	_lock.unlock()
	return found


# Forgets the statistics, by which an error is known to be overtaken, but not the error.
func _reset_statistics() -> void:
	var error: ExecuTorchError = _find_last_error()
	_module.reset_statistics()
	_set_last_error(error)


# Calls that worked since the program was loaded.
func _count_calls() -> int:
	return int((_module.get_statistics() as Dictionary).get("count", 0)) if _module != null else 0


func _is_error_overtaken() -> bool:
	return _calls_at_error < 0 or _count_calls() != _calls_at_error


func _set_for_good(setting: StringName, arguments: Array) -> Error:
	_settings[setting] = arguments
	return _checked(_module.callv(setting, arguments) as int) if has_program() else OK


func _set_level(level: int) -> Error:
	var status: Error = _set_for_good(_LEVEL, [level])
	if status != OK or not has_program():
		return status
	# Another program may belong to the level.
	leave_fast_path()
	return OK if prepare() else FAILED


func _checked(status: int) -> Error:
	return OK if status == 0 else keep_error(Inputs.error_of(_module))


# The resource may hold another program now: the next call looks. It is not asked here, where only a part of its
# properties may be set.
func _on_resource_changed() -> void:
	leave_fast_path()
	wake()


# Loads the current version where it is not loaded. Null when that worked.
func _load_current() -> ExecuTorchError:
	_load_lock.lock()
	var error: ExecuTorchError = _load_where_needed()
	_load_lock.unlock()
	return error


# Under the load lock. The program may be dropped or replaced by another thread while it is loaded.
func _load_where_needed() -> ExecuTorchError:
	for attempt: int in MAX_ATTEMPTS:
		if _is_current():
			return null
		var error: ExecuTorchError = _load_once()
		if error != null:
			return error
	return _no_model_error()


# Whether the module runs the current version. If so, calls may go to it at once.
func _is_current() -> bool:
	var source: ExecuTorchResource = _get_source()
	var next: ModelVersion = _get_next(source) if source != null else null
	_swap_lock.lock()
	var same: bool = _version != null and next != null and (_version == next or _runs_program_of(next))
	_set_loaded(same)
	# Edited meanwhile: the next call must look again.
	if same and source.is_edited():
		_set_loaded(false)
	_swap_lock.unlock()
	return same


# The version that this session is to run: its own level, if one was set, chooses among the model's programs.
func _get_next(source: ExecuTorchResource) -> ModelVersion:
	var version: ModelVersion = source.get_version()
	if _own_resource != null or not _settings.has(_LEVEL):
		return version
	return Versions.at_level(version, int(_settings[_LEVEL][0]))


# A session apart from the resource's own keeps its program while the resource only changes how its own runs.
func _runs_program_of(next: ModelVersion) -> bool:
	if _own_resource != null:
		return false
	var is_promise: bool = next.state == ExecuTorchResource.State.PENDING and not Engine.is_editor_hint()
	var same: ModelVersion = next
	if not _settings.has(_LEVEL):
		same = Versions.at_level(next, _version.optimization_level)
	return is_promise or same.get_program_identity() == _version.get_program_identity()


func _load_once() -> ExecuTorchError:
	var generation: int = _generation
	var source: ExecuTorchResource = _get_source()
	if source == null:
		return _no_model_error()
	var version: ModelVersion = _get_next(source)
	var made: Array = []
	if _own_resource != null:
		made = [Loader.make_module(version), version]
	elif version == source.get_version():
		made = source.get_default_session().make_sibling()
	else:
		made = [_make_apart(version, source), version]
	if made[0] == null:
		return ExecuTorchError.broken()
	if made[0] is ExecuTorchError:
		return made[0]
	var module: RefCounted = made[0]
	if not module.is_loaded():
		return null
	var error: ExecuTorchError = _give_settings(module)
	if error == null:
		_adopt(module, made[1] as ModelVersion, generation)
	return error


# A program that the resource's own session does not run: shared with another session that does, or loaded.
func _make_apart(version: ModelVersion, source: ExecuTorchResource) -> Variant:
	for other: RefCounted in Registry.get_living():
		var module: RefCounted = other.share(version, source) if other != self else null
		if module != null and Loader.configure(module, version) == null:
			return module
	return Loader.make_module(version)


func _adopt(made: RefCounted, version: ModelVersion, generation: int) -> void:
	_swap_lock.lock()
	var is_wanted: bool = generation == _generation
	if is_wanted:
		if _module == null:
			_module = made
		else:
			_module.become_session_of(made)
		_version = version
	_swap_lock.unlock()
	if is_wanted:
		_calls_at_error = -1
		Registry.add(self)


func _set_loaded(loaded: bool) -> void:
	_loaded = loaded
	var own: ExecuTorchResource = get_own_resource()
	if own != null:
		own.set_loaded(loaded, _module)


# Gives a module that is to be adopted what was set for the session. Null when it worked.
func _give_settings(module: RefCounted) -> ExecuTorchError:
	for setting: StringName in _settings:
		if module.callv(setting, _settings[setting]) != 0:
			return Inputs.error_of(module)
	return null


# What a person calls the model that an error is of, also of one that could not be loaded.
func _get_error_name() -> String:
	var source: ExecuTorchResource = _get_source()
	var path: String = source.get_version().source_path if source != null else ""
	return path if not path.is_empty() else str(_get_description().get("name", ""))


func _no_model_error() -> ExecuTorchError:
	if not Native.is_available():
		return Native.missing_error()
	return ExecuTorchError.create(
		ExecuTorchError.Code.MODEL_EMPTY, "The session has no model.", "Call load_model() first and check its result."
	)
