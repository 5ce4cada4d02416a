@tool
extends RefCounted
## What a client's configuration needs to reach a server: one text for each common client. The token itself is in none
## of them, so that they may be kept in a project: clients read it from its file or from a variable.

const Interpreters := preload("res://addons/executorch/editor/backend/interpreters.gd")
## The client that starts the Python server: it converts model files too, and finds the editor and games by itself.
const BY_PYTHON: String = "Any client, by Python"
const VARIABLE: String = "EXECUTORCH_MCP_TOKEN"
## Client -> where the text goes.
const CLIENTS: Dictionary[String, String] = {
	BY_PYTHON: "JSON: converts files too, finds the editor and games by itself, needs no port and no token",
	"Claude Code": "a command for the terminal",
	"Cursor": ".cursor/mcp.json; token from the variable EXECUTORCH_MCP_TOKEN",
	"VS Code": ".vscode/mcp.json; asks for the token once",
	"Other (HTTP)": "JSON; token from the variable EXECUTORCH_MCP_TOKEN",
}


## The text for a client of CLIENTS.
static func text_for(client: String, url: String, token_file: String) -> String:
	match client:
		BY_PYTHON:
			return _json({"mcpServers": {"godot-executorch": _python_entry()}})
		"Claude Code":
			var command: String = "claude mcp add --transport http godot %s --header \"Authorization: Bearer $(cat '%s')\""
			return command % [url, token_file]
		"Cursor":
			return _json({"mcpServers": {"godot": {"url": url, "headers": _headers("${env:%s}" % VARIABLE)}}})
		"VS Code":
			var ask: Dictionary = {"type": "promptString", "id": "token", "password": true}
			ask["description"] = "Godot ExecuTorch token (ExecuTorch panel, Copy Token)"
			var server: Dictionary = {"type": "http", "url": url, "headers": _headers("${input:token}")}
			return _json({"inputs": [ask], "servers": {"godot": server}})
	var other: Dictionary = {"type": "http", "url": url, "headers": _headers("${%s}" % VARIABLE)}
	return _json({"mcpServers": {"godot": other}})


static func _python_entry() -> Dictionary:
	var found: Array[Dictionary] = Interpreters.find_candidates()
	return {
		"command": found[0]["path"] if not found.is_empty() else "python3",
		"args":
		[
			ProjectSettings.globalize_path("res://addons/executorch/python/python_backend/__main__.py"),
			"mcp",
			"--project",
			ProjectSettings.globalize_path("res://")
		],
	}


static func _headers(token: String) -> Dictionary:
	return {"Authorization": "Bearer " + token}


static func _json(value: Dictionary) -> String:
	return JSON.stringify(value, "  ", false) + "\n"
