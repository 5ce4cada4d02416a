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
	# Not by the module: the first use of the runtime sets what the project says.
	ExecuTorchRuntime.set_num_threads(arguments[1].to_int())
	var resource: ExecuTorchResource = ExecuTorchResource.new()
	if arguments.size() > 3 and arguments[3].to_int() > 0:
		if module.load_from_file(path) == 0 and resource.load_from_file(path) == OK:
			print("bench: ", JSON.stringify(_measure_agents(module, resource, arguments[3].to_int())))
		quit()
		return
	var before: int = _resident_kb()
	var begun: int = Time.get_ticks_usec()
	if module.load_from_file(path) != 0 or module.load_method("forward") != 0:
		printerr(module.get_last_error())
		quit(1)
		return
	var result: Dictionary = {"load_us": Time.get_ticks_usec() - begun}
	var inputs: Array = _inputs_of(module)
	var named: Dictionary = {}
	for index: int in inputs.size():
		named["input_%d" % index] = inputs[index]
	result["loop"] = _measure(func(calls: int) -> void: _nothing(calls))
	if inputs.size() == 1:
		result["packed"] = _measure(func(calls: int) -> void: _packed(module, inputs[0], calls))
	result["array"] = _measure(func(calls: int) -> void: _array(module, inputs, calls))
	result["dictionary"] = _measure(func(calls: int) -> void: _dictionary(module, named, calls))
	result["grown_kb"] = _resident_kb() - before
	if inputs.size() == 1 and (inputs[0] as PackedFloat32Array).size() == 1:
		result["numbers"] = _measure(func(calls: int) -> void: _dictionary(module, {"input_0": [0.5]}, calls))
	if resource.load_from_file(path) == OK:
		if inputs.size() == 1:
			result["resource packed"] = _measure(func(calls: int) -> void: _resource_packed(resource, inputs[0], calls))
		result["resource dictionary"] = _measure(func(calls: int) -> void: _resource_dictionary(resource, named, calls))
	print("bench: ", JSON.stringify(result))
	quit()


## The same agents one by one, as an array of rows, and as one packed array.
func _measure_agents(module: Variant, resource: ExecuTorchResource, agents: int) -> Dictionary:
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
		"resource single": _measure(func(calls: int) -> void: _resource_packed(resource, row, calls * agents)),
		"resource forward_batch": _measure(func(calls: int) -> void: _resource_batch(resource, rows, calls)),
		"resource one packed array": _measure(func(calls: int) -> void: _resource_packed(resource, packed, calls)),
	}


## Values for every input of `forward`: 0.5, or 1 for integers.
func _inputs_of(module: Variant) -> Array:
	var inputs: Array = []
	for input: Dictionary in module.get_method_meta("forward").inputs as Array:
		var count: int = 1
		for size: int in input["shape"] as Array:
			count *= size
		if input["dtype"] == "int64":
			var integers: PackedInt64Array = []
			integers.resize(count)
			integers.fill(1)
			inputs.append(integers)
		else:
			var floats: PackedFloat32Array = []
			floats.resize(count)
			floats.fill(0.5)
			inputs.append(floats)
	return inputs


## The memory that the process has now; 0 where the system does not say.
func _resident_kb() -> int:
	# Line by line: the system says that the file is empty, and get_file_as_string() believes it.
	var status: FileAccess = FileAccess.open("/proc/self/status", FileAccess.READ)
	while status != null and not status.eof_reached():
		var line: String = status.get_line()
		if line.begins_with("VmRSS:"):
			return line.to_int()
	return 0


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


func _resource_packed(resource: ExecuTorchResource, input: PackedFloat32Array, calls: int) -> void:
	for i: int in calls:
		resource.forward_array(input)


func _resource_dictionary(resource: ExecuTorchResource, inputs: Dictionary, calls: int) -> void:
	for i: int in calls:
		resource.forward(inputs)


func _resource_batch(resource: ExecuTorchResource, rows: Array[PackedFloat32Array], calls: int) -> void:
	for i: int in calls:
		resource.forward_batch(rows)
