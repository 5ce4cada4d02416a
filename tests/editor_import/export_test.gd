@tool
extends "res://tests/case.gd"
## Which files an export takes along; tests/editor_import/test_first_open_and_export.py plays what was exported.

const ExportPlugin := preload("res://addons/executorch/editor/export/payload_export_plugin.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")


func test_the_program_of_a_file_with_capital_letters_is_exported() -> void:
	var path: String = "res://models/LOUD.PT"
	DirAccess.copy_absolute("res://models/linear.pt", path)
	var filesystem: EditorFileSystem = EditorInterface.get_resource_filesystem()
	filesystem.update_file(path)
	filesystem.reimport_files(PackedStringArray([path]))
	var model: ExecuTorchResource = load(path)
	check_equal(model.state, ExecuTorchResource.State.READY)
	var jobs: Jobs = get_tree().root.find_child("ExecuTorchJobs", true, false)
	var plugin: ExportPlugin = ExportPlugin.new(jobs)
	plugin._export_file(path, "Resource", PackedStringArray(["linux", "release", "x86_64"]))
	check_equal(plugin.get("_added"), PackedStringArray([model.payload_path]))
