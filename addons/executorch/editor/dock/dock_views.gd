@tool
extends RefCounted
## Registers the bottom panel and the windows that belong to it.

const DockPanel := preload("dock_panel.gd")
const SetupWindow := preload("res://addons/executorch/editor/setup/setup_window.gd")
const McpEditorServer := preload("res://addons/executorch/editor/mcp/mcp_editor_server.gd")
const Backend := preload("res://addons/executorch/editor/backend/python_backend.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const Job := preload("res://addons/executorch/editor/jobs/job.gd")

var _panel: DockPanel
var _setup: SetupWindow
var _jobs: Jobs
## The window opens once in a run of the editor; it is not opened again after a person closed it.
var _offered: bool = false
var _has_told: bool = false
var _has_told_of_waiting: bool = false
var _plugin: EditorPlugin


## Adds the panel to the editor.
func _init(plugin: EditorPlugin = null, jobs: Jobs = null, mcp: McpEditorServer = null) -> void:
	_plugin = plugin
	_panel = DockPanel.new(jobs, mcp)
	plugin.add_control_to_bottom_panel(_panel, "ExecuTorch")
	_setup = SetupWindow.new(jobs)
	EditorInterface.get_base_control().add_child(_setup)
	_panel.setup_requested.connect(_setup.open)
	_jobs = jobs
	_jobs.backend_state_changed.connect(_offer_setup)
	_jobs.job_changed.connect(_tell_start)
	_jobs.job_finished.connect(_tell_failure)


## Takes it away.
func stop() -> void:
	_plugin.remove_control_from_bottom_panel(_panel)
	_panel.queue_free()
	_setup.queue_free()
	_jobs.backend_state_changed.disconnect(_offer_setup)
	_jobs.job_changed.disconnect(_tell_start)
	_jobs.job_finished.disconnect(_tell_failure)
	_panel = null


## Opens the panel at the log of a model's latest conversion.
func show_job_of(path: String) -> void:
	_plugin.make_bottom_panel_item_visible(_panel)
	_panel.show_job_of(path)


## Opens the window that sets up Python.
func open_setup() -> void:
	_setup.open()


## Once in a run of the editor: a person who does not see the panel would not know that a conversion runs or waits.
func _tell_start(job: Job) -> void:
	if _panel.is_visible_in_tree():
		return
	if job.state == Job.State.RUNNING and job.stage != "install" and not _has_told:
		_has_told = true
		_toast("%s is being converted; the ExecuTorch panel shows how far it is." % job.path.get_file())
	elif job.waits_for_python() and not _has_told_of_waiting and not _setup.visible:
		_has_told_of_waiting = true
		_toast("%s waits for Python; press Set Up in the ExecuTorch panel." % job.path.get_file())


func _tell_failure(job: Job) -> void:
	if job.state == Job.State.FAILED and not _panel.is_visible_in_tree() and not _setup.visible:
		var words: String = "%s could not be converted; the ExecuTorch panel says why." % job.path.get_file()
		_toast(words, EditorToaster.SEVERITY_ERROR, str(job.error.get("cause", "")))


func _toast(words: String, severity: EditorToaster.Severity = EditorToaster.SEVERITY_INFO, tip: String = "") -> void:
	EditorInterface.get_editor_toaster().push_toast(words, severity, tip)


func _offer_setup() -> void:
	var state: int = _jobs.get_backend_state()
	var environment: Dictionary = _jobs.get_backend_info().get("environment", {})
	var lacking: bool = state == Backend.State.READY and not environment.get("ok", true)
	if (lacking or state == Backend.State.FAILED) and not _offered and DisplayServer.get_name() != "headless":
		_offered = true
		_setup.open.call_deferred()
