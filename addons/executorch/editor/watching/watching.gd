@tool
extends RefCounted
## Models that follow files outside of the project, and running games that switch to models that were imported again.

const Links := preload("links.gd")
const LiveReload := preload("live_reload_debugger.gd")
const ModelExtensions := preload("res://addons/executorch/runtime/library/model_extensions.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")

var links: Links
var live_reload: LiveReload = LiveReload.new()

var _plugin: EditorPlugin


func _init(plugin: EditorPlugin = null, jobs: Jobs = null) -> void:
	_plugin = plugin
	links = Links.new(jobs)
	plugin.add_debugger_plugin(live_reload)
	EditorInterface.get_resource_filesystem().resources_reimported.connect(_on_reimported)


func stop() -> void:
	EditorInterface.get_resource_filesystem().resources_reimported.disconnect(_on_reimported)
	_plugin.remove_debugger_plugin(live_reload)


func _on_reimported(paths: PackedStringArray) -> void:
	# After the signal: only then the loaded models are the new ones.
	_send_ready.call_deferred(paths)


func _send_ready(paths: PackedStringArray) -> void:
	var ready: PackedStringArray = []
	for path: String in paths:
		var model: ExecuTorchResource = load(path) as ExecuTorchResource if ModelExtensions.is_model(path) else null
		if model != null and model.state == ExecuTorchResource.State.READY:
			ready.append(path)
	live_reload.send(ready)
