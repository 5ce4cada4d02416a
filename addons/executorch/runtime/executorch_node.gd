@tool
@icon("res://addons/executorch/icons/node.svg")
class_name ExecuTorchNode
extends Node
## A model in the scene: a session of its own on [member model], with signals for what happens.
##
## [codeblock]
## var action: PackedFloat32Array = $Brain.predict(observation)
## [/codeblock]

## The model can be used.
signal model_loaded
## The model's memory was given back.
signal model_unloaded
## A prediction has ended; [param result] is what [method predict_named] returns. Emitted on the main thread.
signal inference_completed(result: Dictionary)
## Loading or a prediction failed.
signal inference_failed(error: ExecuTorchError)

## The model to run. Setting it in the tree with [member auto_load] loads it.
@export var model: ExecuTorchResource:
	set(value):
		model = value
		_follow_model()
## The model's file, used when [member model] is empty.
@export_file("*.pt", "*.pt2", "*.pth", "*.pte", "*.safetensors", "*.tres", "*.res") var model_path: String = "":
	set(value):
		model_path = value
		_follow_model()
## Whether the model is loaded when the node enters the tree.
@export var auto_load: bool = true

var _session: ExecuTorchRuntime = ExecuTorchRuntime.new()


func _ready() -> void:
	_load_if_wanted()


func _get_configuration_warnings() -> PackedStringArray:
	if model != null or not model_path.is_empty():
		return []
	return ['There is no model. Drag a model from the FileSystem dock onto "Model" in the inspector.']


func _exit_tree() -> void:
	_session.cancel_all()


## Loads [member model], or [member model_path] when that is empty. Returns [constant OK] or [constant FAILED].
func load_model() -> Error:
	unload_model()
	var status: Error = FAILED
	if model != null:
		status = _session.load_model(model)
	else:
		status = _session.load_model_from_file(model_path)
	# Else the first prediction would stop the frame for it.
	if status == OK and (_session.get_native_module().get_method_names() as PackedStringArray).has("forward"):
		status = _session.load_method("forward")
	if status == OK:
		model_loaded.emit()
	else:
		inference_failed.emit(get_last_error())
	return status


## Gives the model's memory back and cancels what is asked for.
func unload_model() -> void:
	if _session.is_model_loaded():
		_session.unload_model()
		model_unloaded.emit()


## Whether there is a model.
func is_model_loaded() -> bool:
	return _session.is_model_loaded()


## Runs a model with one input and returns its first output as floats; see [method ExecuTorchResource.forward_array].
## Empty on failure. Emits [signal inference_completed] (with the output under its name) or [signal inference_failed].
func predict(input: PackedFloat32Array) -> PackedFloat32Array:
	if not _is_ready():
		return PackedFloat32Array()
	var output: PackedFloat32Array = _session.run_inference_array(input)
	if output.is_empty() and _has_failed():
		inference_failed.emit(get_last_error())
	elif inference_completed.has_connections():
		inference_completed.emit({_first_output(): output})
	return output


## Runs the model with inputs by name; see [method ExecuTorchResource.forward]. Empty on failure. Emits
## [signal inference_completed] or [signal inference_failed].
func predict_named(inputs: Dictionary) -> Dictionary:
	if not _is_ready():
		return {}
	var result: Dictionary = _session.run_inference(inputs)
	_tell(result, get_last_error() if _has_failed() else null)
	return result


## [method predict] on a worker thread: [code]var action: PackedFloat32Array = await $Brain.predict_async(observation)
## [/code]. Waits for a model that is not loaded yet. Empty on failure.
func predict_async(input: PackedFloat32Array) -> PackedFloat32Array:
	var result: Dictionary = await predict_named_async({"input_0": input})
	if result.is_empty():
		return PackedFloat32Array()
	var first: Variant = result.values()[0]
	return PackedFloat32Array(Array(first) if typeof(first) >= TYPE_ARRAY else [first])


## [method predict_named] on a worker thread. Waits for a model that is not loaded yet. Empty on failure.
func predict_named_async(inputs: Dictionary) -> Dictionary:
	if not is_model_loaded():
		if not is_node_ready():
			await ready
		if not is_model_loaded() and load_model() != OK:
			return {}
	var request: ExecuTorchCall = _session.submit(inputs)
	if not request.is_finished():
		await request.finished
	if not request.is_cancelled():
		_tell(request.result, request.get_error())
	return request.result


## The node's session.
func get_session() -> ExecuTorchRuntime:
	return _session


## The error of the last call that failed, or null.
func get_last_error() -> ExecuTorchError:
	return _session.get_last_error()


func _is_ready() -> bool:
	return is_model_loaded() or load_model() == OK


## Whether the last call failed: an output without elements is empty too.
func _has_failed() -> bool:
	var module: RefCounted = _session.get_native_module()
	return module == null or not (module.get_last_error() as Dictionary).is_empty()


func _tell(result: Dictionary, error: ExecuTorchError) -> void:
	if result.is_empty() and error != null:
		inference_failed.emit(error)
	else:
		inference_completed.emit(result)


func _first_output() -> String:
	var module: RefCounted = _session.get_native_module()
	var outputs: Array = (module.get_method_meta("forward") as Dictionary)["outputs"]
	return (outputs[0] as Dictionary)["name"]


## Another model was set. Without auto_load the former one goes too: a call would run it.
func _follow_model() -> void:
	update_configuration_warnings()
	if not Engine.is_editor_hint():
		unload_model()
	_load_if_wanted()


## In the game; a scene that is edited runs nothing.
func _load_if_wanted() -> void:
	if Engine.is_editor_hint() or not (auto_load and is_node_ready() and is_inside_tree()):
		return
	if model != null or not model_path.is_empty():
		load_model()
