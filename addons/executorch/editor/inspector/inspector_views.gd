@tool
extends RefCounted
## Registers what the editor shows where models are selected, previewed and dragged. `plugin.gd` starts and stops it.

const InspectorPlugin := preload("model_inspector_plugin.gd")
const Settings := preload("import_settings.gd")
const DockViews := preload("res://addons/executorch/editor/dock/dock_views.gd")
const GraphWindow := preload("res://addons/executorch/editor/graph/graph_window.gd")

var _settings: Settings
var _graph: GraphWindow
var _inspector: InspectorPlugin


## Registers the views with the editor. `jobs` is the editor's ExecuTorchJobs, or null.
func start(plugin: EditorPlugin, jobs: ExecuTorchJobs) -> void:
	_settings = Settings.new(plugin.get_undo_redo())
	_inspector = InspectorPlugin.new(_settings, jobs)
	plugin.add_inspector_plugin(_inspector)
	_graph = GraphWindow.new(jobs)
	EditorInterface.get_base_control().add_child(_graph)
	_inspector.graph_requested.connect(_graph.open)
	_inspector.log_requested.connect(_show_log)


## Takes them back.
func stop(plugin: EditorPlugin) -> void:
	plugin.remove_inspector_plugin(_inspector)
	_inspector = null
	_graph.queue_free()


## The inspector plugin, whose signals ask for other views.
func get_inspector() -> InspectorPlugin:
	return _inspector


func _show_log(path: String) -> void:
	var dock: DockViews = DockViews.running
	if dock != null:
		dock.show_job_of(path)
