@tool
extends RefCounted
## Registers the inspector's view, thumbnails, and drag and drop of models.

const InspectorPlugin := preload("model_inspector_plugin.gd")
const Settings := preload("res://addons/executorch/editor/shared/import_settings.gd")
const ImportDock := preload("res://addons/executorch/editor/import/import_dock.gd")
const OtherFormats := preload("res://addons/executorch/editor/import/other_formats.gd")
const AddToScene := preload("res://addons/executorch/editor/scene/add_to_scene_menu.gd")
const Preview := preload("res://addons/executorch/editor/preview/model_preview.gd")
const Links := preload("res://addons/executorch/editor/watching/links.gd")
const Icons := preload("res://addons/executorch/editor/shared/icons.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")

## The inspector's plugin, whose signals ask for other views.
var plugin: InspectorPlugin

var _editor_plugin: EditorPlugin
var _preview: Preview = Preview.new()
var _import_dock: ImportDock = ImportDock.new()
var _add_to_scene: AddToScene
var _other_formats: OtherFormats = OtherFormats.new()


func _init(editor_plugin: EditorPlugin = null, jobs: Jobs = null, links: Links = null) -> void:
	_editor_plugin = editor_plugin
	var settings: Settings = Settings.new(editor_plugin.get_undo_redo(), jobs.import_again)
	plugin = InspectorPlugin.new(settings, jobs, links)
	editor_plugin.add_inspector_plugin(plugin)
	EditorInterface.get_resource_previewer().add_preview_generator(_preview)
	_import_dock.start(jobs)
	_add_to_scene = AddToScene.new(editor_plugin.get_undo_redo())
	editor_plugin.add_context_menu_plugin(EditorContextMenuPlugin.CONTEXT_SLOT_FILESYSTEM, _add_to_scene)


func stop() -> void:
	_import_dock.stop()
	_other_formats.stop()
	_editor_plugin.remove_context_menu_plugin(_add_to_scene)
	_editor_plugin.remove_inspector_plugin(plugin)
	# A view that is on the screen stays there, with buttons that call the jobs that are freed.
	if EditorInterface.get_inspector().get_edited_object() is ExecuTorchResource:
		EditorInterface.get_inspector().get_edited_object().notify_property_list_changed()
	EditorInterface.get_resource_previewer().remove_preview_generator(_preview)
	Icons.clear()
