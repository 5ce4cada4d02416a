@tool
extends Node
## A client of the editor's own MCP server, which runs while this is there: what an assistant does at first.

const Settings := preload("res://addons/executorch/editor/shared/settings.gd")
const CALLS: Array[Array] = [
	["list_models", {}],
	["get_model_info", {"model": "res://models/linear_regression.pt"}],
	["run_inference", {"model": "res://models/linear_regression.pt", "inputs": {"input_0": [2.5]}}],
	["run_inference", {"model": "res://models/linear_regression.pt", "inputs": {"input_0": [1.0, 2.0, 3.0]}}],
	["benchmark_model", {"model": "res://models/digits.pt", "runs": 20}],
]

var _url: String
var _headers: PackedStringArray = ["Content-Type: application/json", "Accept: application/json, text/event-stream"]


func _find_server() -> ExecuTorchMCPServer:
	return get_tree().root.find_children("ExecuTorchMCPServer", "", true, false)[0] as ExecuTorchMCPServer


func _ready() -> void:
	EditorInterface.get_editor_settings().set_setting(Settings.MCP_RUN_IN_EDITOR, true)
	_url = _find_server().get_url()
	_headers.append("Authorization: Bearer " + _find_server().token)


func _exit_tree() -> void:
	EditorInterface.get_editor_settings().set_setting(Settings.MCP_RUN_IN_EDITOR, false)


## Opens a session under this name and makes the calls.
func call_all(client_name: String) -> void:
	var about: Dictionary = {"name": client_name, "version": "1"}
	var opening: Dictionary = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": about}
	var headers: PackedStringArray = await _post("initialize", opening)
	for header: String in headers:
		if header.to_lower().begins_with("mcp-session-id:"):
			_headers.append(header)
	for call_of: Array in CALLS:
		await _post("tools/call", {"name": call_of[0], "arguments": call_of[1]})


func _post(method: String, params: Dictionary) -> PackedStringArray:
	var request: HTTPRequest = HTTPRequest.new()
	add_child(request)
	var body: Dictionary = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
	request.request(_url, _headers, HTTPClient.METHOD_POST, JSON.stringify(body))
	var answer: Array = await request.request_completed
	request.queue_free()
	return answer[2]
