@tool
extends RefCounted
## The editor's own MCP server, started when the editor setting says so; and the settings of MCP.

const RUN_IN_EDITOR: String = "executorch/mcp/run_in_editor"
const PORT: String = "executorch/mcp/port"
const EDITOR_ALLOW_WRITE: String = "executorch/mcp/allow_write"
const McpActivity = preload("mcp_activity.gd")
const McpEditorTools = preload("mcp_editor_tools.gd")
const McpAutostart = preload("res://addons/executorch/runtime/mcp/mcp_autostart.gd")
const PROJECT_SETTINGS: Dictionary[String, Variant] = {
	McpAutostart.ALLOW_IN_RELEASE: false, McpAutostart.ALLOW_WRITE: false
}

## For the dock: null while there is no server. It has `get_url()` and `token`.
static var server: ExecuTorchMCPServer = null
## Clients and calls of the server.
static var activity: McpActivity = null
## Why there is no server though there should be; empty when all is well.
static var failure: String = ""

var _plugin: EditorPlugin = null
# The port that could not be had: not tried again at every change of some setting.
var _refused_port: int = -1


func start(plugin: EditorPlugin) -> void:
	_plugin = plugin
	_register_project_settings()
	_register_editor_settings()
	EditorInterface.get_editor_settings().settings_changed.connect(_follow_settings)
	_follow_settings()


func stop() -> void:
	EditorInterface.get_editor_settings().settings_changed.disconnect(_follow_settings)
	_stop_server()


func _follow_settings() -> void:
	var settings: EditorSettings = EditorInterface.get_editor_settings()
	var wanted: bool = settings.get_setting(RUN_IN_EDITOR)
	var port: int = settings.get_setting(PORT)
	if server != null and (not wanted or (port != 0 and port != server.port)):
		_stop_server()
	if not wanted or port != _refused_port:
		_refused_port = -1
		failure = ""
	if wanted and server == null and _refused_port < 0:
		_start_server(port)
	if server != null:
		server.allow_write = settings.get_setting(EDITOR_ALLOW_WRITE)


func _start_server(port: int) -> void:
	server = ExecuTorchMCPServer.new()
	server.name = "ExecuTorchMCPServer"
	server.server_name = "godot-editor"
	server.instructions = "The models of a Godot project, in its editor. Paths are Godot's (res://...)."
	McpEditorTools.add_to(server)
	activity = McpActivity.new()
	activity.follow(server)
	_plugin.add_child(server)
	var error: Error = server.start_server(port)
	if error != OK:
		_refused_port = port
		failure = "The MCP server could not start on port %d: %s." % [port, error_string(error)]
		if error == ERR_CANT_CREATE:
			failure = "The MCP token could not be stored in %s." % server.get_credentials_folder()
		_stop_server()


func _stop_server() -> void:
	if server != null:
		server.stop_server()
		server.queue_free()
	server = null
	activity = null


func _register_project_settings() -> void:
	for setting: String in PROJECT_SETTINGS:
		if not ProjectSettings.has_setting(setting):
			ProjectSettings.set_setting(setting, PROJECT_SETTINGS[setting])
		ProjectSettings.set_initial_value(setting, PROJECT_SETTINGS[setting])
		ProjectSettings.set_as_basic(setting, true)


func _register_editor_settings() -> void:
	var settings: EditorSettings = EditorInterface.get_editor_settings()
	var defaults: Dictionary[String, Variant] = {RUN_IN_EDITOR: false, PORT: 0, EDITOR_ALLOW_WRITE: false}
	for setting: String in defaults:
		if not settings.has_setting(setting):
			settings.set_setting(setting, defaults[setting])
		settings.set_initial_value(setting, defaults[setting], false)
	settings.add_property_info(
		{"name": PORT, "type": TYPE_INT, "hint": PROPERTY_HINT_RANGE, "hint_string": "0,65535,1"}
	)
