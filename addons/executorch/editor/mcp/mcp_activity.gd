@tool
extends RefCounted
## The connected clients of a server and its last calls, for the dock.

const MAX_CALLS: int = 100

## Names of the clients, the first one first.
var clients: PackedStringArray = []
## `{time, tool, ok, text}`, the latest call first. `text` is the beginning of the arguments, or why it failed.
var calls: Array[Dictionary] = []
## Grows with every change.
var version: int = 0


func follow(server: ExecuTorchMCPServer) -> void:
	server.client_connected.connect(_on_client_connected)
	server.client_disconnected.connect(_on_client_disconnected)
	server.tool_called.connect(_on_tool_called)


func _on_client_connected(client_id: String) -> void:
	clients.append(client_id)
	version += 1


func _on_client_disconnected(client_id: String) -> void:
	var index: int = clients.find(client_id)
	if index >= 0:
		clients.remove_at(index)
	version += 1


func _on_tool_called(tool_name: String, arguments: Dictionary, result: Dictionary) -> void:
	var failed: bool = result.get("isError", false)
	var content: Array = result.get("content", [])
	var text: String = JSON.stringify(arguments).left(200)
	if failed and not content.is_empty():
		text = str((content[0] as Dictionary).get("text", ""))
	var time: String = Time.get_time_string_from_system()
	calls.push_front({"time": time, "tool": tool_name, "ok": not failed, "text": text})
	calls.resize(mini(calls.size(), MAX_CALLS))
	version += 1
