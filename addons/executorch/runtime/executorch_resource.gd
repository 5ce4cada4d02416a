@tool
@icon("res://addons/executorch/icons/resource.svg")
class_name ExecuTorchResource
extends ExecuTorchModelDescription
## A PyTorch model that was imported into the project, or a [code].pte[/code] program, that can be run directly.
##
## [codeblock]
## var model: ExecuTorchResource = load("res://models/linear.pt")
## var result: Dictionary = model.forward({"input_0": [2.5]})
## print(result["output_0"][0])
## [/codeblock]
## Inputs have the model's own names; [code]input_0[/code], [code]input_1[/code] and so on always work too. A value is a
## number, an [Array] (which may be nested), a packed array, a vector or [Color], an [ExecuTorchTensor] or a
## [Dictionary] [code]{data, shape, dtype}[/code].[br][br]
## Outputs are flat, row-major packed arrays: [PackedFloat32Array] for float32, float16 and bfloat16,
## [PackedFloat64Array] for float64, [PackedInt64Array] for int64, uint32 and uint64, [PackedInt32Array] for smaller
## integers, and [PackedByteArray] for uint8 and bool.[br][br]
## A call that fails returns an empty value, prints one error and keeps it for [method get_last_error]. The first call
## loads the program; [method load_model] loads it earlier. All methods may be called from any thread; concurrent calls
## wait for each other. [method new_session] returns a session that shares the weights and has its own state.

const Files := preload("model_files.gd")
const ModelVersion := preload("loading/model_version.gd")
const Versions := preload("model_versions.gd")

# The native module of the default session, once it was loaded. It stays the same object.
var _module: RefCounted
# Whether calls may go to the module at once: it runs the current version, and nothing was edited since.
var _loaded: bool = false
var _session: ExecuTorchRuntime
var _own_paths: PackedStringArray = []
# The properties were read from a file outside of the project: hashes in them prove nothing.
var _is_foreign: bool = false
# What calls run on. Replaced as a whole, under the lock.
var _version: ModelVersion
# Properties were set that are not in the version yet, last by this thread.
var _is_edited: bool = false
var _editing_thread: int = 0
var _lock: Mutex = Mutex.new()


## Loads a file into this resource: a [code].pte[/code] program from anywhere, an imported model, or a saved
## [ExecuTorchResource]. The path may be a [code]res://[/code], [code]user://[/code] or system path. A resource from
## outside of the project is read without running a script in it. Returns [constant OK], or [constant FAILED] with the
## error in [method get_last_error].
func load_from_file(path: String) -> Error:
	return Files.load_file(self, path)


## Saves the model. A [code].pte[/code] file contains the program alone; a [code].tres[/code] or [code].res[/code] file
## contains the resource with the program. The file is replaced as a whole. Returns [constant OK] or [constant FAILED].
func save_to_file(path: String) -> Error:
	return Files.save_file(self, path)


## Removes the model and frees its memory.
func clear() -> void:
	_own_paths = PackedStringArray()
	_is_foreign = false
	_set_defaults()
	unload_model()


## Loads the program now instead of in the first call. Returns [constant OK] or [constant FAILED]. The first call still
## prepares its method; see [method load_method].
func load_model() -> Error:
	return OK if get_default_session().prepare() else FAILED


## Loads the program and prepares [param method] now instead of in its first call. Backends pack their weights then,
## which takes longer than a call. Returns [constant OK] or [constant FAILED].
func load_method(method: String = "forward") -> Error:
	return get_default_session().load_method(method)


## Frees the program's memory. The next call loads it again. Sessions made by [method new_session] keep theirs.
func unload_model() -> void:
	_lock.lock()
	_is_edited = false
	_version = _describe()
	_lock.unlock()
	get_default_session().forget_program()
	emit_changed()


## Returns [code]true[/code] when the program is in memory.
func is_loaded() -> bool:
	return _loaded or (_session != null and _session.runs(get_version()))


## Runs the method [code]forward[/code]. [param inputs] maps names to values. Returns a [Dictionary] of output name to
## packed array, empty when it fails.
func forward(inputs: Dictionary) -> Dictionary:
	if not _loaded and load_model() != OK:
		return {}
	var outputs: Dictionary = _module.forward(inputs)
	return outputs if outputs else _session.forward_again(inputs)


## Runs [code]forward[/code] of a model with one input, with the least overhead. [param input] contains the input's
## values, flat and row-major. The size of a dimension that may change follows from the number of values. Returns the
## first output as floats, and an empty array when it fails.
func forward_array(input: PackedFloat32Array) -> PackedFloat32Array:
	if not _loaded and load_model() != OK:
		return PackedFloat32Array()
	var output: PackedFloat32Array = _module.forward_packed(input)
	return output if output else _session.forward_array_again(input)


## Runs any method of the program by its name; see [method forward].
func execute(method: String, inputs: Dictionary) -> Dictionary:
	return get_default_session().execute(method, inputs)


## Runs a method with its inputs by position. Returns the outputs with dtype and shape, and an empty array when it
## fails.
func execute_tensors(method: String, inputs: Array) -> Array[ExecuTorchTensor]:
	var outputs: Array[ExecuTorchTensor] = []
	for entry: Dictionary in get_default_session().execute_tensors(method, inputs):
		outputs.append(ExecuTorchTensor.from_dictionary(entry))
	return outputs


## Runs [code]forward[/code] on a worker thread: [code]var result: Dictionary = await
## model.forward_async(inputs)[/code]. The game continues meanwhile. Calls run in their order, and wait while the model
## is being converted. Returns an empty [Dictionary] when it fails.
func forward_async(inputs: Dictionary) -> Dictionary:
	return await get_default_session().run_inference_async(inputs)


## Queues a run of [param method] on a worker thread and returns at once. The returned call can be cancelled and has a
## signal. The inputs are copied, so they may be changed afterwards.
func submit(inputs: Dictionary, method: String = "forward") -> ExecuTorchCall:
	return get_default_session().submit(inputs, method)


## Queues a run of [param method] on the main thread, for games without worker threads: it takes at most
## [param budget_msec] of each frame, but at least one instruction of the program, and goes on in the next frame. The
## results are those of [method execute]. [method load_method] should be called earlier, because the first slice loads
## the program otherwise. The sliced calls of all models share the time of a frame. Another call of this model runs the
## rest first. A model whose memory policy is CUSTOM cannot be run in slices.
func submit_sliced(inputs: Dictionary, budget_msec: float, method: String = "forward") -> ExecuTorchCall:
	return get_default_session().submit_sliced(inputs, budget_msec, method)


## Runs a model whose first dimension may change on many agents at once. [param rows] has the packed array of each
## agent's values. Returns one packed array for each agent, and an empty array when it fails. When the values of all
## agents are already in one packed array, use [method forward_array].
func forward_batch(rows: Array) -> Array:
	return get_default_session().forward_batch(rows)


## Returns a new session on the same program. It shares the weights and has its own state and memory. Returns
## [code]null[/code] when it fails.
func new_session() -> ExecuTorchRuntime:
	var session: ExecuTorchRuntime = ExecuTorchRuntime.new()
	return session if session.load_model(self) else null


## Sets where memory comes from; see [member memory_policy]. Returns [constant OK], [constant ERR_INVALID_PARAMETER] for
## values that no model can have, or [constant FAILED] when a loaded model does not fit: its calls fail until it does.
func configure_memory(policy: MemoryPolicy, limit_bytes: int = 0) -> Error:
	if get_default_session().is_refused(ExecuTorchRuntime.SettingChecks.memory_error(policy, limit_bytes)):
		return ERR_INVALID_PARAMETER
	var was_loaded: bool = is_loaded()
	memory_policy = policy
	memory_limit_bytes = limit_bytes
	if not was_loaded:
		return OK
	return load_method(get_method_names()[0]) if load_model() == OK else FAILED


## Sets how the model is run, and which of its programs, if it was imported with variants: the int8 one with
## [constant OPTIMIZATION_AGGRESSIVE], the portable one with [constant OPTIMIZATION_NONE], the main one otherwise. Names
## and shapes stay; a program that replaces another one begins with its initial state. Returns [constant OK],
## [constant FAILED], or [constant ERR_INVALID_PARAMETER].
func set_optimization_level(level: OptimizationLevel) -> Error:
	if get_default_session().is_refused(ExecuTorchRuntime.SettingChecks.level_error(level)):
		return ERR_INVALID_PARAMETER
	var was_loaded: bool = is_loaded()
	optimization_level = level
	return load_model() if was_loaded else OK


## Turns tracing of single operators on or off. Tracing costs nothing while it is off. Returns [constant OK] or
## [constant FAILED].
func enable_profiling(enabled: bool = true) -> Error:
	return get_default_session().enable_profiling(enabled) if load_model() == OK else FAILED


## Returns the trace of the last calls, if profiling is enabled: [code]{calls, events: [{name, backend, depth, start_us,
## duration_us}], operators, allocations}[/code]. [code]events[/code] are those of the last call. Times are in
## microseconds.
func get_profile() -> Dictionary:
	return get_default_session().get_profile()


## Returns the size of the program and its external weights in bytes; 0 without a model.
func get_model_size() -> int:
	return Files.size_of(get_version())


## Returns the time of the last call in milliseconds; 0 before the first.
func get_last_inference_time() -> float:
	return get_default_session().get_last_inference_time()


## Returns the number of calls since the model was loaded or the statistics were reset.
func get_total_inferences() -> int:
	return get_default_session().get_total_inferences()


## Returns [code]{count, errors, total_us, last_us, mean_us, p50_us, p90_us, p99_us, min_us, max_us, load_us}[/code].
## Times are in microseconds.
func get_statistics() -> Dictionary:
	return get_default_session().get_statistics()


## Resets the statistics.
func reset_statistics() -> void:
	get_default_session().reset_statistics()


## Returns the memory of the model in bytes. Returns an empty [Dictionary] while the model is not loaded.
## [code]allocated_bytes[/code] is the memory that the model uses, [code]total_bytes[/code] the memory that it may use
## (its limit, or the machine's memory), and [code]available_bytes[/code] the difference. [code]is_static[/code] and
## [code]policy[/code] describe where the memory comes from. The parts are [code]{program, constants, planned:
## PackedInt64Array, method_allocator_used, method_allocator_peak, temporary_peak, delegate, packed_file, limit,
## total}[/code]. [code]delegate[/code] is the weights that a backend packed into the game's memory; what it takes
## beside them is not known. [code]packed_file[/code] is those that it maps from a file: the system reads its pages
## when they are used and may drop them, so they do not count.
func get_memory_info() -> Dictionary:
	return get_default_session().get_memory_info()


## Returns the program's bytes. Returns an empty array when it fails.
func get_model_data() -> PackedByteArray:
	return Files.data_of(get_version())


## Replaces the model by the program in [param data]. Returns [constant OK] or [constant FAILED].
func set_model_data(data: PackedByteArray) -> Error:
	return Files.set_data(self, data)


## Returns the names of the program's methods.
func get_method_names() -> PackedStringArray:
	return _module.get_method_names() if _loaded else super()


## Returns the metadata of [param method]: [code]{name, inputs: [{name, dtype, shape, ranges}], outputs,
## planned_memory}[/code], and more fields if the model was imported. Returns an empty [Dictionary] if the program has
## no such method.
func get_method_meta(method: String = "forward") -> Dictionary:
	var meta: Dictionary = super(method)
	if meta.is_empty() and get_method_names().has(method) and load_model() == OK:
		return _module.get_method_meta(method)
	return meta


## Returns the error of the last call, or [code]null[/code] when it worked; see
## [method ExecuTorchRuntime.get_last_error].
func get_last_error() -> ExecuTorchError:
	return get_default_session().get_last_error()


## For the addon: the session that the calls of this resource run in. It is loaded by [method load_model].
func get_default_session() -> ExecuTorchRuntime:
	_lock.lock()
	if _session == null:
		_session = ExecuTorchRuntime.new()
		_session.belong_to(self)
	_lock.unlock()
	return _session


## For the addon: what calls run on now. The thread that sets properties sees them at once, others when the edit is
## complete: at its first use by the editing thread, or at the end of the frame.
func get_version() -> ModelVersion:
	_lock.lock()
	var is_first: bool = _version == null
	var is_ours: bool = _is_edited and _editing_thread == OS.get_thread_caller_id()
	var is_new: bool = (is_first or is_ours) and _take_edit()
	var version: ModelVersion = _version
	_lock.unlock()
	if is_new and not is_first:
		_follow_version()
	return version


## For the addon: whether properties were set that calls of other threads do not see yet.
func is_edited() -> bool:
	return _is_edited


## For the addon: whether this is the resource that Godot made of a model file.
func is_imported_file() -> bool:
	return _is_imported()


## For the addon: sets whether calls may go to the module at once.
func set_loaded(loaded: bool, module: RefCounted) -> void:
	# First: being loaded is the sign for other threads that the module is there.
	if _module == null:
		_module = module
	_loaded = loaded


## For the addon: paths that may lie outside of the project, because the game itself asked for them. [param is_foreign]:
## the properties are those of a file outside of the project.
func keep_own_paths(paths: PackedStringArray, is_foreign: bool = false) -> void:
	_own_paths = paths
	_is_foreign = is_foreign


## For the addon: fills the metadata's methods from the loaded program.
func describe_from_program() -> void:
	var module: RefCounted = get_default_session().get_native_module()
	if module == null:
		return
	var methods: Array[Dictionary] = []
	for method: String in module.get_method_names() as PackedStringArray:
		methods.append(module.get_method_meta(method))
	_lock.lock()
	# In place: the setter would load the program again.
	metadata["methods"] = methods
	_version = _describe()
	_session.follow_description(_version)
	_lock.unlock()


# Resource.reset_state() sets the mutable buffers back to their initial values. Godot also calls it before it loads a
# file into this object.
func _reset_state() -> void:
	_is_reloaded = true
	if is_loaded():
		get_default_session().reset_state()


func _follow_edit() -> void:
	_lock.lock()
	var is_first: bool = not _is_edited
	_is_edited = true
	_editing_thread = OS.get_thread_caller_id()
	_loaded = false
	if _session != null:
		_session.leave_fast_path()
	_lock.unlock()
	if is_first:
		_settle.call_deferred()
	if not _is_refilled:
		emit_changed()


func _settle() -> void:
	_lock.lock()
	# The resource was not used yet: its first use takes all properties.
	var is_new: bool = _is_edited and _version != null and _take_edit()
	_is_refilled = false
	_lock.unlock()
	if is_new:
		_follow_version()


# Makes the properties the version that calls run on. False when that is still the former one. Under the lock.
func _take_edit() -> bool:
	_is_edited = false
	_is_refilled = false
	var next: ModelVersion = _describe()
	if _version != null:
		if next.get_identity() == _version.get_identity():
			return false
		# Godot itself gives a running game what the editor imports. While that is only the promise of a next version,
		# the one that is loaded runs on.
		var is_promise: bool = next.state == State.PENDING and not Engine.is_editor_hint()
		if is_promise and _session != null and _session.has_program():
			return false
	_version = next
	return true


func _follow_version() -> void:
	var session: ExecuTorchRuntime = get_default_session()
	if get_version().state == State.EMPTY and not get_version().has_program():
		session.forget_program()
	session.wake()
	emit_changed()


func _describe() -> ModelVersion:
	_edit_lock.lock()
	var made: ModelVersion = Versions.describe(self, _own_paths, _is_foreign)
	_edit_lock.unlock()
	return made
