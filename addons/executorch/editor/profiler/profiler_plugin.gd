@tool
extends RefCounted
## Registers the profiler: its bottom panel and its end of the debugger connection.

const Dock := preload("res://addons/executorch/editor/profiler/profiler_dock.gd")
const DebuggerPlugin := preload("res://addons/executorch/editor/profiler/debugger_plugin.gd")
const TITLE: String = "Model Profiler"

var dock: Dock
var debugger: DebuggerPlugin


func start(plugin: EditorPlugin, jobs: ExecuTorchJobs) -> void:
	debugger = DebuggerPlugin.new()
	plugin.add_debugger_plugin(debugger)
	dock = Dock.new()
	dock.set_debugger(debugger)
	dock.set_jobs(jobs)
	plugin.add_control_to_bottom_panel(dock, TITLE)
	dock.attention_wanted.connect(plugin.make_bottom_panel_item_visible.bind(dock))


func stop(plugin: EditorPlugin) -> void:
	plugin.remove_debugger_plugin(debugger)
	plugin.remove_control_from_bottom_panel(dock)
	dock.queue_free()
	dock = null
	debugger = null
