extends SceneTree
## `-- MODEL WAY [LIBRARY]`: runs the model; WAY is `without`, `setting` or `call` (load_library after the first error).

const Native := preload("res://addons/executorch/runtime/library/native_library.gd")


func _init() -> void:
	var arguments: PackedStringArray = OS.get_cmdline_user_args()
	var model: ExecuTorchResource = ExecuTorchResource.new()
	var status: int = model.load_from_file(arguments[0])
	var outputs: Dictionary = model.forward({"input_0": [1.0, 2.0]}) if status == OK else {}
	if model.get_last_error() != null:
		print("failed: ", JSON.stringify(model.get_last_error().to_dictionary()))
	if arguments[1] == "call":
		print("load_library: ", Native.statics().load_library(arguments[2]))
		model = ExecuTorchResource.new()
		status = model.load_from_file(arguments[0])
		outputs = model.forward({"input_0": [1.0, 2.0]}) if status == OK else {}
	print("outputs: ", JSON.stringify(outputs.values()))
	model.clear()
	quit()
