class_name RuntimeCalls
extends SceneTree
## Times GDScript calls of one model: `-- MODEL THREADS SECONDS [AGENTS]`. With AGENTS, that many
## rows of a model with a dynamic first dimension, in single calls and at once. Prints one line `bench: {json}`.

const BATCH_USEC: float = 2000.0

var _seconds: float = 0.5


func _init() -> void:
	var arguments: PackedStringArray = OS.get_cmdline_user_args()
	var path: String = arguments[0]
	_seconds = arguments[2].to_float()
	var module: Variant = ClassDB.instantiate(&"ExecuTorchModule")
	module.set_num_threads(arguments[1].to_int())
	var begun: int = Time.get_ticks_usec()
	if module.load_from_file(path) != 0 or module.load_method("forward") != 0:
		printerr(module.get_last_error())
		quit(1)
		return
	if arguments.size() > 3 and arguments[3].to_int() > 0:
		print("bench: ", JSON.stringify(_measure_agents(module, arguments[3].to_int())))
		quit()
		return
	var result: Dictionary = {"load_us": Time.get_ticks_usec() - begun}
	var count: int = 1
	for size: int in module.get_method_meta("forward").inputs[0].shape:
		count *= size
	var packed: PackedFloat32Array = PackedFloat32Array()
	packed.resize(count)
	packed.fill(0.5)
	result["loop"] = _measure(func(calls: int) -> void: _nothing(calls))
	result["packed"] = _measure(func(calls: int) -> void: _packed(module, packed, calls))
	result["array"] = _measure(func(calls: int) -> void: _array(module, [packed], calls))
	result["dictionary"] = _measure(func(calls: int) -> void: _dictionary(module, {"input_0": packed}, calls))
	if count == 1:
		result["numbers"] = _measure(func(calls: int) -> void: _dictionary(module, {"input_0": [0.5]}, calls))
	var resource: Resource = load("res://addons/executorch/runtime/executorch_resource.gd").new()
	if resource.load_from_file(path) == OK:
		result["resource packed"] = _measure(func(calls: int) -> void: _resource_packed(resource, packed, calls))
		result["resource dictionary"] = _measure(
			func(calls: int) -> void: _resource_dictionary(resource, {"input_0": packed}, calls)
		)
	print("bench: ", JSON.stringify(result))
	quit()


## The same agents one by one, as an array of rows, and as one packed array.
func _measure_agents(module: Variant, agents: int) -> Dictionary:
	var row: PackedFloat32Array = []
	row.resize(module.get_method_meta("forward").inputs[0].shape[1])
	row.fill(0.5)
	var rows: Array[PackedFloat32Array] = []
	var packed: PackedFloat32Array = []
	for i: int in agents:
		rows.append(row)
		packed.append_array(row)
	if module.forward_packed(row).size() * agents != module.forward_packed(packed).size():
		printerr(module.get_last_error())
		return {}
	return {
		"single": _measure(func(calls: int) -> void: _packed(module, row, calls * agents)),
		"forward_batch": _measure(func(calls: int) -> void: _batch(module, rows, calls)),
		"one packed array": _measure(func(calls: int) -> void: _packed(module, packed, calls)),
	}


## [fastest batch, median batch] in microseconds a call.
func _measure(batch: Callable) -> Array[float]:
	batch.call(5)
	var begun: int = Time.get_ticks_usec()
	batch.call(20)
	var calls: int = maxi(1, int(BATCH_USEC * 20.0 / maxf(Time.get_ticks_usec() - begun, 1.0)))
	var times: Array[float] = []
	var start: int = Time.get_ticks_usec()
	while Time.get_ticks_usec() - start < _seconds * 1e6 or times.size() < 5:
		begun = Time.get_ticks_usec()
		batch.call(calls)
		times.append(float(Time.get_ticks_usec() - begun) / calls)
	times.sort()
	@warning_ignore("integer_division")
	return [times[0], times[times.size() / 2]]


func _nothing(calls: int) -> void:
	for i: int in calls:
		pass


func _packed(module: Variant, input: PackedFloat32Array, calls: int) -> void:
	for i: int in calls:
		module.forward_packed(input)


func _batch(module: Variant, rows: Array[PackedFloat32Array], calls: int) -> void:
	for i: int in calls:
		module.forward_batch(rows)


func _array(module: Variant, inputs: Array, calls: int) -> void:
	for i: int in calls:
		module.forward_array(inputs)


func _dictionary(module: Variant, inputs: Dictionary, calls: int) -> void:
	for i: int in calls:
		module.forward(inputs)


func _resource_packed(resource: Resource, input: PackedFloat32Array, calls: int) -> void:
	for i: int in calls:
		resource.forward_array(input)


func _resource_dictionary(resource: Resource, inputs: Dictionary, calls: int) -> void:
	for i: int in calls:
		resource.forward(inputs)
