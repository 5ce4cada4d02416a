@tool
extends "res://tests/editor/views.gd"
## The bottom panel: jobs with their log, and the Python process.

const DoctorView := preload("res://addons/executorch/editor/dock/doctor_view.gd")
const Backend := preload("res://addons/executorch/editor/backend/python_backend.gd")
const JobsTable := preload("res://addons/executorch/editor/dock/jobs_table.gd")
const Job := preload("res://addons/executorch/editor/jobs/job.gd")
const BROKEN: String = "res://models/broken.pt"


func test_failed_import_can_be_read_retried_and_cleared() -> void:
	expect_error("broken.pt could not be imported")
	var file: FileAccess = FileAccess.open(BROKEN, FileAccess.WRITE)
	file.store_string("this is not a model")
	file.close()
	await _import(BROKEN)
	var jobs: Jobs = find_jobs()
	var failed: Callable = func() -> bool:
		var job: Job = jobs.find_job(BROKEN)
		return job != null and job.state == Job.State.FAILED
	if not await wait_until(failed, 60.0, "the failure"):
		return
	var panel: Node = find_by_script(get_tree().root, DOCK_PANEL)
	check(_rows(panel).contains("broken.pt | Failed"), _rows(panel))
	panel.call("show_job_of", BROKEN)
	await get_tree().process_frame
	var log_text: String = _log(panel)
	check(log_text.contains(str(jobs.find_job(BROKEN).error["cause"])), log_text)
	check(log_text.contains(str(jobs.find_job(BROKEN).error["remedy"])), log_text)
	var view: Control = await inspect(BROKEN)
	check(text_of(view).contains("Failed"), text_of(view))
	check(text_of(view).contains("Recipe"), "no options to correct it with")
	var first: Job = jobs.find_job(BROKEN)
	find_button(view, "Try Again").pressed.emit()
	check(jobs.find_job(BROKEN) != first, "no new job")
	await wait_until(failed, 60.0, "the second failure")
	await get_tree().process_frame
	DirAccess.remove_absolute(ProjectSettings.globalize_path(BROKEN))
	DirAccess.remove_absolute(ProjectSettings.globalize_path(BROKEN + ".import"))
	jobs.clear_finished()
	check(not _rows(panel).contains("broken.pt"), _rows(panel))


func test_doctor_lists_python_and_its_packages() -> void:
	var panel: Node = find_by_script(get_tree().root, DOCK_PANEL)
	panel.call("show_page", 1)
	var doctor: DoctorView = find_by_script(panel, "res://addons/executorch/editor/dock/doctor_view.gd") as DoctorView
	if await wait_until(func() -> bool: return doctor.get_text().contains("torch"), 60.0, "the checks"):
		check(doctor.get_text().contains("executorch"), doctor.get_text())
	doctor.show_checks([{"name": "torch", "ok": false, "found": "not installed", "remedy": "Press Set Up."}])
	check(doctor.get_text().contains("Press Set Up."), "the remedy is missing: " + doctor.get_text())


func test_backend_is_stopped_and_started() -> void:
	var jobs: Jobs = find_jobs()
	var bar: Node = find_by_script(get_tree().root, "res://addons/executorch/editor/dock/backend_bar.gd")
	jobs.start_backend()
	var is_ready: Callable = func() -> bool: return jobs.get_backend_state() == Backend.State.READY
	if not await wait_until(is_ready, 60.0, "the backend"):
		return
	check(_state_of(bar).contains("ready"), _state_of(bar))
	_find_by_tip(bar, "Stops ").pressed.emit()
	await wait_until(func() -> bool: return jobs.get_backend_state() == Backend.State.STOPPED, 20.0, "the end")
	check(_state_of(bar).contains("starts when"), _state_of(bar))
	find_button(bar, "Start").pressed.emit()
	await wait_until(is_ready, 60.0, "the backend again")


func _import(path: String) -> void:
	EditorInterface.get_resource_filesystem().update_file(path)
	EditorInterface.get_resource_filesystem().reimport_files(PackedStringArray([path]))
	for frame: int in 5:
		await get_tree().process_frame


func _rows(panel: Node) -> String:
	var table: Tree = find_by_script(panel, "res://addons/executorch/editor/dock/jobs_table.gd") as Tree
	return "\n".join(_rows_of(table))


func _log(panel: Node) -> String:
	return str(find_by_script(panel, "res://addons/executorch/editor/dock/job_log.gd").call("get_text"))


func _find_by_tip(bar: Node, tip: String) -> Button:
	for node: Node in bar.find_children("*", "Button", true, false):
		if (node as Button).tooltip_text.begins_with(tip):
			return node as Button
	return null


func _state_of(bar: Node) -> String:
	var words: PackedStringArray = []
	for label: Node in bar.find_children("*", "Label", true, false):
		words.append((label as Label).text)
	return " ".join(words)


func test_what_runs_stands_above_what_has_ended() -> void:
	var table: JobsTable = JobsTable.new(find_jobs())
	add_child(table)
	var made: Array[Job] = []
	for index: int in 3:
		var job: Job = Job.new()
		job.path = "res://models/%d.pt" % index
		made.append(job)
		table.call("_add", job)
	made[1].note("export", 0.5, "")
	made[2].end_with(Job.State.DONE)
	made[2].warning = {"title": "Not calibrated", "cause": "Made-up inputs.", "remedy": "Choose a folder."}
	for job: Job in made:
		table.call("_update", job)
	var shown: PackedStringArray = []
	for row: TreeItem in table.get_root().get_children():
		if row.get_metadata(0) in made:
			shown.append("%s %s" % [row.get_text(0), row.get_text(1)])
	check_equal(shown, PackedStringArray(["1.pt Exporting", "0.pt Waiting", "2.pt Not calibrated"]))
	table.queue_free()


func test_the_log_calls_stages_as_the_table_does() -> void:
	var job: Job = Job.new()
	for step: Array in [["queued", 0.0], ["queued", 0.0], ["lower", 0.1], ["lower", 0.9], ["install", 0.0]]:
		job.note(step[0] as String, step[1] as float, "")
	var words: Array = Array(job.log_lines).map(func(line: String) -> String: return line.get_slice(" s  ", 1))
	check_equal(words, ["Waiting", "Compiling", "Storing"])


func test_what_begins_to_run_is_in_sight() -> void:
	var table: JobsTable = JobsTable.new(find_jobs())
	table.size = Vector2(400.0, 120.0)
	EditorInterface.get_base_control().add_child(table)
	var made: Array[Job] = []
	for index: int in 40:
		made.append(Job.new())
		made[-1].path = "res://models/%d.pt" % index
		table.call("_add", made[-1])
	await get_tree().process_frame
	var last: TreeItem = table.get_root().get_child(-1)
	table.scroll_to_item(last)
	await get_tree().process_frame
	check(table.get_scroll().y > 100.0, "the list is scrolled: %s" % table.get_scroll())
	made[20].note("export", 0.5, "")
	table.call("_update", made[20])
	await get_tree().process_frame
	check_equal(table.get_scroll().y, 0.0)
	check_equal(table.get_root().get_first_child().get_metadata(0), made[20])
	table.queue_free()
