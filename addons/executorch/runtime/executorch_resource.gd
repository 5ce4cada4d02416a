@tool
@icon("res://addons/executorch/icons/resource.svg")
class_name ExecuTorchResource
extends ExecuTorchModelDescription
## A PyTorch model that was imported into the project, or a [code].pte[/code] program; it can be run as it is.
##
## [codeblock]
## var model: ExecuTorchResource = load("res://models/linear.pt")
## var result: Dictionary = model.forward({"input_0": [2.5]})
## print(result["output_0"][0])
## [/codeblock]
## Inputs go by the model's own names or by [code]input_0[/code], [code]input_1[/code]. A value is a number, an (even
## nested) [Array], a packed array, an [ExecuTorchTensor] or a dictionary [code]{data, shape, dtype}[/code].
## Outputs are
## flat, row-major packed arrays by name: [PackedFloat32Array] for float32, float16 and bfloat16, [PackedFloat64Array]
## for float64, [PackedInt64Array] for int64, uint32 and uint64, [PackedInt32Array] for the smaller integers,
## [PackedByteArray] for uint8 and bool.[br][br]
## A call that fails returns an empty value, writes one error to Godot's output and keeps it for [method
## get_last_error].
## The program is loaded by the first call; [method load_model] does it earlier. All methods may be called from any
## thread; two calls at once wait for each other. A [method new_session] shares the weights and has its own state.

const Loader := preload("model_loader.gd")

# That of the session, which is the same from the first load on.
var _module: RefCounted
var _loaded: bool = false
var _session: ExecuTorchRuntime
var _own_path: String = ""
## The payload identity of what is loaded.
var _running_identity: Array = []
var _lock: Mutex = Mutex.new()


## Loads a file into this resource: a [code].pte[/code] program from anywhere, an imported model, or a saved
## [ExecuTorchResource]. Paths may be [code]res://[/code], [code]user://[/code] or the system's. Returns
## [constant OK],
## or [constant FAILED] with the error in [method get_last_error].
func load_from_file(path: String) -> Error:
	return Loader.load_file(self, path)


## Saves the model. [code].pte[/code] writes the program alone; [code].tres[/code] and [code].res[/code] write a
## resource
## with the program inside. The file appears whole or not at all. Returns [constant OK] or [constant FAILED].
func save_to_file(path: String) -> Error:
	return Loader.save_file(self, path)


## Gives the native memory back and forgets the model.
func clear() -> void:
	_own_path = ""
	state = State.EMPTY


## Loads the program now rather than with the first call. Returns [constant OK] or [constant FAILED]. The first call
## still prepares its method: see [method load_method].
func load_model() -> Error:
	return OK if get_default_session().prepare() else FAILED


## Loads the program and prepares [param method] now rather than in its first call: backends pack their weights then,
## which takes longer than a call. Returns [constant OK] or [constant FAILED].
func load_method(method: String = "forward") -> Error:
	return get_default_session().load_method(method)


## Gives the native memory back; the next call loads the program again. Sessions are not touched.
func unload_model() -> void:
	_drop_module()
	emit_changed()


## Whether the program is in memory.
func is_loaded() -> bool:
	return _loaded


## Runs the method [code]forward[/code]. [param inputs]: name to value; returns name to packed array, empty on
## failure.
func forward(inputs: Dictionary) -> Dictionary:
	if not _loaded and load_model() != OK:
		return {}
	var outputs: Dictionary = _module.forward(inputs)
	return outputs if outputs else _session.forward_again(inputs)


## Runs [code]forward[/code] of a model with one input: the shortest way. [param input] holds the input's values, flat
## and row-major; where a dimension may change, its size follows from the number of values. Returns the first
## output as
## floats, empty on failure.
func forward_array(input: PackedFloat32Array) -> PackedFloat32Array:
	if not _loaded and load_model() != OK:
		return PackedFloat32Array()
	var output: PackedFloat32Array = _module.forward_packed(input)
	if not output:
		_session.keep_module_error()
	return output


## Runs any method by its name; see [method forward].
func execute(method: String, inputs: Dictionary) -> Dictionary:
	return get_default_session().execute(method, inputs)


## Runs a method with its inputs by position; returns the outputs with dtype and shape, empty on failure.
func execute_tensors(method: String, inputs: Array) -> Array[ExecuTorchTensor]:
	var outputs: Array[ExecuTorchTensor] = []
	for entry: Dictionary in get_default_session().execute_tensors(method, inputs):
		outputs.append(ExecuTorchTensor.from_dictionary(entry))
	return outputs


## Runs [code]forward[/code] on a worker thread: [code]var result: Dictionary = await
## model.forward_async(inputs)[/code].
## The frame goes on meanwhile. Calls run in their order; while the model is not ready they wait. Empty on failure.
func forward_async(inputs: Dictionary) -> Dictionary:
	return await get_default_session().run_inference_async(inputs)


## Queues a run of [param method] on a worker thread and returns at once: the call can be cancelled and has a signal.
func submit(inputs: Dictionary, method: String = "forward") -> ExecuTorchCall:
	return get_default_session().submit(inputs, method)


## Runs many agents at once through a model whose first dimension may change. [param rows]: one entry for each
## agent, the
## packed array of its values. Returns one packed array for each agent; empty on failure. (Agents whose values already
## stand in one packed array are served by [method forward_array].)
func forward_batch(rows: Array) -> Array:
	return get_default_session().forward_batch(rows)


## A session of its own on the same program: weights are shared, state and memory are not. Null on failure.
func new_session() -> ExecuTorchRuntime:
	var session: ExecuTorchRuntime = ExecuTorchRuntime.new()
	return session if session.load_model(self) == OK else null


## Sets where memory comes from; see [member memory_policy]. Returns [constant OK], or [constant FAILED] when a loaded
## model does not fit: its calls fail until it does.
func configure_memory(policy: MemoryPolicy, limit_bytes: int = 0) -> Error:
	var was_loaded: bool = is_loaded()
	memory_policy = policy
	memory_limit_bytes = limit_bytes
	if not was_loaded:
		return OK
	return load_method(get_method_names()[0]) if load_model() == OK else FAILED


## Sets how the model is run. Returns [constant OK] or [constant FAILED].
func set_optimization_level(level: OptimizationLevel) -> Error:
	var was_loaded: bool = is_loaded()
	optimization_level = level
	return load_model() if was_loaded else OK


## Turns tracing of single operators on or off. Off costs nothing.
func enable_profiling(enabled: bool = true) -> Error:
	return get_default_session().enable_profiling(enabled) if load_model() == OK else FAILED


## The trace of the last calls while profiling is on: [code]{calls, events: [{name, backend, depth, start_us,
## duration_us}], operators}[/code], microseconds.
func get_profile() -> Dictionary:
	return get_default_session().get_profile()


## Bytes of the program and its external weights; 0 when there is no model.
func get_model_size() -> int:
	return Loader.size_of(self)


## Milliseconds of the last call; 0 before the first.
func get_last_inference_time() -> float:
	return get_default_session().get_last_inference_time()


## Calls since the model was loaded or the statistics were reset.
func get_total_inferences() -> int:
	return get_default_session().get_total_inferences()


## [code]{count, last_us, mean_us, p50_us, p90_us, p99_us, min_us, max_us, load_us}[/code], microseconds.
func get_statistics() -> Dictionary:
	return get_default_session().get_statistics()


## Sets the statistics back to nothing.
func reset_statistics() -> void:
	get_default_session().reset_statistics()


## Bytes: [code]{program, constants, planned: PackedInt64Array, method_allocator_used, method_allocator_peak,
## temporary_peak, delegate, policy, limit, total}[/code]; empty while the model is not loaded.
func get_memory_info() -> Dictionary:
	return get_default_session().get_memory_info()


## The program's bytes; empty on failure.
func get_model_data() -> PackedByteArray:
	return Loader.data_of(self)


## Puts a program into this resource, in place of what it held. Returns [constant OK] or [constant FAILED].
func set_model_data(data: PackedByteArray) -> Error:
	return Loader.set_data(self, data)


## Names of the program's methods.
func get_method_names() -> PackedStringArray:
	return super() if not _loaded else _module.get_method_names()


## What is known of a method: [code]{name, inputs: [{name, dtype, shape, ranges}], outputs, planned_memory}[/code] and
## more when the model was imported; empty when there is no such method.
func get_method_meta(method: String = "forward") -> Dictionary:
	var meta: Dictionary = super(method)
	if meta.is_empty() and get_method_names().has(method) and load_model() == OK:
		return _module.get_method_meta(method)
	return meta


## The error of the last call that failed, or null.
func get_last_error() -> ExecuTorchError:
	return get_default_session().get_last_error()


## For tools: the session that the calls of this resource run in. It is loaded by [method load_model].
func get_default_session() -> ExecuTorchRuntime:
	_lock.lock()
	if _session == null:
		_session = ExecuTorchRuntime.new()
		_session.belong_to(self)
	_lock.unlock()
	return _session


## For tools: the native module or an [ExecuTorchError], MODEL_PENDING while the model is converted. Writes nothing to
## the output.
func get_ready_module() -> Variant:
	if _loaded:
		return _module
	var is_being_filled: bool = state == State.READY and payload_path.is_empty() and model_data.is_empty()
	if state == State.PENDING or is_being_filled:
		return Loader.pending_error()
	var found: ExecuTorchError = _load()
	return _module if found == null else found


## For tools: where a path of this resource really is; empty when it leads out of the project.
func get_absolute_path(path: String) -> String:
	if path.begins_with("res://") or path.begins_with("user://"):
		return "" if path.contains("..") else path
	if path.is_empty() or path.is_absolute_path() or path.contains(".."):
		return path if path == _own_path else ""
	return resource_path.get_base_dir().path_join(path)


## For sessions: whether this runs in a game, and the editor has only promised a next version. What is loaded runs on.
func is_next_version_pending() -> bool:
	return state == State.PENDING and not Engine.is_editor_hint()


## For sessions: what changes when the resource gets another program.
func get_payload_identity() -> Array:
	if _loaded and is_next_version_pending():
		return _running_identity
	return [state, payload_path, get_model_version(), model_data.size()]


## For tools: keeps an error as the last one, writes it to Godot's output, and returns [constant FAILED].
func keep_error(found: ExecuTorchError) -> Error:
	return get_default_session().keep_error(found)


## For tools: a payload anywhere on this machine, because the game itself asked for it.
func set_own_path(path: String) -> void:
	_own_path = path
	payload_path = path


## For tools: fills the metadata's methods from the loaded program.
func describe_from_program() -> void:
	if not _loaded:
		return
	var methods: Array[Dictionary] = []
	for method: String in _module.get_method_names() as PackedStringArray:
		methods.append(_module.get_method_meta(method))
	# In place: the setter would unload what was just loaded.
	metadata["methods"] = methods


## [method Resource.reset_state] sets the mutable buffers back to their initial values; nothing else changes.
func _reset_state() -> void:
	if _loaded:
		get_default_session().reset_state()


func _load() -> ExecuTorchError:
	var session: ExecuTorchRuntime = get_default_session()
	_lock.lock()
	var found: ExecuTorchError = null
	if not _loaded:
		var made: Variant = Loader.make_module(self)
		found = made as ExecuTorchError if made != null else ExecuTorchError.broken()
		if found == null:
			found = session.give_settings(made as RefCounted)
		if found == null:
			_running_identity = get_payload_identity()
			# First: the session's being loaded is the sign for other threads that ours is there.
			if _module == null:
				_module = made
			session.adopt(made as RefCounted, self, false)
			_loaded = true
	_lock.unlock()
	return found


## Godot itself gives a running game what the editor imports. While that is only the promise of a next version, the one
## that is loaded runs on.
func _forget_module() -> void:
	if not _loaded or not is_next_version_pending():
		_drop_module()
		super()


func _drop_module() -> void:
	_loaded = false
	if _session != null:
		_session.forget_module()
