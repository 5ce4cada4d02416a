@tool
class_name ExecuTorchSession
extends ExecuTorchProcess
## What a session is made of: its native module, the resource that it follows, and its queue of asynchronous calls.
## Use it through [ExecuTorchRuntime], which inherits it.

const Inputs := preload("model_inputs.gd")
const Native := preload("native_library.gd")
const ModelLoader := preload("model_loader.gd")
const CallQueue := preload("call_queue.gd")
const Monitors := preload("model_monitors.gd")

## How many asynchronous calls may wait before new ones are refused; 0 is no limit.
var queue_limit: int = 64:
	set(value):
		queue_limit = value
		_queue.limit = value

var _id: int = get_instance_id()
var _module: RefCounted
var _resource: ExecuTorchResource
var _description: Dictionary = {}
var _last_error: ExecuTorchError
var _queue: CallQueue = CallQueue.new()
var _payload: Array = []


## Queues a run of [param method] on the session's worker thread and returns at once.
func submit(inputs: Dictionary, method: String = "forward") -> ExecuTorchCall:
	var request: ExecuTorchCall = ExecuTorchCall.new()
	request.inputs = inputs
	request.method = method
	request.owner = self
	request.provider = get_ready_module
	request.model_name = get_model_name()
	enqueue(request)
	return request


## Cancels all asynchronous calls that have not ended.
func cancel_all() -> void:
	_queue.cancel_all()


## Asynchronous calls that wait, without the one that runs.
func get_queue_depth() -> int:
	return _queue.get_depth()


## The model's metadata; empty without a model.
func get_metadata() -> Dictionary:
	return _description.get("metadata", {})


## The model's name; empty without a model.
func get_model_name() -> String:
	return str(_description.get("name", ""))


## The path of the model's file in the project; empty when it has none.
func get_resource_path() -> String:
	return str(_description.get("path", ""))


## The resource that this session was loaded from; null without a model, and for a resource's own default session.
func get_resource() -> ExecuTorchResource:
	return _resource


## The error of the last call that failed, or null.
func get_last_error() -> ExecuTorchError:
	return _last_error


## For tools: a number that no other session of this process has.
func get_session_id() -> int:
	return _id


## For tools: the native module, or null.
func get_native_module() -> RefCounted:
	return _module


## For tools: the native module, an [ExecuTorchError], or null while there is none yet. Writes nothing to the output.
func get_ready_module() -> Variant:
	if _module == null and _resource != null:
		return _load_again()
	return _module if _module != null else _not_loaded_cause()


## For resources: runs on this module from now on. A session that [param keeps] its resource keeps it alive.
func adopt(module: RefCounted, resource: ExecuTorchResource, keeps: bool, known: Dictionary = {}) -> void:
	_module = module
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
	ExecuTorchProcess.register(self as Object as ExecuTorchRuntime)
	Monitors.add(self)


## For resources: the program is of no use any more; calls that wait will run on the next one.
func forget_module() -> void:
	Monitors.remove(_id)
	ExecuTorchProcess.unregister(_id)
	_module = null


## For resources: queues a call; one that the queue has no room for ends at once with an error.
func enqueue(request: ExecuTorchCall) -> void:
	if not _queue.submit(request):
		(
			request
			. end_with(
				{},
				(
					ExecuTorchError
					. create(
						ExecuTorchError.Code.QUEUE_FULL,
						"%d calls wait already." % _queue.limit,
						"Wait for results before asking for more, or raise queue_limit.",
					)
				)
			)
		)


func _notification(what: int) -> void:
	# Methods of the object cannot be called any more when it is deleted; static ones can.
	if what == NOTIFICATION_PREDELETE:
		_queue.stop()
		Monitors.remove(_id)
		ExecuTorchProcess.unregister(_id)


func _retry(method: String, inputs: Dictionary) -> Dictionary:
	var outputs: Dictionary = {}
	if Inputs.has_tensors(inputs):
		outputs = _module.execute(method, Inputs.plain(inputs))
	if outputs.is_empty():
		_keep_error(Inputs.error_of(_module))
	return outputs


func _checked(status: int) -> Error:
	if status != 0:
		_keep_error(Inputs.error_of(_module))
	return OK if status == 0 else FAILED


## The resource holds another program now: the next call loads it.
func _on_resource_changed() -> void:
	if _resource != null and _resource.get_payload_identity() != _payload:
		forget_module()


func _load_again() -> Variant:
	var made: Variant = _resource.get_ready_module()
	if made is ExecuTorchError or made == null:
		return made
	adopt((made as RefCounted).new_session() as RefCounted, _resource, true)
	return _module


func _revive() -> bool:
	if _resource == null:
		_keep_error(_not_loaded_cause())
		return false
	var made: Variant = _load_again()
	if made == null:
		_keep_error(ModelLoader.pending_error())
	elif made is ExecuTorchError:
		_keep_error(made as ExecuTorchError)
	return _module != null


func _not_loaded_error() -> Error:
	_keep_error(_not_loaded_cause())
	return FAILED


func _not_loaded_cause() -> ExecuTorchError:
	if not Native.is_available():
		return Native.missing_error()
	return ExecuTorchError.create(
		ExecuTorchError.Code.MODEL_EMPTY, "The session has no model.", "Call load_model() first and check its result."
	)


func _keep_error(found: ExecuTorchError) -> void:
	if found != null:
		_last_error = found
		found.report(get_model_name())
