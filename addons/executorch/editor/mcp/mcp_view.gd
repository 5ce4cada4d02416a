@tool
extends VBoxContainer
## The dock's page "MCP": the editor's server with its address, what a client needs to reach it, who is connected, and
## the last calls.

enum Column { TOOL, TEXT, TIME }
enum Copy { ADDRESS, TOKEN, ENTRY }

const McpActivity := preload("mcp_activity.gd")
const McpClientEntries := preload("mcp_client_entries.gd")
const McpCredentials := preload("res://addons/executorch/runtime/mcp/protocol/mcp_credentials.gd")
const McpEditorServer := preload("mcp_editor_server.gd")
const Settings := preload("res://addons/executorch/editor/shared/settings.gd")
const REFRESH_SECONDS: float = 0.25
const OK_ICON: StringName = &"StatusSuccess"
const ERROR_ICON: StringName = &"StatusError"
const OFF: String = "The MCP server is off."
const START_TIP: String = "Starts the server, now and whenever the editor starts."
const NO_CALLS: String = "Calls of assistants appear here."
const WHAT_FOR: String = (
	"An assistant such as Claude, Cursor or Copilot can inspect, run and measure this project's models."
	+ "\nPress Start, then Copy the configuration for it."
	+ "\nStart also adds the autoload ExecuTorchMCP to the project, so that running games can be reached."
)

var _mcp: McpEditorServer
var _icon: TextureRect = TextureRect.new()
var _state: Label = Label.new()
var _toggle: Button = Button.new()
var _port: SpinBox = SpinBox.new()
var _allow_write: CheckBox = CheckBox.new()
var _token_row: HBoxContainer = HBoxContainer.new()
var _token: LineEdit = LineEdit.new()
var _reveal: Button = Button.new()
var _copy: MenuButton = MenuButton.new()
var _clients: Label = Label.new()
var _calls: Tree = Tree.new()
var _empty: Label = Label.new()
var _timer: Timer = Timer.new()
var _shown_version: int = -1
var _shown_activity: McpActivity


func _init(mcp: McpEditorServer = null) -> void:
	_mcp = mcp
	name = "MCP"
	_add_state_row()
	_add_client_row()
	_add_calls()
	_timer.wait_time = REFRESH_SECONDS
	_timer.timeout.connect(refresh)
	add_child(_timer)


func _ready() -> void:
	var unit: float = EditorInterface.get_editor_scale()
	_calls.set_column_custom_minimum_width(Column.TOOL, roundi(140.0 * unit))
	_calls.set_column_custom_minimum_width(Column.TIME, roundi(76.0 * unit))
	_token.custom_minimum_size.x = 160.0 * unit
	_copy.icon = get_theme_icon(&"ActionCopy", &"EditorIcons")
	_hide_token()
	visibility_changed.connect(_hide_token)
	_timer.start()
	refresh()


## Shows the server as it is now.
func refresh() -> void:
	if not is_inside_tree() or not is_visible_in_tree():
		return
	var server: ExecuTorchMCPServer = _mcp.server
	_state.text = server.get_url().trim_prefix("http://") if server != null else OFF
	var icon: StringName = OK_ICON if server != null else &"Pause"
	if not _mcp.failure.is_empty():
		_state.text = _mcp.failure
		icon = ERROR_ICON
	_state.tooltip_text = server.get_url() if server != null else _state.text
	_icon.texture = get_theme_icon(icon, &"EditorIcons")
	_toggle.text = "Stop" if _is_wanted() else "Start"
	_toggle.icon = get_theme_icon(&"Stop" if _is_wanted() else &"Play", &"EditorIcons")
	_toggle.tooltip_text = START_TIP if not _is_wanted() else "Ends all connections."
	_show_port(int(str(Settings.read_from_editor(Settings.MCP_PORT))))
	_token_row.visible = server != null
	_token.text = server.token if server != null else ""
	_allow_write.set_pressed_no_signal(Settings.read_from_editor(Settings.MCP_ALLOW_WRITE))
	_show_activity(_mcp.activity if server != null else null)


## The text that an entry of the Copy menu copies (an id of `Copy`; from ENTRY on, one for each client).
func get_copied_text(id: int) -> String:
	var url: String = _mcp.server.get_url() if _mcp.server != null else ""
	match id:
		Copy.ADDRESS:
			return url
		Copy.TOKEN:
			# The file may have been removed while the server runs.
			var server: ExecuTorchMCPServer = _mcp.server
			return server.token if server != null else McpCredentials.load_or_make_token()
	var client: String = McpClientEntries.CLIENTS.keys()[id - Copy.ENTRY]
	return McpClientEntries.text_for(client, url, _token_file())


## No number for a port that the system chooses; what a person types there stays.
func _show_port(port: int) -> void:
	_port.set_value_no_signal(port)
	if port == 0 and not _port.get_line_edit().has_focus():
		_port.get_line_edit().text = ""


func _show_activity(activity: McpActivity) -> void:
	var version: int = activity.version if activity != null else -2
	if activity == _shown_activity and version == _shown_version:
		return
	_shown_activity = activity
	_shown_version = version
	var names: PackedStringArray = activity.clients if activity != null else PackedStringArray()
	var without_clients: String = "No client is connected." if activity != null else ""
	_clients.text = ", ".join(names) if not names.is_empty() else without_clients
	_clients.tooltip_text = "Connected clients:\n" + "\n".join(names) if not names.is_empty() else ""
	_calls.clear()
	var root: TreeItem = _calls.create_item()
	var calls: Array[Dictionary] = activity.calls if activity != null else ([] as Array[Dictionary])
	_empty.visible = calls.is_empty()
	_empty.text = NO_CALLS if activity != null else WHAT_FOR
	_calls.column_titles_visible = not calls.is_empty()
	for call_of: Dictionary in calls:
		var row: TreeItem = _calls.create_item(root)
		row.set_icon(Column.TOOL, get_theme_icon(OK_ICON if call_of["ok"] else ERROR_ICON, &"EditorIcons"))
		row.set_text(Column.TOOL, str(call_of["tool"]))
		row.set_text(Column.TEXT, str(call_of["text"]).replace("\n", " "))
		row.set_tooltip_text(Column.TEXT, str(call_of["text"]))
		row.set_text(Column.TIME, str(call_of["time"]))


func _is_wanted() -> bool:
	return Settings.read_from_editor(Settings.MCP_RUN_IN_EDITOR)


func _on_toggled() -> void:
	_mcp.switch(not _is_wanted())
	refresh()


func _set_setting(setting: String, value: Variant) -> void:
	Settings.write_to_editor(setting, value)
	refresh()


func _add_state_row() -> void:
	var row: HBoxContainer = HBoxContainer.new()
	add_child(row)
	_icon.stretch_mode = TextureRect.STRETCH_KEEP_CENTERED
	row.add_child(_icon)
	_state.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_state.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
	_state.mouse_filter = Control.MOUSE_FILTER_PASS
	row.add_child(_state)
	var port_words: Label = Label.new()
	port_words.text = "Port"
	row.add_child(port_words)
	_port.max_value = 65535.0
	_port.get_line_edit().placeholder_text = "Auto"
	_port.tooltip_text = "Empty or 0: the system chooses a port, which this project then keeps: clients store it."
	_port.value_changed.connect(func(value: float) -> void: _set_setting(Settings.MCP_PORT, int(value)))
	row.add_child(_port)
	_allow_write.text = "Allow changes"
	_allow_write.tooltip_text = (
		"Off: assistants can inspect and run models.\n" + "On: they can also call tools that change something."
	)
	_allow_write.toggled.connect(func(on: bool) -> void: _set_setting(Settings.MCP_ALLOW_WRITE, on))
	row.add_child(_allow_write)
	_toggle.pressed.connect(_on_toggled)
	row.add_child(_toggle)


func _add_client_row() -> void:
	var row: HBoxContainer = HBoxContainer.new()
	add_child(row)
	_clients.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_clients.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
	_clients.mouse_filter = Control.MOUSE_FILTER_PASS
	row.add_child(_clients)
	_add_token()
	row.add_child(_token_row)
	_copy.text = "Copy…"
	_copy.flat = false
	_copy.tooltip_text = (
		"Copies the address, the token or a client's configuration. Keep the token private. It is stored in\n%s"
		% _token_file()
	)
	_copy.get_popup().add_item("Address", Copy.ADDRESS)
	_copy.get_popup().add_item("Token", Copy.TOKEN)
	_copy.get_popup().add_separator("Configuration for", 1000)
	for client: String in McpClientEntries.CLIENTS:
		_copy.get_popup().add_item(client, Copy.ENTRY + McpClientEntries.CLIENTS.keys().find(client))
		_copy.get_popup().set_item_tooltip(-1, McpClientEntries.CLIENTS[client])
	_copy.about_to_popup.connect(_prepare_copies)
	_copy.get_popup().id_pressed.connect(_on_copied)
	row.add_child(_copy)


func _on_copied(id: int) -> void:
	DisplayServer.clipboard_set(get_copied_text(id))
	var what: String = _copy.get_popup().get_item_text(_copy.get_popup().get_item_index(id))
	var words: String = "%s copied." % what if id < Copy.ENTRY else "Configuration for %s copied." % what
	EditorInterface.get_editor_toaster().push_toast(words)


func _add_token() -> void:
	var words: Label = Label.new()
	words.text = "Token"
	_token_row.add_child(words)
	_token.editable = false
	_token.tooltip_text = "The token that clients send. Keep it private. It is stored in\n%s" % _token_file()
	_token_row.add_child(_token)
	_reveal.flat = true
	_reveal.toggle_mode = true
	_reveal.tooltip_text = "Show the token"
	_reveal.toggled.connect(_show_token)
	_token_row.add_child(_reveal)


## Hides a token that was shown before the page is left.
func _hide_token() -> void:
	_reveal.set_pressed_no_signal(false)
	_show_token(false)


func _show_token(shown: bool) -> void:
	_token.secret = not shown
	_reveal.icon = get_theme_icon(&"GuiVisibilityVisible" if shown else &"GuiVisibilityHidden", &"EditorIcons")


func _add_calls() -> void:
	_calls.columns = Column.size()
	_calls.hide_root = true
	_calls.hide_folding = true
	_calls.select_mode = Tree.SELECT_ROW
	_calls.size_flags_vertical = Control.SIZE_EXPAND_FILL
	var titles: PackedStringArray = ["Tool", "Arguments or error", "Time"]
	for column: int in titles.size():
		_calls.set_column_title(column, titles[column])
		_calls.set_column_title_alignment(column, HORIZONTAL_ALIGNMENT_LEFT)
		_calls.set_column_clip_content(column, true)
	_calls.set_column_expand(Column.TIME, false)
	_calls.set_column_expand_ratio(Column.TOOL, 3)
	_calls.set_column_expand_ratio(Column.TEXT, 5)
	add_child(_calls)
	_empty.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	_empty.horizontal_alignment = HORIZONTAL_ALIGNMENT_CENTER
	_empty.vertical_alignment = VERTICAL_ALIGNMENT_CENTER
	_empty.mouse_filter = Control.MOUSE_FILTER_IGNORE
	_empty.set_anchors_and_offsets_preset(Control.PRESET_FULL_RECT)
	_calls.add_child(_empty)


## The address can be copied only while the server runs; the Python server's entry does not need it.
func _prepare_copies() -> void:
	var popup: PopupMenu = _copy.get_popup()
	for index: int in popup.item_count:
		var needs_address: bool = popup.get_item_id(index) not in [Copy.TOKEN, Copy.ENTRY]
		popup.set_item_disabled(index, needs_address and _mcp.server == null)


static func _token_file() -> String:
	return McpCredentials.folder().path_join(McpCredentials.TOKEN_FILE)
