@tool
extends RefCounted
## The editor's own MCP server, started when the editor setting says so; and the settings of MCP.

const Settings := preload("res://addons/executorch/editor/shared/settings.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const McpActivity = preload("mcp_activity.gd")
const McpEditorTools = preload("mcp_editor_tools.gd")
const METADATA: String = "executorch_mcp"
const AUTOLOAD: String = "autoload/ExecuTorchMCP"
const AUTOSTART: String = "res://addons/executorch/runtime/mcp_autostart.gd"

## For the dock: null while there is no server. It has `get_url()` and `token`.
var server: ExecuTorchMCPServer = null
## Clients and calls of the server.
var activity: McpActivity = null
## Why the server could not be started; empty when it was.
var failure: String = ""

var _plugin: EditorPlugin
var _jobs: Jobs
var _tools: McpEditorTools
# The port that could not be opened: not tried again at every change of a setting.
var _refused_port: int = -1


func _init(plugin: EditorPlugin = null, jobs: Jobs = null) -> void:
	_plugin = plugin
	_jobs = jobs
	EditorInterface.get_editor_settings().settings_changed.connect(_follow_settings)
	_follow_settings()


## Starts or stops the editor's server, now and whenever the editor starts. Games of this project can then be reached
## too: they get the autoload that starts their server when their command line asks for one.
func switch(on: bool) -> void:
	Settings.write_to_editor(Settings.MCP_RUN_IN_EDITOR, on)
	if on and not ProjectSettings.has_setting(AUTOLOAD):
		ProjectSettings.set_setting(AUTOLOAD, "*" + AUTOSTART)
		ProjectSettings.save()


## Removes the autoload from the project.
static func remove_autoload() -> void:
	if ProjectSettings.has_setting(AUTOLOAD):
		ProjectSettings.set_setting(AUTOLOAD, null)
		ProjectSettings.save()


func stop() -> void:
	EditorInterface.get_editor_settings().settings_changed.disconnect(_follow_settings)
	_stop_server()


func _follow_settings() -> void:
	var wanted: bool = Settings.read_from_editor(Settings.MCP_RUN_IN_EDITOR)
	var port: int = Settings.read_from_editor(Settings.MCP_PORT)
	if server != null and (not wanted or (port != 0 and port != server.port)):
		_stop_server()
	if not wanted or port != _refused_port:
		_refused_port = -1
		failure = ""
	if wanted and server == null and _refused_port < 0:
		_start_server(port)
	if server != null:
		server.allow_write = Settings.read_from_editor(Settings.MCP_ALLOW_WRITE)


func _start_server(port: int) -> void:
	server = ExecuTorchMCPServer.new()
	server.name = "ExecuTorchMCPServer"
	server.server_name = "godot-editor"
	server.instructions = "The models of a Godot project, in its editor. Paths are Godot's (res://...)."
	_tools = McpEditorTools.new(_jobs)
	_tools.add_to(server)
	activity = McpActivity.new()
	activity.follow(server)
	_plugin.add_child(server)
	var error: Error = server.start_server(port if port != 0 else _kept_port())
	if error != OK:
		_refused_port = port
		failure = "The MCP server could not start on port %d: %s." % [port, error_string(error)]
		if error == ERR_CANT_CREATE:
			failure = "The MCP token could not be stored in %s." % server.get_credentials_folder()
		_stop_server()
	elif port == 0:
		EditorInterface.get_editor_settings().set_project_metadata(METADATA, "port", server.port)


# Clients store the address: the port that the system has chosen is used at each later start of this project.
func _kept_port() -> int:
	var port: int = EditorInterface.get_editor_settings().get_project_metadata(METADATA, "port", 0)
	var probe: TCPServer = TCPServer.new()
	var is_free: bool = port != 0 and probe.listen(port, "127.0.0.1") == OK
	probe.stop()
	return port if is_free else 0


func _stop_server() -> void:
	if server != null:
		server.stop_server()
		server.queue_free()
	server = null
	activity = null
