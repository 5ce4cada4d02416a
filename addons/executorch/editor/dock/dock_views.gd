@tool
extends RefCounted
## Registers the bottom panel and the windows that belong to it. `plugin.gd` starts and stops it.

const DockPanel := preload("dock_panel.gd")
const SetupWindow := preload("res://addons/executorch/editor/setup/setup_window.gd")
const Backend := preload("res://addons/executorch/editor/backend/python_backend.gd")

## The part that is running, for the inspector's "Show Log"; null in an editor without it.
static var running: RefCounted

var _panel: DockPanel
var _setup: SetupWindow
var _jobs: ExecuTorchJobs
## The window opens by itself once in a run of the editor: a person who closed it knows.
var _offered: bool = false
var _plugin: EditorPlugin


## Adds the panel to the editor.
func start(plugin: EditorPlugin, jobs: ExecuTorchJobs) -> void:
	_plugin = plugin
	running = self
	_panel = DockPanel.new(jobs)
	plugin.add_control_to_bottom_panel(_panel, "ExecuTorch")
	_setup = SetupWindow.new(jobs)
	EditorInterface.get_base_control().add_child(_setup)
	_panel.setup_requested.connect(_setup.open)
	_jobs = jobs
	_jobs.backend_state_changed.connect(_offer_setup)


## Takes it away.
func stop(plugin: EditorPlugin) -> void:
	plugin.remove_control_from_bottom_panel(_panel)
	_panel.queue_free()
	_setup.queue_free()
	_jobs.backend_state_changed.disconnect(_offer_setup)
	running = null
	_panel = null


## Opens the panel at the log of a model's latest conversion.
func show_job_of(path: String) -> void:
	_plugin.make_bottom_panel_item_visible(_panel)
	_panel.show_job_of(path)


func _offer_setup() -> void:
	var state: int = _jobs.get_backend_state()
	var environment: Dictionary = _jobs.get_backend_info().get("environment", {})
	var lacking: bool = state == Backend.State.READY and not environment.get("ok", true)
	if (lacking or state == Backend.State.FAILED) and not _offered and DisplayServer.get_name() != "headless":
		_offered = true
		_setup.open.call_deferred()
