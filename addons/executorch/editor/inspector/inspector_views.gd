@tool
extends RefCounted
## Registers what the editor shows where models are selected, previewed and dragged. `plugin.gd` starts and stops
## it.

const InspectorPlugin := preload("model_inspector_plugin.gd")
const Settings := preload("import_settings.gd")
const ImportDock := preload("res://addons/executorch/editor/import/import_dock.gd")
const AddToScene := preload("res://addons/executorch/editor/scene/add_to_scene_menu.gd")
const Preview := preload("res://addons/executorch/editor/preview/model_preview.gd")
const Links := preload("res://addons/executorch/editor/watching/links.gd")
const LiveReload := preload("res://addons/executorch/editor/watching/live_reload_debugger.gd")
const SvgIcon := preload("res://addons/executorch/editor/preview/svg_icon.gd")
const DockViews := preload("res://addons/executorch/editor/dock/dock_views.gd")
const GraphWindow := preload("res://addons/executorch/editor/graph/graph_window.gd")
const ProfilerDock := preload("res://addons/executorch/editor/profiler/profiler_dock.gd")

## The part that is running; null in an editor without it.
static var running: RefCounted

var _settings: Settings
var _links: Links
var _live_reload: LiveReload = LiveReload.new()
var _preview: Preview = Preview.new()
var _graph: GraphWindow
var _inspector: InspectorPlugin
var _import_dock: ImportDock = ImportDock.new()
var _add_to_scene: AddToScene


## Registers the views with the editor. `jobs` is the editor's ExecuTorchJobs, or null.
func start(plugin: EditorPlugin, jobs: ExecuTorchJobs) -> void:
	running = self
	_settings = Settings.new(plugin.get_undo_redo(), jobs)
	_links = Links.new(jobs)
	LiveReload.register_setting()
	plugin.add_debugger_plugin(_live_reload)
	EditorInterface.get_resource_filesystem().resources_reimported.connect(_on_reimported)
	_inspector = InspectorPlugin.new(_settings, jobs, _links)
	plugin.add_inspector_plugin(_inspector)
	EditorInterface.get_resource_previewer().add_preview_generator(_preview)
	_import_dock.start(jobs)
	_add_to_scene = AddToScene.new(plugin.get_undo_redo())
	plugin.add_context_menu_plugin(EditorContextMenuPlugin.CONTEXT_SLOT_FILESYSTEM, _add_to_scene)
	_graph = GraphWindow.new(jobs)
	EditorInterface.get_base_control().add_child(_graph)
	_inspector.graph_requested.connect(_graph.open)
	_inspector.log_requested.connect(_show_log)
	_inspector.profiler_requested.connect(_show_in_profiler)
	# The profiler is registered by another part, maybe after this one.
	_connect_profiler.call_deferred()


## Takes them back.
func stop(plugin: EditorPlugin) -> void:
	_import_dock.stop()
	plugin.remove_context_menu_plugin(_add_to_scene)
	plugin.remove_inspector_plugin(_inspector)
	# A view that is on the screen stays there, with buttons that call the jobs that are freed.
	if EditorInterface.get_inspector().get_edited_object() is ExecuTorchResource:
		EditorInterface.get_inspector().get_edited_object().notify_property_list_changed()
	EditorInterface.get_resource_previewer().remove_preview_generator(_preview)
	EditorInterface.get_resource_filesystem().resources_reimported.disconnect(_on_reimported)
	plugin.remove_debugger_plugin(_live_reload)
	_inspector = null
	_graph.queue_free()
	SvgIcon.clear()
	running = null


## The models that follow files outside of the project.
func get_links() -> Links:
	return _links


func get_live_reload() -> LiveReload:
	return _live_reload


## The inspector plugin, whose signals ask for other views.
func get_inspector() -> InspectorPlugin:
	return _inspector


func _show_log(path: String) -> void:
	var dock: DockViews = DockViews.running
	if dock != null:
		dock.show_job_of(path)


func _connect_profiler() -> void:
	var profiler: ProfilerDock = _find_profiler()
	if profiler != null and running == self:
		profiler.operator_selected.connect(_graph.follow_operator)
		profiler.operator_opened.connect(_show_operator)


func _show_operator(path: String, method_name: String, row: Dictionary) -> void:
	var model: ExecuTorchResource = load(path) as ExecuTorchResource if ResourceLoader.exists(path) else null
	if model != null:
		_graph.open_operator(model, method_name, row)


func _find_profiler() -> ProfilerDock:
	var window: Window = EditorInterface.get_base_control().get_window()
	return window.find_child("ModelProfiler", true, false) as ProfilerDock


func _show_in_profiler(model: ExecuTorchResource) -> void:
	var profiler: ProfilerDock = _find_profiler()
	if profiler != null:
		profiler.open_benchmark(model.resource_path)


func _on_reimported(paths: PackedStringArray) -> void:
	# After the signal: only then the loaded models are the new ones.
	_tell_games.call_deferred(paths)


func _tell_games(paths: PackedStringArray) -> void:
	var ready: PackedStringArray = []
	for path: String in paths:
		var model: ExecuTorchResource = load(path) as ExecuTorchResource if _is_model(path) else null
		if model != null and model.state == ExecuTorchResource.State.READY:
			ready.append(path)
	_live_reload.send(ready)


func _is_model(path: String) -> bool:
	return path.get_extension().to_lower() in ["pt", "pt2", "pth", "pte", "safetensors"]
