@tool
extends EditorExportPlugin
## Adds the programs of the exported models to the export, because Godot itself takes only the resource of an imported
## file. Leaves out the addon's editor part, and in a release MCP and telemetry.

const GameSettings := preload("res://addons/executorch/runtime/library/project_settings.gd")
const ModelExtensions := preload("res://addons/executorch/runtime/library/model_extensions.gd")
const ProgramChoice := preload("res://addons/executorch/runtime/loading/program_choice.gd")
const LibraryCheck := preload("res://addons/executorch/editor/shared/library_check.gd")
const ModelUses := preload("model_uses.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")

const ADDON: String = "res://addons/executorch/"
## Parts of the addon that only an editor can run.
const EDITOR_ONLY: PackedStringArray = ["editor/", "plugin.gd"]
## The scripts that a release contains only when the project allows it, and their classes, which scripts may use.
const MCP: String = "runtime/mcp/"
const MCP_CLASSES: PackedStringArray = ["ExecuTorchMCPServer", "ExecuTorchMCPCall"]
## The scripts that only debug builds and games started by an editor use.
const DEBUG_ONLY: PackedStringArray = ["runtime/telemetry/", "runtime/loading/live_reload.gd"]
const RESOURCE_EXTENSIONS: PackedStringArray = ["tres", "res"]

var _jobs: Jobs
var _added: PackedStringArray = []
var _left_out: PackedStringArray = []
var _uses: ModelUses
var _is_library_checked: bool = false


func _init(jobs: Jobs = null) -> void:
	_jobs = jobs


func _get_name() -> String:
	return "ExecuTorch"


func _export_begin(_features: PackedStringArray, is_debug: bool, _path: String, _flags: int) -> void:
	_added.clear()
	_uses = null
	_is_library_checked = false
	_left_out = EDITOR_ONLY.duplicate()
	if not is_debug:
		_left_out.append_array(DEBUG_ONLY)
		if not GameSettings.read(GameSettings.MCP_ALLOW_IN_RELEASE):
			_left_out.append(MCP)
	# A headless export begins before anybody else hears that the first scan is over.
	_jobs.resume()


func _export_file(path: String, type: String, features: PackedStringArray) -> void:
	for part: String in _left_out:
		if path.begins_with(ADDON + part):
			skip()
			return
	if MCP in _left_out:
		_warn_of_mcp_classes(path)
	var is_resource: bool = type == "Resource" and path.get_extension().to_lower() in RESOURCE_EXTENSIONS
	if not is_resource and not ModelExtensions.is_model(path):
		return
	var model: ExecuTorchResource = ResourceLoader.load(path) as ExecuTorchResource
	if model == null:
		return
	if model.state == ExecuTorchResource.State.PENDING or model.state == ExecuTorchResource.State.FAILED:
		_leave_out(path, _unfinished(model))
		return
	_check_library(features)
	var version: ExecuTorchResource.ModelVersion = model.get_version()
	var recipes: PackedStringArray = ExecuTorchResource.Versions.recipes_of(model.metadata)
	var systems: Array[Array] = ExecuTorchResource.Versions.systems_of(model.metadata)
	var allowed: PackedInt32Array = ProgramChoice.allowed_of(recipes, systems, features.has)
	if allowed.is_empty():
		_leave_out(path, _foreign(version, recipes, systems, features))
		return
	for index: int in allowed:
		if not str(version.programs[index]["place"]).is_empty():
			_add(path, str(version.programs[index]["place"]))
	for external: String in version.external_places:
		_add(path, external)


## A game that has models and no library to run them would fail on the player's machine.
func _check_library(features: PackedStringArray) -> void:
	if _is_library_checked:
		return
	_is_library_checked = true
	var why: String = LibraryCheck.find_missing(features)
	if not why.is_empty():
		_jobs.failures.note_export()
		var remedy: String = "Leave the models out of this preset; docs/platforms.md of the addon says what can be built."
		get_export_platform().add_message(
			EditorExportPlatform.EXPORT_MESSAGE_ERROR, "ExecuTorch", "%s %s" % [why, remedy]
		)


## A script or scene that names a class which is not exported would not load in the game.
func _warn_of_mcp_classes(path: String) -> void:
	if path.begins_with(ADDON) or not path.get_extension() in ["gd", "tscn"]:
		return
	var text: String = FileAccess.get_file_as_string(path)
	for name: String in MCP_CLASSES:
		if text.contains(name):
			var what: String = "%s uses %s, which this export does not have: turn on %s, or use ExecuTorchMCP.server."
			get_export_platform().add_message(
				EditorExportPlatform.EXPORT_MESSAGE_WARNING,
				"ExecuTorch",
				what % [path, name, GameSettings.MCP_ALLOW_IN_RELEASE]
			)
			return


func _add(model_path: String, payload_path: String) -> void:
	if payload_path in _added:
		return
	_added.append(payload_path)
	var bytes: PackedByteArray = FileAccess.get_file_as_bytes(payload_path)
	if bytes.is_empty():
		_refuse(model_path, "its program %s cannot be read. Import the model again." % payload_path)
	else:
		add_file(payload_path, bytes, false)


func _unfinished(model: ExecuTorchResource) -> String:
	if model.state == ExecuTorchResource.State.FAILED:
		return "its conversion failed: %s %s" % [model.error.get("cause", ""), model.error.get("remedy", "")]
	return "it is still being converted. Export again when the ExecuTorch panel shows it as done."


func _foreign(
	version: ExecuTorchResource.ModelVersion,
	recipes: PackedStringArray,
	systems: Array[Array],
	features: PackedStringArray
) -> String:
	var programs: PackedStringArray = []
	for index: int in recipes.size():
		var names: PackedStringArray = systems[index].map(LibraryCheck.platform_of)
		var backends: String = ", ".join(_backends_of(version.programs[index]["metadata"]))
		programs.append("%s (%s) runs on %s" % [recipes[index], backends, " and ".join(names)])
	var wanted: String = LibraryCheck.name_of(features)
	var remedy: String = "Import it with the recipe auto and %s as a variant." % recipes[0]
	if recipes[0] == "as_is":
		remedy = "Make a program of XNNPACK or the portable kernels for this platform."
	return "none of its programs runs on %s: %s. %s" % [wanted, ", ".join(programs), remedy]


func _backends_of(metadata: Dictionary) -> PackedStringArray:
	var names: PackedStringArray = []
	for method: Dictionary in metadata.get("methods", []) as Array:
		for delegate: Dictionary in method.get("delegates", []) as Array:
			if str(delegate["backend"]) not in names:
				names.append(str(delegate["backend"]))
	return names


## A model without a program is never exported. It is an error when the game uses it, or the preset names it.
func _leave_out(path: String, why: String) -> void:
	skip()
	if _uses == null:
		_uses = ModelUses.new()
	var user: String = _uses.find_user(path)
	if not user.is_empty():
		_refuse(path, "%s %s uses it." % [why, user])
	elif _is_selected():
		_refuse(path, "%s The export preset selects it." % why)
	else:
		_jobs.failures.excuse(path)
		_tell(path, "%s No scene, resource or script uses it." % why, EditorExportPlatform.EXPORT_MESSAGE_WARNING)


## Whether the export preset exports selected files only: then each file was selected, or a selected one uses it.
func _is_selected() -> bool:
	var preset: EditorExportPreset = get_export_preset()
	return preset != null and preset.get_export_filter() != EditorExportPreset.EXPORT_ALL_RESOURCES


func _refuse(path: String, why: String) -> void:
	_jobs.failures.note_export()
	_tell(path, "%s [NOT_EXPORTED]" % why, EditorExportPlatform.EXPORT_MESSAGE_ERROR)


func _tell(path: String, why: String, severity: EditorExportPlatform.ExportMessageType) -> void:
	get_export_platform().add_message(severity, "ExecuTorch", "%s is not exported: %s" % [path, why])
