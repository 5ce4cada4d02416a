@tool
extends RefCounted
## Registers what the editor shows where models are selected, previewed and dragged. `plugin.gd` starts and stops it.

const InspectorPlugin := preload("model_inspector_plugin.gd")
const Settings := preload("import_settings.gd")

var _settings: Settings
var _inspector: InspectorPlugin


## Registers the views with the editor. `jobs` is the editor's ExecuTorchJobs, or null.
func start(plugin: EditorPlugin, jobs: Object) -> void:
	_settings = Settings.new(plugin.get_undo_redo())
	_inspector = InspectorPlugin.new(_settings, jobs)
	plugin.add_inspector_plugin(_inspector)


## Takes them back.
func stop(plugin: EditorPlugin) -> void:
	plugin.remove_inspector_plugin(_inspector)
	_inspector = null


## The inspector plugin, whose signals ask for other views.
func get_inspector() -> InspectorPlugin:
	return _inspector
