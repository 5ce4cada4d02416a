extends "res://tests/case.gd"
## The server's own API, without HTTP.

const Credentials = preload("res://addons/executorch/runtime/mcp/protocol/mcp_credentials.gd")
const Autostart = preload("res://addons/executorch/runtime/mcp_autostart.gd")
const Seal = preload("res://addons/executorch/runtime/mcp/calls/mcp_state_seal.gd")
const Access = preload("res://addons/executorch/runtime/mcp/http/mcp_access.gd")
const Offers = preload("res://addons/executorch/runtime/mcp/protocol/mcp_offers.gd")

const TOOLS: Array = [
	"list_models",
	"get_model_info",
	"run_inference",
	"health_check",
	"reset_stats",
	"benchmark_model",
	"profile_model",
	"get_memory_info",
	"list_backends",
]


func _server() -> ExecuTorchMCPServer:
	var server: ExecuTorchMCPServer = ExecuTorchMCPServer.new()
	server.offer_models = false
	add_child(server)
	return server


func _request(method: String, params: Dictionary = {}) -> Dictionary:
	return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


func test_two_lines_are_enough() -> void:
	var server: ExecuTorchMCPServer = _server()
	check(server.add_tool("add", "Adds", {}, func(a: Dictionary) -> String: return str(a["x"] + a["y"])), "added")
	check_equal(server.start_server(0), OK)
	check(server.is_server_running(), "runs")
	check(server.port > 0, "has a port")
	check_equal(server.token.length(), 64)
	check_equal(server.start_server(0), ERR_ALREADY_IN_USE)
	var answer: Dictionary = server.handle_request(
		_request("tools/call", {"name": "add", "arguments": {"x": 2, "y": 3}})
	)
	check_equal(answer["result"]["content"][0]["text"], "5")
	server.stop_server()
	check(not server.is_server_running(), "stopped")
	check_equal(server.start_server(0), OK)
	server.free()


func test_requests_inside_the_process() -> void:
	var server: ExecuTorchMCPServer = _server()
	check_equal(server.handle_request({"jsonrpc": "2.0", "method": "notifications/initialized"}), {})
	check_equal(server.handle_request({"jsonrpc": "2.0", "id": 1})["error"]["code"], -32600)
	check_equal(server.handle_request(_request("nothing"))["error"]["code"], -32601)
	check_equal(server.handle_request(_request("ping"))["result"], {})
	var opened: Dictionary = server.handle_request(
		_request("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {}})
	)
	check_equal(opened["result"]["protocolVersion"], "2025-06-18")
	var meta: Dictionary = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
	var discovered: Dictionary = server.handle_request(_request("server/discover", {"_meta": meta}))
	check_equal(discovered["result"]["supportedVersions"], ["2026-07-28"])
	check_equal(discovered["result"]["resultType"], "complete")
	server.free()


func test_request_is_not_changed() -> void:
	var server: ExecuTorchMCPServer = _server()
	server.add_tool(
		"spoil",
		"",
		{},
		func(a: Dictionary) -> String:
			a["x"] = 2
			return ""
	)
	var request: Dictionary = _request("tools/call", {"name": "spoil", "arguments": {"x": 1}})
	server.handle_request(request)
	check_equal(request["params"]["arguments"], {"x": 1})
	server.free()


func test_tool_that_awaits_is_told() -> void:
	var server: ExecuTorchMCPServer = _server()
	server.add_tool("wait", "", {}, _wait_a_frame)
	var answer: Dictionary = server.handle_request(_request("tools/call", {"name": "wait"}))
	check(answer["result"]["isError"], "is refused")
	await get_tree().process_frame
	await get_tree().process_frame
	server.free()


func test_wrong_offers_are_refused() -> void:
	var server: ExecuTorchMCPServer = _server()
	expect_error("letters, digits")
	check(not server.add_tool("bad name", "", {}, _wait_a_frame), "name")
	expect_error("type object")
	check(not server.add_tool("list", "", {"type": "array"}, _wait_a_frame), "schema")
	expect_error("not valid")
	check(not server.add_tool("nothing", "", {}, Callable()), "callable")
	expect_error("has a scheme")
	check(not server.add_resource("no_scheme", "", "", _wait_a_frame), "uri")
	server.free()


func test_offers_can_be_taken_back() -> void:
	var server: ExecuTorchMCPServer = _server()
	server.add_tool("once", "", {}, _wait_a_frame)
	check(server.remove_tool("once"), "removed")
	check(not server.remove_tool("once"), "is gone")
	check_equal(server.handle_request(_request("tools/list"))["result"]["tools"], [])
	server.free()


func test_object_that_is_gone() -> void:
	var server: ExecuTorchMCPServer = _server()
	var owner_node: Node = Node.new()
	server.add_tool("gone", "", {}, owner_node.get_path)
	server.add_prompt("gone", "", [], owner_node.get_path)
	owner_node.free()
	var answer: Dictionary = server.handle_request(_request("tools/call", {"name": "gone"}))
	check(answer["result"]["isError"], "the result says so")
	answer = server.handle_request(_request("prompts/get", {"name": "gone"}))
	check_equal(answer["error"]["code"], -32603)
	server.free()


func test_port_in_use() -> void:
	var first: ExecuTorchMCPServer = _server()
	var second: ExecuTorchMCPServer = _server()
	check_equal(first.start_server(0), OK)
	expect_error("could not listen")
	check(second.start_server(first.port) != OK, "the port is taken")
	check(not second.is_server_running(), "second does not run")
	first.free()
	second.free()


func test_token_is_kept() -> void:
	var token: String = Credentials.load_or_make_token()
	check_equal(token.length(), 64)
	check_equal(Credentials.load_or_make_token(), token)
	check(Access.is_same_secret(token, token), "same")
	check(not Access.is_same_secret(token, token + "0"), "other")


func test_command_line() -> void:
	check_equal(Autostart.port_of(["--other"]), -1)
	check_equal(Autostart.port_of(["--executorch-mcp"]), 0)
	check_equal(Autostart.port_of(["x", "--executorch-mcp=8123"]), 8123)
	expect_error("is not a port")
	check_equal(Autostart.port_of(["--executorch-mcp=99999"]), -1)


func test_version_is_the_addons() -> void:
	var plugin: ConfigFile = ConfigFile.new()
	check_equal(plugin.load("res://addons/executorch/plugin.cfg"), OK)
	check_equal(Offers.ADDON_VERSION, plugin.get_value("plugin", "version"))


func test_sealed_state() -> void:
	var seal: Seal = Seal.new()
	var text: String = seal.seal({"a": [1.5, "é"]}, "tools/call x")
	check_equal(seal.open(text, "tools/call x"), {"state": {"a": [1.5, "é"]}})
	check_equal(seal.open(text, "tools/call y"), {})
	check_equal(seal.open(text + "0", "tools/call x"), {})
	check_equal(seal.open("", "tools/call x"), {})
	check_equal(Seal.new().open(text, "tools/call x"), {})


func test_runtime_answers_the_same_table() -> void:
	var names: Array = ExecuTorchRuntime.new().list_mcp_tools().map(
		func(tool: Dictionary) -> String: return tool["name"]
	)
	check_equal(names, TOOLS)
	var server: ExecuTorchMCPServer = ExecuTorchMCPServer.new()
	server.allow_write = true
	add_child(server)
	var listed: Array = server.handle_request(_request("tools/list"))["result"]["tools"]
	check_equal(JSON.stringify(listed), JSON.stringify(ExecuTorchRuntime.new().list_mcp_tools()))
	server.free()
	var health: Dictionary = ExecuTorchRuntime.new().call_mcp_tool("health_check")
	check(health["structuredContent"].has("ok"), "health")
	check(ExecuTorchRuntime.new().call_mcp_tool("run_inference", {"model": "x"})["isError"], "inputs are missing")
	check(ExecuTorchRuntime.new().call_mcp_tool("nothing")["isError"], "no such tool")


func _wait_a_frame() -> String:
	await get_tree().process_frame
	return "late"
