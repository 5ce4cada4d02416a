@tool
@icon("res://addons/executorch/icons/node.svg")
class_name ExecuTorchNode
extends Node
## A node that runs a model. It has its own session of [member model], and emits signals.
##
## [codeblock]
## var action: PackedFloat32Array = $Brain.predict(observation)
## [/codeblock]

## Emitted on the main thread when the model is loaded, also by an asynchronous prediction.
signal model_loaded
## Emitted when the model is unloaded.
signal model_unloaded
## Emitted on the main thread when a prediction ends. [param result] is what [method predict_named] returns.
signal inference_completed(result: Dictionary)
## Emitted when loading or a prediction fails.
signal inference_failed(error: ExecuTorchError)

const ModelExtensions := preload("library/model_extensions.gd")

## The model to run. It is loaded when it is set while the node is in the tree and [member auto_load] is on.
@export var model: ExecuTorchResource:
	set(value):
		model = value
		_follow_model()
## The model's file, used when [member model] is empty.
@export_custom(PROPERTY_HINT_FILE, ModelExtensions.FILTER + ",*.tres,*.res") var model_path: String = "":
	set(value):
		model_path = value
		_follow_model()
## If [code]true[/code], the model is loaded when the node enters the tree.
@export var auto_load: bool = true

var _session: ExecuTorchRuntime = ExecuTorchRuntime.new()
# Asynchronous calls that have not ended.
var _calls: Array[ExecuTorchCall] = []
# Whether model_loaded was emitted for the model that is loaded.
var _is_told: bool = false


func _ready() -> void:
	_load_if_wanted()


func _get_configuration_warnings() -> PackedStringArray:
	if model != null and model.state == ExecuTorchResource.State.FAILED:
		return ["%s could not be converted: %s" % [model.get_model_name(), model.error.get("cause", "")]]
	if model != null or not model_path.is_empty():
		return []
	return ['There is no model. Drag a model from the FileSystem dock onto "Model" in the inspector.']


func _exit_tree() -> void:
	_session.cancel_all()


func _notification(what: int) -> void:
	# A script that awaits a call of this node would wait for ever. While the game ends no script is resumed.
	if what == NOTIFICATION_PREDELETE and not ExecuTorchRuntime.WorkerPool.is_stopped():
		for request: ExecuTorchCall in _calls.duplicate():
			request.cancel()
			request.end_with({}, ExecuTorchCall.cancelled_error())


## Loads [member model], or [member model_path] when that is empty. Returns [code]true[/code] when the model is loaded.
## Emits [signal model_loaded] or [signal inference_failed].
func load_model() -> bool:
	unload_model()
	return _load(_follow())


## Frees the model's memory and cancels asynchronous calls. Emits [signal model_unloaded].
func unload_model() -> void:
	var was_loaded: bool = _session.is_model_loaded()
	_session.unload_model()
	_is_told = false
	if was_loaded:
		model_unloaded.emit()


## Returns [code]true[/code] when the node has a model.
func is_model_loaded() -> bool:
	return _session.is_model_loaded()


## Runs a model with one input and returns its first output as floats; see [method ExecuTorchResource.forward_array].
## Returns an empty array when it fails. Emits [signal inference_completed] (with the output under its name) or
## [signal inference_failed].
func predict(input: PackedFloat32Array) -> PackedFloat32Array:
	if not _is_ready():
		return PackedFloat32Array()
	var before: ExecuTorchError = get_last_error()
	var output: PackedFloat32Array = _session.run_inference_array(input)
	if output.is_empty() and _has_failed_since(before):
		inference_failed.emit(get_last_error())
	elif inference_completed.has_connections():
		inference_completed.emit({_first_output(): output})
	return output


## Runs the model with inputs by name; see [method ExecuTorchResource.forward]. Returns an empty [Dictionary] when it
## fails. Emits [signal inference_completed] or [signal inference_failed].
func predict_named(inputs: Dictionary) -> Dictionary:
	if not _is_ready():
		return {}
	var before: ExecuTorchError = get_last_error()
	var result: Dictionary = _session.run_inference(inputs)
	_tell(result, get_last_error() if result.is_empty() and _has_failed_since(before) else null)
	return result


## Runs [method predict] on a worker thread: [code]var action: PackedFloat32Array = await
## $Brain.predict_async(observation)[/code]. The worker loads the model first if necessary. Returns an empty array when
## it fails, and when the node leaves the tree before the call ends.
func predict_async(input: PackedFloat32Array) -> PackedFloat32Array:
	var result: Dictionary = await predict_named_async({"input_0": input})
	if result.is_empty():
		return PackedFloat32Array()
	var first: Variant = result.values()[0]
	return PackedFloat32Array(Array(first) if typeof(first) >= TYPE_ARRAY else [first])


## Runs [method predict_named] on a worker thread, which loads the model first if necessary. Returns an empty
## [Dictionary] when it fails, and when the node leaves the tree before the call ends.
func predict_named_async(inputs: Dictionary) -> Dictionary:
	return await _result_after(_session.submit(inputs)) if _may_submit() else {}


## Runs [method predict_named] on the main thread, at most [param budget_msec] of each frame; see
## [method ExecuTorchResource.submit_sliced]. Returns an empty [Dictionary] when it fails, and when the node leaves the
## tree before the call ends.
func predict_named_sliced(inputs: Dictionary, budget_msec: float) -> Dictionary:
	return await _result_after(_session.submit_sliced(inputs, budget_msec)) if _may_submit() else {}


## Returns the node's session.
func get_session() -> ExecuTorchRuntime:
	return _session


## Returns the error of the last call, or [code]null[/code] when it worked; see
## [method ExecuTorchRuntime.get_last_error].
func get_last_error() -> ExecuTorchError:
	return _session.get_last_error()


# Whether there is a model for an asynchronous call. The error is told.
func _may_submit() -> bool:
	# A session that follows a model is loading it for a call before this one.
	if is_model_loaded() or _session.get_resource() != null or _follow():
		return true
	inference_failed.emit(get_last_error())
	return false


func _result_after(request: ExecuTorchCall) -> Dictionary:
	if await _has_ended(request):
		_tell(request.result, request.get_error())
	return request.result


# Waits for an asynchronous call. False when it was cancelled; otherwise its error is kept, and a load is told.
func _has_ended(request: ExecuTorchCall) -> bool:
	_calls.append(request)
	if not request.is_finished():
		await request.finished
	_calls.erase(request)
	if request.is_cancelled():
		return false
	_tell_loaded()
	if request.get_error() != null:
		_session.take_error(request.get_error())
	return true


func _is_ready() -> bool:
	if is_model_loaded():
		return true
	# load_model() would cancel the calls that wait for the model.
	return _load(true) if _session.get_resource() != null else load_model()


# Takes the model without loading its program. False when there is none; the error is kept.
func _follow() -> bool:
	var wanted: ExecuTorchResource = model
	var path: String = ExecuTorchResource.Files.path_of(model_path)
	# What lies outside of the project may hold a script: load_from_file() does not run it.
	if wanted == null and ExecuTorchResource.Files.is_in_project(path) and ResourceLoader.exists(path):
		wanted = ResourceLoader.load(path) as ExecuTorchResource
	if wanted == null:
		wanted = ExecuTorchResource.new()
		if wanted.load_from_file(path) != OK:
			_session.take_error(wanted.get_last_error())
			return false
	_session.follow(wanted)
	return true


func _load(has_model: bool) -> bool:
	var is_loaded: bool = has_model and _session.prepare()
	# Else the first prediction would stop the frame for it.
	if is_loaded and (_session.get_native_module().get_method_names() as PackedStringArray).has("forward"):
		is_loaded = _session.load_method("forward") == OK
	if is_loaded:
		_tell_loaded()
	else:
		inference_failed.emit(get_last_error())
	return is_loaded


# Whether a call failed: an output without elements is empty too. A load that fails again may have the same error.
func _has_failed_since(before: ExecuTorchError) -> bool:
	var now: ExecuTorchError = get_last_error()
	return (now != null and now != before) or not _session.has_program()


func _tell_loaded() -> void:
	if is_model_loaded() and not _is_told:
		_is_told = true
		model_loaded.emit()


func _tell(result: Dictionary, error: ExecuTorchError) -> void:
	if result.is_empty() and error != null:
		inference_failed.emit(error)
	else:
		inference_completed.emit(result)


func _first_output() -> String:
	var module: RefCounted = _session.get_native_module()
	var outputs: Array = (module.get_method_meta("forward") as Dictionary)["outputs"]
	return (outputs[0] as Dictionary)["name"]


# Another model was set. Without auto_load the former one goes too: a call would run it.
func _follow_model() -> void:
	update_configuration_warnings()
	if not Engine.is_editor_hint():
		unload_model()
	_load_if_wanted()


# In the game; a scene that is edited runs nothing.
func _load_if_wanted() -> void:
	if Engine.is_editor_hint() or not (auto_load and is_node_ready() and is_inside_tree()):
		return
	if _session.is_model_loaded():
		# A call was made before the node was ready: it continues.
		_load(true)
	elif model != null or not model_path.is_empty():
		load_model()
