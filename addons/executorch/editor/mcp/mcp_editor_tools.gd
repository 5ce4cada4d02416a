@tool
extends RefCounted
## Tools that only an editor has, offered beside those of every server.

const MAX_WAIT_MSEC: int = 30000


static func add_to(server: ExecuTorchMCPServer) -> void:
	var output: Dictionary = {
		"type": "object",
		"properties": {"importing": {"type": "array", "items": {"type": "string"}}},
		"required": ["importing"],
	}
	server.add_tool(
		"rescan_files",
		(
			"Lets the editor look for new and changed files and import them, as it does when its window gets the "
			+ "focus. Returns at once; `importing` names models whose conversion goes on (list_models has their state)."
		),
		{"properties": {}, "additionalProperties": false},
		_rescan_files,
		{"title": "Look for new files", "output_schema": output, "write": true}
	)


static func _rescan_files() -> Dictionary:
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
	var jobs: ExecuTorchJobs = tree.root.find_child("ExecuTorchJobs", true, false) as ExecuTorchJobs
	for job: ExecuTorchJob in jobs.get_jobs() if jobs != null else []:
		if job.state < ExecuTorchJob.State.DONE:
			importing.append(job.path)
	return {"importing": importing}
