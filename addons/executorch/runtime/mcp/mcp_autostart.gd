@tool
extends Node
## The autoload `ExecuTorchMCP`: a game that is started with `-- --executorch-mcp[=port]` gets a server. In a release
## export the project must allow it too (`executorch/mcp/allow_in_release`). Without the option there is nothing.

const OPTION: String = "--executorch-mcp"
const ALLOW_IN_RELEASE: String = "executorch/mcp/allow_in_release"
const ALLOW_WRITE: String = "executorch/mcp/allow_write"

## Null while there is no server. Games add their tools here: `ExecuTorchMCP.server`.
var server: ExecuTorchMCPServer = null


func _enter_tree() -> void:
	if Engine.is_editor_hint() or server != null:
		return
	var port: int = port_of(OS.get_cmdline_user_args())
	if port < 0:
		return
	if not is_allowed():
		push_warning("ExecuTorch MCP: %s is ignored; this release export does not allow it." % OPTION)
		return
	server = ExecuTorchMCPServer.new()
	server.name = "Server"
	server.allow_write = bool(ProjectSettings.get_setting(ALLOW_WRITE, false))
	add_child(server)
	if server.start_server(port) == OK:
		print("ExecuTorch MCP: %s (token in %s)" % [server.get_url(), server.get_credentials_folder()])


## The port that the command line asks for, 0 = the system chooses, -1 = there is to be no server.
static func port_of(arguments: PackedStringArray) -> int:
	for argument: String in arguments:
		if argument == OPTION:
			return 0
		if argument.begins_with(OPTION + "="):
			var port: String = argument.substr(OPTION.length() + 1)
			if port.is_valid_int() and port.to_int() >= 0 and port.to_int() <= 65535:
				return port.to_int()
			push_error("ExecuTorch MCP: %s is not a port; there is no server." % port)
	return -1


## A release export says so twice: by its project setting, and by the command line that brought us here.
static func is_allowed() -> bool:
	return OS.is_debug_build() or bool(ProjectSettings.get_setting(ALLOW_IN_RELEASE, false))
