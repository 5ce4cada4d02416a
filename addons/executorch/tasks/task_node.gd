@tool
extends ExecuTorchNode
## The base of the nodes of tasks: the model's card, and the errors of tasks.

const TaskCard := preload("task_card.gd")
const Vectors := preload("vectors.gd")
const SessionRegistry := preload("res://addons/executorch/runtime/session_registry.gd")

# When the preparation of a call began, and the decoding of an answer, in microseconds; 0 = neither.
var _prepares_since: int = 0
var _decodes_since: int = 0


func _get_configuration_warnings() -> PackedStringArray:
	var warnings: PackedStringArray = super._get_configuration_warnings()
	if model != null and model.state == ExecuTorchResource.State.READY:
		var error: ExecuTorchError = _find_misfit(model, TaskCard.new(model))
		if error != null:
			warnings.append(str(error))
	return warnings


## Runs the model with inputs by name; see [method ExecuTorchNode.predict_named].
func predict_named(inputs: Dictionary) -> Dictionary:
	_end_preparation()
	var result: Dictionary = super.predict_named(inputs)
	_begin_decoding()
	return result


## Runs [method predict_named] on a worker thread; see [method ExecuTorchNode.predict_named_async].
func predict_named_async(inputs: Dictionary) -> Dictionary:
	_end_preparation()
	var result: Dictionary = await super.predict_named_async(inputs)
	_begin_decoding()
	return result


# The profiler shows how long the parts of a task take that are not the model's. Nothing is kept without a debugger.
func _begin_preparation() -> void:
	_prepares_since = Time.get_ticks_usec()


func _end_preparation() -> void:
	if _prepares_since > 0:
		var usec: int = Time.get_ticks_usec() - _prepares_since
		SessionRegistry.add_task_time(get_session().get_native_module(), usec, SessionRegistry.Stage.PREPARATION)
	_prepares_since = 0


func _begin_decoding() -> void:
	_decodes_since = Time.get_ticks_usec()


func _end_decoding() -> void:
	if _decodes_since > 0:
		var usec: int = Time.get_ticks_usec() - _decodes_since
		SessionRegistry.add_task_time(get_session().get_native_module(), usec, SessionRegistry.Stage.DECODING)
	_decodes_since = 0


# What does not fit between the model and the task, or null.
func _find_misfit(_of_model: ExecuTorchModelDescription, _card: TaskCard) -> ExecuTorchError:
	return null


# The model with its card; null when there is none, or when it does not fit. The error is kept and told.
func _fitting_model() -> ExecuTorchResource:
	_begin_preparation()
	var found: ExecuTorchResource = model
	if found == null and not is_model_loaded() and not model_path.is_empty() and not load_model():
		return null
	if found == null:
		found = get_session().get_resource()
	if found == null:
		_tell_error(
			ExecuTorchError.create(
				ExecuTorchError.Code.MODEL_EMPTY, "The node %s has no model." % name, "Set its property model."
			)
		)
		return null
	# Without a program there is no card either; the error says why.
	if found.state == ExecuTorchResource.State.FAILED and not _is_ready():
		return null
	var error: ExecuTorchError = _find_misfit(found, TaskCard.new(found))
	if error != null:
		_tell_error(error)
		return null
	return found


# The node's model, or the one that its session follows; null without one.
func _current_model() -> ExecuTorchResource:
	return model if model != null else get_session().get_resource()


func _tell_error(error: ExecuTorchError) -> void:
	get_session().keep_error(error)
	inference_failed.emit(error)


# The floats of an output by its name, or of the first.
static func _floats_of(outputs: Dictionary, wanted: String) -> PackedFloat32Array:
	if outputs.is_empty():
		return PackedFloat32Array()
	var value: Variant = outputs.get(wanted, outputs.values()[0])
	return PackedFloat32Array(Array(value)) if typeof(value) >= TYPE_ARRAY else PackedFloat32Array([value])


# The error of a card of another kind, or of a model without a card. `called`: what the node is.
static func _wrong_kind(
	of_model: ExecuTorchModelDescription, card: TaskCard, called: String, kind: String
) -> ExecuTorchError:
	var has: String = 'has a task card of the kind "%s"' % card.kind if card.kind else "has no task card"
	return _wrong_task('%s %s; %s needs "%s".' % [of_model.get_model_name(), has, called, kind])


static func _wrong_task(cause: String) -> ExecuTorchError:
	var remedy: String = "Put a task card beside the model's file (see docs/tasks.md of the addon) and import it again."
	return ExecuTorchError.create(ExecuTorchError.Code.WRONG_TASK, cause, remedy)
