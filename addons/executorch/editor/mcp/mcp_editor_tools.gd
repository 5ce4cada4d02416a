@tool
extends RefCounted
## Tools that only an editor has, offered beside those of every server.

const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const Job := preload("res://addons/executorch/editor/jobs/job.gd")
const MAX_WAIT_MSEC: int = 30000

var _jobs: Jobs


func _init(jobs: Jobs = null) -> void:
	_jobs = jobs


func add_to(server: ExecuTorchMCPServer) -> void:
	var output: Dictionary = {
		"type": "object",
		"properties": {"importing": {"type": "array", "items": {"type": "string"}}},
		"required": ["importing"],
	}
	(
		server
		. add_tool(
			"rescan_files",
			(
				"Lets the editor find new and changed files and import them, as it does when its window gets the "
				+ "focus. Returns at once; `importing` names models that are still being converted (list_models has their state)."
			),
			{"properties": {}, "additionalProperties": false},
			_rescan_files,
			{"title": "Look for new files", "output_schema": output, "write": true}
		)
	)


func _rescan_files() -> Dictionary:
	var files: EditorFileSystem = EditorInterface.get_resource_filesystem()
	var tree: SceneTree = EditorInterface.get_base_control().get_tree()
	var end: int = Time.get_ticks_msec() + MAX_WAIT_MSEC
	if not files.is_scanning():
		files.scan()
	# The scan begins in a later frame, and imports when it is done.
	await tree.process_frame
	while files.is_scanning() and Time.get_ticks_msec() < end:
		await tree.process_frame
	await tree.process_frame
	var importing: Array = []
	for job: Job in _jobs.get_jobs():
		if job.state < Job.State.DONE:
			importing.append(job.path)
	return {"importing": importing}
