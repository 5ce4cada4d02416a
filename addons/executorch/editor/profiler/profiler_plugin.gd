@tool
extends RefCounted
## Registers the profiler: its bottom panel and its end of the debugger connection.

const Dock := preload("profiler_dock.gd")
const DebuggerPlugin := preload("res://addons/executorch/editor/profiler/live/debugger_plugin.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const TITLE: String = "Model Profiler"

var dock: Dock

var _debugger: DebuggerPlugin = DebuggerPlugin.new()
var _plugin: EditorPlugin


func _init(plugin: EditorPlugin = null, jobs: Jobs = null) -> void:
	_plugin = plugin
	plugin.add_debugger_plugin(_debugger)
	dock = Dock.new()
	dock.set_debugger(_debugger)
	dock.set_jobs(jobs)
	plugin.add_control_to_bottom_panel(dock, TITLE)
	dock.attention_wanted.connect(plugin.make_bottom_panel_item_visible.bind(dock))


func stop() -> void:
	_plugin.remove_debugger_plugin(_debugger)
	_plugin.remove_control_from_bottom_panel(dock)
	dock.queue_free()
	dock = null
