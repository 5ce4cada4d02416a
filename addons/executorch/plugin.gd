@tool
extends EditorPlugin
## Registers the editor's parts and connects them; none of their logic is here.

const DockViews := preload("editor/dock/dock_views.gd")
const ExportPlugin := preload("editor/export/payload_export_plugin.gd")
const GraphWindow := preload("editor/graph/graph_window.gd")
const HelpSearch := preload("editor/help/help_search.gd")
const ImportPlugin := preload("editor/import/model_import_plugin.gd")
const InspectorViews := preload("editor/inspector/inspector_views.gd")
const Jobs := preload("editor/jobs/jobs.gd")
const McpEditorServer := preload("editor/mcp/mcp_editor_server.gd")
const ProfilerPlugin := preload("editor/profiler/profiler_plugin.gd")
const RunMode := preload("editor/jobs/run_mode.gd")
const Settings := preload("editor/shared/settings.gd")
const TokenizerImportPlugin := preload("editor/import/tokenizer_import_plugin.gd")
const Watching := preload("editor/watching/watching.gd")

## The conversions of this editor.
var jobs: Jobs
## The models that follow files outside of the project; null while no views are shown, like the parts below.
var watching: Watching
var mcp: McpEditorServer
var dock: DockViews
var profiler: ProfilerPlugin
var graph: GraphWindow
var inspector: InspectorViews
var help: HelpSearch

var _import_plugin: ImportPlugin
var _tokenizer_plugin: TokenizerImportPlugin
var _export_plugin: ExportPlugin


func _enter_tree() -> void:
	Settings.register()
	jobs = Jobs.new()
	add_child(jobs)
	_import_plugin = ImportPlugin.new(jobs)
	add_import_plugin(_import_plugin)
	_tokenizer_plugin = TokenizerImportPlugin.new()
	add_import_plugin(_tokenizer_plugin)
	_export_plugin = ExportPlugin.new(jobs)
	add_export_plugin(_export_plugin)
	# `--import` and exports show no views.
	if not RunMode.waits():
		_start_views()


func _exit_tree() -> void:
	if inspector != null:
		_stop_views()
	remove_export_plugin(_export_plugin)
	remove_import_plugin(_tokenizer_plugin)
	remove_import_plugin(_import_plugin)
	jobs.close()
	# The engine itself ends with 0 whatever an importer said. The last quit() decides: an export's own comes after this.
	if RunMode.waits() and not jobs.failures.is_empty():
		get_tree().quit(1)
		get_tree().quit.call_deferred(1)


func _disable_plugin() -> void:
	McpEditorServer.remove_autoload()


func _start_views() -> void:
	watching = Watching.new(self, jobs)
	mcp = McpEditorServer.new(self, jobs)
	dock = DockViews.new(self, jobs, mcp)
	profiler = ProfilerPlugin.new(self, jobs)
	graph = GraphWindow.new(jobs)
	EditorInterface.get_base_control().add_child(graph)
	inspector = InspectorViews.new(self, jobs, watching.links)
	inspector.plugin.log_requested.connect(dock.show_job_of)
	inspector.plugin.setup_requested.connect(dock.open_setup)
	inspector.plugin.graph_requested.connect(graph.open)
	inspector.plugin.profiler_requested.connect(profiler.dock.open_benchmark)
	profiler.dock.operator_selected.connect(graph.follow_operator)
	profiler.dock.operator_opened.connect(graph.open_operator)
	help = HelpSearch.new()
	help.start()


func _stop_views() -> void:
	help.stop()
	inspector.stop()
	graph.queue_free()
	profiler.stop()
	dock.stop()
	mcp.stop()
	watching.stop()
	inspector = null
