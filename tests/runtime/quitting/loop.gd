extends SceneTree
## A script that is the main loop itself: it calls a model while it is made, and ends at once.


func _init() -> void:
	var model: ExecuTorchResource = load("res://models/convnet.pt2")
	model.get_default_session().queue_limit = 0
	var values: PackedFloat32Array = []
	values.resize(3 * 32 * 32)
	for index: int in 200:
		model.submit({model.get_input_names()[0]: values})
	quit()
