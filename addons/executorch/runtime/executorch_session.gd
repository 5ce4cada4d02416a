@tool
class_name ExecuTorchSession
extends ExecuTorchProcess
## What a session is made of: its native module, the resource that it follows, and its queue of asynchronous calls.
## Use it through [ExecuTorchRuntime], which inherits it.

const Inputs := preload("model_inputs.gd")
const Native := preload("native_library.gd")
const CallQueue := preload("call_queue.gd")
const Monitors := preload("model_monitors.gd")

## How many asynchronous calls may wait before new ones are refused; 0 is no limit.
var queue_limit: int = 64:
	set(value):
		queue_limit = value
		_queue.limit = value

var _id: int = get_instance_id()
# Made by the first load and the same from then on: other threads may be inside its calls.
var _module: RefCounted
var _loaded: bool = false
var _resource: ExecuTorchResource
# For the session of a resource's own: that resource, which holds the session and is not held by it.
var _home: WeakRef
var _description: Dictionary = {}
var _last_error: ExecuTorchError
# Several threads may load, unload and fail at once. A resource's own session is loaded under the resource's lock.
var _lock: Mutex = Mutex.new()
var _queue: CallQueue = CallQueue.new()
var _payload: Array = []
# What was set for this session, whatever module it runs on: name of the native method to its arguments.
var _settings: Dictionary[StringName, Array] = {}


## Queues a run of [param method] on the session's worker thread and returns at once.
func submit(inputs: Dictionary, method: String = "forward") -> ExecuTorchCall:
	var request: ExecuTorchCall = ExecuTorchCall.new()
	request.inputs = inputs
	request.method = method
	request.owner = self if _home == null else _home.get_ref()
	request.provider = get_ready_module
	request.model_name = _get_error_name()
	if not _queue.submit(request):
		request.end_with({}, _full_queue_error())
	return request


## Cancels all asynchronous calls that have not ended.
func cancel_all() -> void:
	_queue.cancel_all()


## Asynchronous calls that wait, without the one that runs.
func get_queue_depth() -> int:
	return _queue.get_depth()


## The model's metadata; empty without a model.
func get_metadata() -> Dictionary:
	return _get_description().get("metadata", {})


## The model's name; empty without a model.
func get_model_name() -> String:
	return str(_get_description().get("name", ""))


## The path of the model's file in the project; empty when it has none.
func get_resource_path() -> String:
	return str(_get_description().get("path", ""))


## The resource that this session was loaded from; null without a model, and for a resource's own default session.
func get_resource() -> ExecuTorchResource:
	_lock.lock()
	var resource: ExecuTorchResource = _resource
	_lock.unlock()
	return resource


## The error of the last call that failed, or null.
func get_last_error() -> ExecuTorchError:
	_lock.lock()
	var found: ExecuTorchError = _last_error
	_lock.unlock()
	return found


## For tools: a number that no other session of this process has.
func get_session_id() -> int:
	return _id


## The native class [code]ExecuTorchModule[/code] under this session, or null while the model is not loaded. A loop that
## calls a very small model thousands of times saves a quarter of each call with its [code]forward_packed[/code]
## (docs/architecture.md has its methods). It is the same for the session's life, runs nothing while the model is not
## loaded, and writes no errors: see its [code]get_last_error[/code].
func get_native_module() -> RefCounted:
	return _module if _loaded else null


## For tools: the native module or an [ExecuTorchError], MODEL_PENDING while the model is converted. Writes nothing to
## the output.
func get_ready_module() -> Variant:
	return _module if _loaded else _load_again()


## For resources: makes this the session of [param resource]'s own. It does not keep the resource alive.
func belong_to(resource: ExecuTorchResource) -> void:
	_home = weakref(resource)


## For resources: loads the program where it is not; false when that failed.
func prepare() -> bool:
	if _loaded:
		return true
	var made: Variant = _load_again()
	if not _loaded:
		keep_error(made as ExecuTorchError if made != null else ExecuTorchError.broken())
	return _loaded


## For resources: a call returned nothing. Runs it again when there are [ExecuTorchTensor]s in it, which the native
## library does not know; else keeps the error.
func forward_again(inputs: Dictionary) -> Dictionary:
	var outputs: Dictionary = _module.forward(Inputs.plain(inputs)) if Inputs.has_tensors(inputs) else {}
	if outputs.is_empty():
		keep_module_error()
	return outputs


## For resources: keeps the error of the module's last call, if there was one.
func keep_module_error() -> void:
	keep_error(Inputs.error_of(_module))


## For resources: keeps an error as the last one, writes it to Godot's output, and returns [constant FAILED]. Null is no
## error.
func keep_error(found: ExecuTorchError) -> Error:
	if found != null:
		_set_last_error(found)
		found.report(_get_error_name())
	return FAILED


## For resources: the resource whose own session this is, or null.
func get_home() -> ExecuTorchResource:
	return _home.get_ref() as ExecuTorchResource if _home != null else null


## For resources: gives a module that is to be adopted what was set for the session. Null when it worked.
func give_settings(module: RefCounted) -> ExecuTorchError:
	for setting: StringName in _settings:
		if module.callv(setting, _settings[setting]) != 0:
			return Inputs.error_of(module)
	return null


## For resources: runs on this module from now on. A session that [param keeps] its resource keeps it alive.
func adopt(module: RefCounted, resource: ExecuTorchResource, keeps: bool, known: Dictionary = {}) -> void:
	_lock.lock()
	if _module == null:
		_module = module
	elif _module != module:
		_module.become_session_of(module)
	_resource = resource if keeps else null
	if _resource != null and not _resource.changed.is_connected(_on_resource_changed):
		_resource.changed.connect(_on_resource_changed)
	_description = known
	_payload = resource.get_payload_identity() if resource != null else []
	if known.is_empty() and resource != null:
		_description = {
			"name": resource.get_model_name(),
			"path": resource.resource_path,
			"version": resource.get_model_version(),
			"size": resource.get_model_size(),
			"metadata": resource.metadata,
		}
	_loaded = true
	_lock.unlock()
	ExecuTorchProcess.register(self as Object as ExecuTorchRuntime)
	Monitors.add(self)


## For resources: the program is of no use any more; calls that wait will run on the next one.
func forget_module() -> void:
	Monitors.remove(_id)
	ExecuTorchProcess.unregister(_id)
	_lock.lock()
	_loaded = false
	if _module != null:
		_module.clear()
	_lock.unlock()


func _notification(what: int) -> void:
	# Methods of the object cannot be called any more when it is deleted; static ones can.
	if what == NOTIFICATION_PREDELETE:
		_queue.stop()
		Monitors.remove(_id)
		ExecuTorchProcess.unregister(_id)


## The native module, or an error.
func _adopt_session_of(shared: RefCounted, resource: ExecuTorchResource) -> Variant:
	var module: RefCounted = shared.new_session()
	# Another thread may have unloaded the resource meanwhile.
	var found: ExecuTorchError = give_settings(module) if module.is_loaded() else _not_loaded_cause()
	if found != null:
		return found
	adopt(module, resource, true)
	return _module


func _get_description() -> Dictionary:
	_lock.lock()
	var description: Dictionary = _description
	_lock.unlock()
	return description


func _set_last_error(found: ExecuTorchError) -> void:
	_lock.lock()
	_last_error = found
	_lock.unlock()


func _set_for_good(setting: StringName, arguments: Array) -> Error:
	_settings[setting] = arguments
	return _checked(_module.callv(setting, arguments) as int) if _module != null else OK


func _checked(status: int) -> Error:
	return OK if status == 0 else keep_error(Inputs.error_of(_module))


## The resource holds another program now: the next call loads it.
func _on_resource_changed() -> void:
	var resource: ExecuTorchResource = get_resource()
	if resource != null and not resource.is_next_version_pending() and resource.get_payload_identity() != _payload:
		forget_module()


## The native module or an error, MODEL_PENDING while the model is converted.
func _load_again() -> Variant:
	if _home != null:
		var home: ExecuTorchResource = get_home()
		return home.get_ready_module() if home != null else _not_loaded_cause()
	var source: ExecuTorchResource = get_resource()
	if source == null:
		return _not_loaded_cause()
	_lock.lock()
	var made: Variant = _module if _loaded else source.get_ready_module()
	if not _loaded and made != null and not made is ExecuTorchError:
		made = _adopt_session_of(made as RefCounted, source)
	_lock.unlock()
	return made


func _get_error_name() -> String:
	var home: ExecuTorchResource = get_home()
	return home.get_source_file_path() if home != null else get_model_name()


func _full_queue_error() -> ExecuTorchError:
	return (
		ExecuTorchError
		. create(
			ExecuTorchError.Code.QUEUE_FULL,
			"%d calls wait already." % _queue.limit,
			"Wait for results before asking for more, or raise queue_limit.",
		)
	)


func _not_loaded_error() -> Error:
	return keep_error(_not_loaded_cause())


func _not_loaded_cause() -> ExecuTorchError:
	if not Native.is_available():
		return Native.missing_error()
	return ExecuTorchError.create(
		ExecuTorchError.Code.MODEL_EMPTY, "The session has no model.", "Call load_model() first and check its result."
	)
