@tool
extends MarginContainer
## The bottom panel "ExecuTorch": a page for conversions and their log, one for the Python that converts, one for the
## MCP server. The state of the Python process stands above the first two.

signal setup_requested

enum Page { CONVERSIONS, ENVIRONMENT, MCP }

const JobsTable := preload("jobs_table.gd")
const JobLog := preload("job_log.gd")
const BackendBar := preload("backend_bar.gd")
const DoctorView := preload("doctor_view.gd")
const McpEditorServer := preload("res://addons/executorch/editor/mcp/mcp_editor_server.gd")
const McpView := preload("res://addons/executorch/editor/mcp/mcp_view.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")

var _jobs: Jobs
var _bar: BackendBar
var _table: JobsTable
var _log: JobLog = JobLog.new()
var _doctor: DoctorView
var _column: VBoxContainer = VBoxContainer.new()
var _head: HBoxContainer = HBoxContainer.new()
var _tabs: TabBar = TabBar.new()
var _clear: Button = Button.new()
var _pages: Array[Control] = []


func _init(jobs: Jobs = null, mcp: McpEditorServer = null) -> void:
	_jobs = jobs
	name = "ExecuTorch"
	add_child(_column)
	_add_head()
	_add_conversions()
	_doctor = DoctorView.new(jobs)
	_doctor.setup_requested.connect(setup_requested.emit)
	_add_page("Environment", _doctor)
	_add_page("MCP", McpView.new(mcp))
	_tabs.tab_changed.connect(_on_tab_changed)
	_show_page(Page.CONVERSIONS)


func _ready() -> void:
	var unit: float = EditorInterface.get_editor_scale()
	custom_minimum_size.y = 220.0 * unit
	for side: StringName in [&"margin_left", &"margin_right"]:
		add_theme_constant_override(side, roundi(4.0 * unit))
	_head.add_theme_constant_override(&"separation", roundi(12.0 * unit))
	_clear.icon = get_theme_icon(&"Clear", &"EditorIcons")


func show_page(page: Page) -> void:
	_tabs.current_tab = page


## Selects the latest job of a model and shows its log.
func show_job_of(path: String) -> void:
	show_page(Page.CONVERSIONS)
	_table.select_job(_jobs.find_job(path))


func _add_head() -> void:
	_column.add_child(_head)
	_tabs.clip_tabs = false
	_tabs.size_flags_vertical = Control.SIZE_SHRINK_END
	_head.add_child(_tabs)
	_bar = BackendBar.new(_jobs)
	_bar.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_bar.setup_requested.connect(setup_requested.emit)
	_head.add_child(_bar)


func _add_conversions() -> void:
	var split: HSplitContainer = HSplitContainer.new()
	_table = JobsTable.new(_jobs)
	_table.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_table.size_flags_stretch_ratio = 1.4
	_table.job_selected.connect(_log.show_job)
	split.add_child(_table)
	_log.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	split.add_child(_log)
	_clear.text = "Clear Finished"
	_clear.tooltip_text = "Removes the conversions that have ended from the list. The models stay."
	_clear.pressed.connect(func() -> void: _jobs.clear_finished())
	_log.add_button(_clear)
	_add_page("Conversions", split)


func _add_page(title: String, page: Control) -> void:
	_tabs.add_tab(title)
	page.size_flags_vertical = Control.SIZE_EXPAND_FILL
	_pages.append(page)
	_column.add_child(page)


func _on_tab_changed(tab: int) -> void:
	_show_page(tab)
	if tab == Page.ENVIRONMENT and not _doctor.has_checked():
		_doctor.check()


func _show_page(shown: int) -> void:
	for index: int in _pages.size():
		_pages[index].visible = index == shown
	# Another Start and Stop would stand beside the server's.
	_bar.visible = shown != Page.MCP
