@tool
extends EditorExportPlugin
## Adds the programs of the exported models to the export: Godot itself takes only the resource of an imported file.

const ADDON: String = "res://addons/executorch/"
## Parts of the addon that only an editor can run.
const EDITOR_ONLY: PackedStringArray = ["editor/", "plugin.gd"]
const RESOURCE_EXTENSIONS: PackedStringArray = ["tres", "res"]
const MODEL_EXTENSIONS: PackedStringArray = ["pte", "pt", "pt2", "pth", "safetensors"]

var _jobs: ExecuTorchJobs
var _added: PackedStringArray = []


func _init(jobs: ExecuTorchJobs = null) -> void:
	_jobs = jobs


func _get_name() -> String:
	return "ExecuTorch"


func _export_begin(_features: PackedStringArray, _is_debug: bool, _path: String, _flags: int) -> void:
	_added.clear()
	# A headless export begins before anybody else hears that the first scan is over.
	_jobs.resume()


func _export_file(path: String, type: String, _features: PackedStringArray) -> void:
	for part: String in EDITOR_ONLY:
		if path.begins_with(ADDON + part):
			skip()
			return
	var extension: String = path.get_extension().to_lower()
	var may_hold_model: bool = extension in MODEL_EXTENSIONS
	may_hold_model = may_hold_model or (extension in RESOURCE_EXTENSIONS and type == "Resource")
	if not may_hold_model:
		return
	var model: ExecuTorchResource = ResourceLoader.load(path) as ExecuTorchResource
	if model == null:
		return
	if model.state == ExecuTorchResource.State.PENDING or model.state == ExecuTorchResource.State.FAILED:
		_refuse(path, model)
		return
	if not model.payload_path.is_empty():
		_add(path, model.get_absolute_path(model.payload_path))
	for external: String in model.external_paths:
		_add(path, model.get_absolute_path(external))


func _add(model_path: String, payload_path: String) -> void:
	if payload_path in _added:
		return
	_added.append(payload_path)
	var bytes: PackedByteArray = FileAccess.get_file_as_bytes(payload_path)
	if bytes.is_empty():
		_tell(model_path, "its payload %s cannot be read. Import the model again." % payload_path)
	else:
		add_file(payload_path, bytes, false)


func _refuse(path: String, model: ExecuTorchResource) -> void:
	if model.state == ExecuTorchResource.State.PENDING:
		_tell(path, "it is still being converted. Export again when the ExecuTorch dock shows it as done.")
	else:
		_tell(path, "its conversion failed: %s %s" % [model.error.get("cause", ""), model.error.get("remedy", "")])


func _tell(path: String, what: String) -> void:
	# A failure of this very run was told already.
	var is_known: bool = not _jobs.get_failure(path).is_empty()
	var severity: int = (
		EditorExportPlatform.EXPORT_MESSAGE_WARNING if is_known else EditorExportPlatform.EXPORT_MESSAGE_ERROR
	)
	var text: String = "%s is not exported: %s" % [path, what]
	get_export_platform().add_message(severity as EditorExportPlatform.ExportMessageType, "ExecuTorch", text)
	if not is_known:
		_jobs.note_failure(path, "", {"code": "NOT_EXPORTED", "cause": what, "remedy": ""})
