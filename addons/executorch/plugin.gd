@tool
extends EditorPlugin
## Registers the editor's parts; none of their logic is here.

const ImportPlugin := preload("editor/import/model_import_plugin.gd")
const ExportPlugin := preload("editor/export/payload_export_plugin.gd")
const ModelSettings := preload("editor/import/model_settings.gd")
const RunMode := preload("editor/backend/run_mode.gd")

## One line for each part: a script whose objects have `start(plugin: EditorPlugin, jobs: ExecuTorchJobs)` (fewer
## arguments are fine) and `stop(plugin: EditorPlugin)`. Not started where nobody looks: `--import` and exports.
const PARTS: PackedStringArray = [
	"res://addons/executorch/editor/inspector/inspector_views.gd",
	"res://addons/executorch/editor/dock/dock_views.gd",
	"res://addons/executorch/editor/profiler/profiler_plugin.gd",
	"res://addons/executorch/editor/mcp/mcp_editor_server.gd",
]

## Name -> script of the singletons that a project gets when the plugin is enabled in it.
const AUTOLOADS: Dictionary = {"ExecuTorchMCP": "res://addons/executorch/runtime/mcp/mcp_autostart.gd"}

var _jobs: ExecuTorchJobs
var _import_plugin: ImportPlugin
var _export_plugin: ExportPlugin
var _parts: Array[Object] = []


func _enter_tree() -> void:
	ModelSettings.register()
	_jobs = ExecuTorchJobs.new()
	add_child(_jobs)
	_import_plugin = ImportPlugin.new(_jobs)
	add_import_plugin(_import_plugin)
	_export_plugin = ExportPlugin.new(_jobs)
	add_export_plugin(_export_plugin)
	if not RunMode.waits():
		for path: String in PARTS:
			_start_part(path)


func _exit_tree() -> void:
	for part: Object in _parts:
		_call_with(part, &"stop", [self])
	_parts.clear()
	remove_export_plugin(_export_plugin)
	remove_import_plugin(_import_plugin)
	_jobs.close()
	# The engine itself ends with 0 whatever an importer said. The last quit() decides: an export's own comes after this.
	if RunMode.waits() and _jobs.has_failures():
		get_tree().quit(1)
		get_tree().quit.call_deferred(1)


func _enable_plugin() -> void:
	for singleton: String in AUTOLOADS:
		if FileAccess.file_exists(AUTOLOADS[singleton] as String):
			add_autoload_singleton(singleton, AUTOLOADS[singleton] as String)


func _disable_plugin() -> void:
	for singleton: String in AUTOLOADS:
		if ProjectSettings.has_setting("autoload/" + singleton):
			remove_autoload_singleton(singleton)


func _start_part(path: String) -> void:
	if not FileAccess.file_exists(path):
		return
	var script: GDScript = load(path) as GDScript
	if script == null or not script.can_instantiate():
		push_error("ExecuTorch: %s does not compile; its part of the editor is missing." % path)
		return
	var part: Object = script.new()
	_parts.append(part)
	_call_with(part, &"start", [self, _jobs])


func _call_with(part: Object, method: StringName, arguments: Array) -> void:
	part.callv(method, arguments.slice(0, part.get_method_argument_count(method)))
