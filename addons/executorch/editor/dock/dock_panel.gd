@tool
extends VBoxContainer
## The bottom panel "ExecuTorch": conversions with their progress and log, the Python process that does them,
## and the MCP server.

signal setup_requested

const JobsTable := preload("jobs_table.gd")
const JobLog := preload("job_log.gd")
const BackendBar := preload("backend_bar.gd")
const DoctorView := preload("doctor_view.gd")
const McpView := preload("res://addons/executorch/editor/mcp/mcp_view.gd")

var _jobs: ExecuTorchJobs
var _bar: BackendBar
var _table: JobsTable
var _log: JobLog
var _doctor: DoctorView
var _tabs: TabContainer = TabContainer.new()
var _split: HSplitContainer = HSplitContainer.new()


func _init(jobs: ExecuTorchJobs = null) -> void:
	_jobs = jobs
	name = "ExecuTorch"
	_bar = BackendBar.new(jobs)
	_table = JobsTable.new(jobs)
	_log = JobLog.new()
	_doctor = DoctorView.new(jobs)
	add_child(_bar)
	_split.size_flags_vertical = Control.SIZE_EXPAND_FILL
	add_child(_split)
	_table.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_table.size_flags_stretch_ratio = 1.4
	_split.add_child(_table)
	_tabs.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	_split.add_child(_tabs)
	_log.name = "Log"
	_tabs.add_child(_log)
	_doctor.name = "Environment"
	_tabs.add_child(_doctor)
	_tabs.add_child(McpView.new())
	_table.job_selected.connect(_log.show_job)
	_bar.setup_requested.connect(setup_requested.emit)
	_doctor.setup_requested.connect(setup_requested.emit)
	_bar.doctor_requested.connect(show_doctor)


func _ready() -> void:
	custom_minimum_size.y = 220.0 * EditorInterface.get_editor_scale()


## Shows the MCP server and its clients.
func show_mcp() -> void:
	_tabs.current_tab = 2


## Selects the latest job of a model and shows its log.
func show_job_of(path: String) -> void:
	_tabs.current_tab = 0
	_table.select_job(_jobs.find_job(path))


## Shows what Python and the packages are, checked anew.
func show_doctor() -> void:
	_tabs.current_tab = 1
	_doctor.check()
