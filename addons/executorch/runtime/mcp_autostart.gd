@tool
extends Node
## The autoload [code]ExecuTorchMCP[/code]. It starts an MCP server in a game that is started with [code]--
## --executorch-mcp[/code] or [code]--executorch-mcp=8650[/code]. In a release export the project setting
## [code]executorch/mcp/allow_in_release[/code] must be on too. Otherwise the export contains this autoload, so that
## scripts that name it compile, but no code of the server.

const OPTION: String = "--executorch-mcp"
const SERVER: String = "res://addons/executorch/runtime/mcp/executorch_mcp_server.gd"
const Settings = preload("library/project_settings.gd")

## The [ExecuTorchMCPServer], or [code]null[/code] if none was started. Games add their tools to it.
var server: Node = null


func _enter_tree() -> void:
	if Engine.is_editor_hint() or server != null:
		return
	var port: int = port_of(OS.get_cmdline_user_args())
	if port < 0:
		return
	if not is_allowed():
		push_warning("ExecuTorch MCP: %s is ignored; this release export does not allow it." % OPTION)
		return
	server = (load(SERVER) as GDScript).new()
	server.name = "Server"
	server.set(&"allow_write", Settings.read(Settings.MCP_ALLOW_WRITE))
	add_child(server)
	if server.call(&"start_server", port) == OK:
		var place: String = server.call(&"get_credentials_folder")
		print("ExecuTorch MCP: %s (token in %s)" % [server.call(&"get_url"), place])


## Returns the port of the command line; 0 if the system is to choose it, and -1 if no server is requested.
static func port_of(arguments: PackedStringArray) -> int:
	for argument: String in arguments:
		if argument == OPTION:
			return 0
		if argument.begins_with(OPTION + "="):
			var port: String = argument.substr(OPTION.length() + 1)
			if port.is_valid_int() and port.to_int() >= 0 and port.to_int() <= 65535:
				return port.to_int()
			push_error("ExecuTorch MCP: %s is not a port, so the server is not started." % port)
	return -1


## Returns [code]true[/code] if this game may have a server: a release export needs the project setting.
static func is_allowed() -> bool:
	var allowed: bool = OS.is_debug_build() or bool(Settings.read(Settings.MCP_ALLOW_IN_RELEASE))
	return allowed and ResourceLoader.exists(SERVER)
