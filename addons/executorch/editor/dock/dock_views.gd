@tool
extends RefCounted
## Registers the bottom panel and the windows that belong to it. `plugin.gd` starts and stops it.

const DockPanel := preload("dock_panel.gd")

## The part that is running, for the inspector's "Show Log"; null in an editor without it.
static var running: RefCounted

var _panel: DockPanel
var _button: Button
var _plugin: EditorPlugin


## Adds the panel to the editor.
func start(plugin: EditorPlugin, jobs: ExecuTorchJobs) -> void:
	_plugin = plugin
	running = self
	_panel = DockPanel.new(jobs)
	_button = plugin.add_control_to_bottom_panel(_panel, "ExecuTorch")


## Takes it away.
func stop(plugin: EditorPlugin) -> void:
	plugin.remove_control_from_bottom_panel(_panel)
	_panel.queue_free()
	running = null
	_panel = null


## Opens the panel at the log of a model's latest conversion.
func show_job_of(path: String) -> void:
	_plugin.make_bottom_panel_item_visible(_panel)
	_panel.show_job_of(path)
