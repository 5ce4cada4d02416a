extends Node
## Uses a model in an exported game for a second, and says what of the profiler there is: one line `@@GAME {json}`.

## Not by its class's name, which would load it.
const TELEMETRY: String = "res://addons/executorch/runtime/telemetry/telemetry.gd"
const FRAMES: int = 60

var _session: ExecuTorchRuntime = ExecuTorchRuntime.new()
var _frame: int = 0


func _ready() -> void:
	Engine.max_fps = 60
	_session.load_model_from_file(OS.get_cmdline_user_args()[0])


func _process(_delta: float) -> void:
	_session.forward({"input_0": [2.5]})
	_frame += 1
	if _frame == FRAMES:
		print("@@GAME ", JSON.stringify(_found()))
		get_tree().quit()


func _found() -> Dictionary:
	return {
		"calls": _session.get_statistics()["count"],
		"debugger": EngineDebugger.is_active(),
		"loaded": ResourceLoader.has_cached(TELEMETRY),
		"captures": EngineDebugger.has_capture("executorch") or EngineDebugger.has_capture("executorch_live"),
		# The native module keeps a log of its calls when somebody wants to read it.
		"logged": (_session.get_native_module().call(&"take_call_log") as PackedFloat64Array).size(),
		"every_frame": get_tree().process_frame.get_connections().size(),
		"at_the_end": get_tree().root.tree_exiting.get_connections().size(),
		"monitors": Performance.get_custom_monitor_names().size(),
		"nodes": get_tree().get_node_count(),
	}
