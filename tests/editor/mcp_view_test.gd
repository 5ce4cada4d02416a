@tool
extends "res://tests/editor/views.gd"
## The dock's page "MCP".

const McpClientEntries := preload("res://addons/executorch/editor/mcp/mcp_client_entries.gd")
const Settings := preload("res://addons/executorch/editor/shared/settings.gd")
const McpCredentials := preload("res://addons/executorch/runtime/mcp/protocol/mcp_credentials.gd")
const MCP_VIEW: String = "res://addons/executorch/editor/mcp/mcp_view.gd"
const MCP_PAGE: int = 2


func test_server_is_started_seen_and_stopped() -> void:
	var view: Control = await _open()
	check(text_of(view).contains("is off"), text_of(view))
	var port: LineEdit = (view.find_children("*", "SpinBox", true, false)[0] as SpinBox).get_line_edit()
	check(port.text.is_empty() and port.placeholder_text == "Auto", "port '%s'" % port.text)
	find_button(view, "Start").pressed.emit()
	if not await wait_until(func() -> bool: return find_mcp().server != null, 10.0, "the server"):
		return
	await _refreshed(view)
	var server: ExecuTorchMCPServer = find_mcp().server
	check(text_of(view).contains("127.0.0.1:%d/mcp" % server.port), text_of(view))
	_check_token(view, server.token)
	var failed: Dictionary = {"model": "nothing", "inputs": {}}
	for arguments: Dictionary in [{"name": "list_backends"}, {"name": "run_inference", "arguments": failed}]:
		server.handle_request({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": arguments})
	server.client_connected.emit("assistant #1")
	await _refreshed(view)
	check(text_of(view).contains("assistant #1"), text_of(view))
	check(text_of(view).contains("list_backends | {}"), text_of(view))
	check(text_of(view).contains("run_inference | "), text_of(view))
	check_equal(view.call("get_copied_text", 0), server.get_url())
	check_equal(view.call("get_copied_text", 1), server.token)
	DirAccess.remove_absolute(McpCredentials.folder().path_join(McpCredentials.TOKEN_FILE))
	check_equal(view.call("get_copied_text", 1), server.token)
	check(str(view.call("get_copied_text", 3)).contains(server.get_url()), "an entry for a client")
	check(not server.allow_write, "read-only at first")
	find_button(view, "Allow changes").button_pressed = true
	check(server.allow_write, "changes are allowed")
	find_button(view, "Allow changes").button_pressed = false
	check(not server.allow_write, "read-only again")
	find_button(view, "Stop").pressed.emit()
	check(find_mcp().server == null, "the server still runs")
	await _refreshed(view)
	check(text_of(view).contains("is off"), text_of(view))


func test_port_that_is_taken_is_told() -> void:
	var other: TCPServer = TCPServer.new()
	check_equal(other.listen(0, "127.0.0.1"), OK)
	var settings: EditorSettings = EditorInterface.get_editor_settings()
	expect_error("could not listen")
	settings.set_setting(Settings.MCP_PORT, other.get_local_port())
	var view: Control = await _open()
	find_button(view, "Start").pressed.emit()
	await _refreshed(view)
	check(text_of(view).contains("could not start on port %d" % other.get_local_port()), text_of(view))
	var port: LineEdit = (view.find_children("*", "SpinBox", true, false)[0] as SpinBox).get_line_edit()
	check_equal(port.text, str(other.get_local_port()))
	other.stop()
	settings.set_setting(Settings.MCP_PORT, 0)
	await _refreshed(view)
	check(find_mcp().server != null, "another port was not tried")
	find_button(view, "Stop").pressed.emit()
	check(find_mcp().server == null, "the server still runs")


func test_the_port_stays_at_the_next_start() -> void:
	var view: Control = await _open()
	var ports: Array[int] = []
	for start: int in 2:
		find_button(view, "Start").pressed.emit()
		await _refreshed(view)
		ports.append(find_mcp().server.port)
		find_button(view, "Stop").pressed.emit()
		await _refreshed(view)
	check(ports[0] > 0, str(ports))
	check_equal(ports[1], ports[0], "clients would lose the server")
	var other: TCPServer = TCPServer.new()
	check_equal(other.listen(ports[0], "127.0.0.1"), OK)
	find_button(view, "Start").pressed.emit()
	await _refreshed(view)
	check(find_mcp().server != null and find_mcp().server.port != ports[0], "a taken port is given up")
	other.stop()
	find_button(view, "Stop").pressed.emit()


func test_token_that_cannot_be_kept_is_told() -> void:
	var folder: String = McpCredentials.folder()
	DirAccess.make_dir_recursive_absolute(folder)
	DirAccess.rename_absolute(folder, folder + ".away")
	FileAccess.open(folder, FileAccess.WRITE).close()
	expect_error("could not be stored")
	var view: Control = await _open()
	find_button(view, "Start").pressed.emit()
	await _refreshed(view)
	check(text_of(view).contains("token could not be stored in " + folder), text_of(view))
	find_button(view, "Stop").pressed.emit()
	DirAccess.remove_absolute(folder)
	DirAccess.rename_absolute(folder + ".away", folder)


func test_entries_for_clients() -> void:
	var url: String = "http://127.0.0.1:8650/mcp"
	for client: String in McpClientEntries.CLIENTS:
		var text: String = McpClientEntries.text_for(client, url, "/home/u/token")
		if client == McpClientEntries.BY_PYTHON:
			var entry: Dictionary = JSON.parse_string(text)["mcpServers"]["godot-executorch"]
			check(FileAccess.file_exists(str(entry["command"])), text)
			check(DirAccess.dir_exists_absolute(str(entry["args"][-1])), text)
			check(FileAccess.file_exists(str(entry["args"][0])), text)
			continue
		check(text.contains(url), text)
		check(text.contains("Bearer "), text)
		check(
			JSON.parse_string(text) is Dictionary if text.begins_with("{") else text.begins_with("claude mcp add "),
			text
		)


## Hidden from who looks over the shoulder, shown by the eye, and hidden again when the page is left.
func _check_token(view: Control, token: String) -> void:
	var field: LineEdit = null
	for node: Node in view.find_children("*", "LineEdit", true, false):
		if (node as LineEdit).text == token:
			field = node
	var eye: Button = null
	for node: Node in view.find_children("*", "Button", true, false):
		if (node as Button).tooltip_text == "Show the token":
			eye = node
	if field == null or eye == null:
		check(false, "no token in the page")
		return
	check(field.is_visible_in_tree() and field.secret, "the token is hidden at first")
	check(not text_of(view).contains(token.left(6)), "a part of the token is shown")
	eye.button_pressed = true
	check(not field.secret, "the token is shown")
	eye.button_pressed = false
	check(field.secret, "the token is hidden again")
	eye.button_pressed = true
	var panel: Control = find_by_script(get_tree().root, DOCK_PANEL) as Control
	panel.call("show_page", 0)
	panel.call("show_page", MCP_PAGE)
	check(field.secret and not eye.button_pressed, "the token stays shown when the page was left")


func _open() -> Control:
	var panel: Control = find_by_script(get_tree().root, DOCK_PANEL) as Control
	var node: Node = self
	while not node is EditorPlugin:
		node = node.get_parent()
	(node as EditorPlugin).make_bottom_panel_item_visible(panel)
	panel.call("show_page", MCP_PAGE)
	var view: Control = find_by_script(panel, MCP_VIEW) as Control
	await wait_until(view.is_visible_in_tree, 10.0, "the page")
	view.call("refresh")
	return view


func _refreshed(view: Control) -> void:
	await get_tree().process_frame
	await get_tree().process_frame
	view.call("refresh")
