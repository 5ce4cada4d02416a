@tool
extends "res://addons/executorch/runtime/session_program.gd"
## Internal part of [ExecuTorchRuntime]: the calls of a session, also those that are repeated, and its queue of
## asynchronous calls.

const CallQueue := preload("calls/call_queue.gd")
const FrameSlices := preload("calls/frame_slices.gd")
const InputErrors := preload("calls/input_errors.gd")
const WorkerPool := preload("calls/worker_pool.gd")

const MOST_BUDGET_MSEC: float = 1e6

var _queue: CallQueue = CallQueue.new(get_ready_module, run_method, WorkerPool.schedule)


func _init() -> void:
	_queue.run_sliced_with(begin_sliced, explain_sliced, FrameSlices.schedule)


# A call of the method forward returned nothing. Runs it again when its inputs hold what the native library does not
# know, or when the program was replaced under it; else keeps the error.
func forward_again(inputs: Dictionary) -> Dictionary:
	var error: ExecuTorchError = Inputs.error_of(_module)
	var is_plain: bool = not Inputs.has_foreign(inputs)
	if is_plain and error != null and error.code_name != NOT_LOADED:
		keep_error(_explained(error, "forward", inputs))
		return {}
	var done: Array = run_method("forward", inputs)
	keep_error(done[1] as ExecuTorchError)
	return done[0]


# Runs a method on the current program: [outputs, error]. The error is null when there are outputs. Any thread.
func run_method(method: String, inputs: Dictionary) -> Array:
	var plain: Dictionary = Inputs.plain(inputs)
	var error: ExecuTorchError = null
	for attempt: int in MAX_ATTEMPTS:
		error = null if _loaded else _load_current()
		if error != null:
			break
		var outputs: Dictionary = _module.execute(method, plain)
		if not outputs.is_empty():
			return [outputs, null]
		# No error: a call of another thread has ended since. NOT_LOADED: another thread has unloaded the program.
		error = Inputs.error_of(_module)
		var is_over: bool = error.code_name != NOT_LOADED if error != null else _returns_nothing(method)
		if is_over:
			break
	return [{}, _explained(error, method, inputs)]


# A native run of a method, which advances slice by slice.
func begin_sliced(method: String, inputs: Dictionary) -> RefCounted:
	return _module.begin_sliced(method, inputs)


# Why a native run failed, or null.
func explain_sliced(run: RefCounted, method: String, inputs: Dictionary) -> ExecuTorchError:
	@warning_ignore("unsafe_method_access")
	var told: Dictionary = run.get_error()
	return null if told.is_empty() else _explained(ExecuTorchError.from_dictionary(told), method, inputs)


# The same for the way with arrays: an output without elements is empty too, and has no error.
func forward_array_again(input: PackedFloat32Array) -> PackedFloat32Array:
	for attempt: int in MAX_ATTEMPTS:
		var error: ExecuTorchError = Inputs.error_of(_module)
		if error == null or error.code_name != NOT_LOADED:
			var meta: Dictionary = _module.get_method_meta("forward") if error != null else {}
			keep_error(InputErrors.explained_array(error, meta))
			break
		if not prepare():
			break
		var output: PackedFloat32Array = _module.forward_packed(input)
		if output:
			return output
	return PackedFloat32Array()


# Calls that wait for a model that was being converted may continue.
func wake() -> void:
	_queue.wake()


# Queues a call: on a worker thread, or in slices of so many milliseconds when they are given. `refused` ends it.
func _submit(
	inputs: Dictionary, method: String, refused: ExecuTorchError = null, budget_msec: float = 0.0
) -> ExecuTorchCall:
	var own: ExecuTorchResource = get_own_resource()
	var job: CallQueue.Job = CallQueue.Job.new()
	job.request = ExecuTorchCall.new()
	job.request.set_model_name(_get_error_name())
	job.method = method
	job.owner = self
	if own != null:
		job.owner = own
	job.budget_usec = ceili(minf(budget_msec, MOST_BUDGET_MSEC) * 1000.0) if refused == null else 0
	if WorkerPool.is_stopped():
		refused = ExecuTorchCall.cancelled_error()
	if refused == null:
		job.inputs = Inputs.take_over(inputs)
		if not _queue.submit(job):
			var setting: String = "queue_limit" if own == null else "get_default_session().queue_limit"
			refused = CallQueue.full_error(_queue.limit, setting)
	if refused != null:
		job.request.end_with({}, refused)
	return job.request


# Runs a method of the module that returns an Array, empty when it failed. Its last argument holds the inputs, or rows.
func _run_list(method: StringName, arguments: Array) -> Array:
	for attempt: int in MAX_ATTEMPTS:
		if not prepare():
			break
		var outputs: Array = _module.callv(method, arguments)
		if not outputs.is_empty():
			return outputs
		var error: ExecuTorchError = Inputs.error_of(_module)
		if error == null or error.code_name != NOT_LOADED:
			var called: String = arguments[0] if arguments.size() > 1 else "forward"
			keep_error(_explained(error, called, _numbered(arguments[-1] as Array, called, arguments.size() > 1)))
			break
	return []


# Inputs by the names that the program has for them, or rows by their number.
func _numbered(values: Array, method: String, are_inputs: bool) -> Dictionary:
	var names: Array = (_module.get_method_meta(method) as Dictionary).get("inputs", []) if are_inputs else []
	var named: Dictionary = {}
	for index: int in values.size():
		var key: String = "row %d" % index
		if are_inputs:
			key = names[index]["name"] if index < names.size() else "input_%d" % index
		named[key] = values[index]
	return named


func _explained(error: ExecuTorchError, method: String, inputs: Dictionary) -> ExecuTorchError:
	if error == null or _module == null or not _module.is_loaded():
		return error
	return InputErrors.explained(error, inputs, _module.get_method_meta(method) as Dictionary)


# Whether a method has no outputs, so that an empty result is not a failure.
func _returns_nothing(method: String) -> bool:
	var meta: Dictionary = _module.get_method_meta(method)
	return meta.has("outputs") and (meta["outputs"] as Array).is_empty()
