@tool
extends EditorInspectorPlugin
## Puts the model's view at the top of the inspector, in place of its raw properties.

signal graph_requested(model: ExecuTorchResource, method_name: String)
signal profiler_requested(path: String)
signal log_requested(path: String)
signal setup_requested

const ModelView := preload("model_view.gd")
const Settings := preload("res://addons/executorch/editor/shared/import_settings.gd")
const Links := preload("res://addons/executorch/editor/watching/links.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
## Properties that the view shows in its own way.
const SHOWN_BY_VIEW: PackedStringArray = [
	"metadata",
	"payload_path",
	"state",
	"error",
	"payload",
	"optimization_level",
	"memory_policy",
	"memory_limit_bytes",
	"external_paths",
	"variant_paths",
	"variant_data",
]

var _settings: Settings
var _jobs: Jobs
var _links: Links


func _init(settings: Settings = null, jobs: Jobs = null, links: Links = null) -> void:
	_settings = settings
	_jobs = jobs
	_links = links


func _can_handle(object: Object) -> bool:
	return object is ExecuTorchResource


func _parse_begin(object: Object) -> void:
	var view: ModelView = ModelView.new(object as ExecuTorchResource, _settings, _jobs, _links)
	view.graph_requested.connect(graph_requested.emit)
	view.profiler_requested.connect(profiler_requested.emit)
	view.log_requested.connect(log_requested.emit)
	view.setup_requested.connect(setup_requested.emit)
	add_custom_control(view)


func _parse_property(
	object: Object, _type: Variant.Type, name: String, _hint: PropertyHint, _text: String, _usage: int, _wide: bool
) -> bool:
	# A resource that is not imported (made by the importer's command line) is edited by its own properties.
	var imported: bool = Settings.has_options((object as ExecuTorchResource).resource_path)
	return (
		SHOWN_BY_VIEW.has(name)
		and (imported or not name in ["optimization_level", "memory_policy", "memory_limit_bytes"])
	)
