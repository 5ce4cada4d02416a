extends Node
## A game that ends while calls of models are under way: `-- WAY`. It writes user://ready-PID when they are.

const CALLS: int = 1500


func _ready() -> void:
	var way: String = OS.get_cmdline_user_args()[0]
	var models: Array[ExecuTorchResource] = [load("res://models/convnet.pt2"), load("res://models/policy.pt2")]
	if way == "unloaded":
		models = [models[0].duplicate(), models[1].duplicate()]
	for model: ExecuTorchResource in models:
		_await_one(model)
	for index: int in CALLS:
		_submit(models[index % 2], ExecuTorchRuntime.new() if index < 20 else null, index % 5 == 3)
	if way == "unloaded" or way == "at_once":
		get_tree().quit()
		return
	await get_tree().create_timer(0.05 + randf() * 0.05).timeout
	FileAccess.open("user://ready-%d" % OS.get_process_id(), FileAccess.WRITE).store_string("ready")
	match way:
		"quit":
			get_tree().quit()
		"close":
			get_tree().root.close_requested.emit()
		"scene":
			get_tree().change_scene_to_file("res://other.tscn")
		"free":
			# Who awaits a call is gone before it ends.
			get_tree().quit.call_deferred()
			queue_free()
		"wait":
			pass


func _submit(model: ExecuTorchResource, session: ExecuTorchRuntime, sliced: bool) -> void:
	if session == null:
		session = model.get_default_session()
	elif not session.load_model(model):
		return
	session.queue_limit = 0
	var inputs: Dictionary = {model.get_input_names()[0]: _values(model)}
	if sliced:
		# An instruction a frame: they are under way as long as the game is.
		session.submit_sliced(inputs, 0.001)
	else:
		session.submit(inputs)


func _await_one(model: ExecuTorchResource) -> void:
	var result: Dictionary = await model.forward_async({model.get_input_names()[0]: _values(model)})
	if result.is_empty():
		OS.crash("an empty result")


func _values(model: ExecuTorchResource) -> PackedFloat32Array:
	var values: PackedFloat32Array = []
	values.resize(8 if model.get_model_name() == "policy" else 3 * 32 * 32)
	return values
