@tool
extends "res://tests/case.gd"
## An open editor converts in the background. The cases share one backend, as an editor does.

const ImportSettings := preload("res://addons/executorch/editor/shared/import_settings.gd")
const ImportQueue := preload("res://addons/executorch/editor/jobs/import_queue.gd")
const JobsTable := preload("res://addons/executorch/editor/dock/jobs_table.gd")
const Preview := preload("res://addons/executorch/editor/preview/model_preview.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const Job := preload("res://addons/executorch/editor/jobs/job.gd")
const BAD: String = "res://models/bad.pt"
const NEW: String = "res://models/new.pt"


func test_file_that_is_not_cached_is_pending_then_ready() -> void:
	var began: int = Time.get_ticks_usec()
	_write(NEW, _fresh_model())
	await _scan()
	var model: ExecuTorchResource = load(NEW)
	check_equal(model.state, ExecuTorchResource.State.PENDING)
	var job: Job = _jobs().find_job(NEW)
	check(job != null and not job.is_ended(), "a job is there")
	var heard: Array[String] = []
	_jobs().job_changed.connect(func(changed: Job) -> void: heard.append(changed.stage))
	await wait_until(func() -> bool: return model.state == ExecuTorchResource.State.READY, 300.0, "ready")
	print("background conversion: %.1f s" % ((Time.get_ticks_usec() - began) / 1e6))
	# The very instance that was loaded before has become the model.
	check_near(model.forward({"input_0": [2.0]}).get("output_0", []), [7.0])
	check_equal(job.state, Job.State.DONE)
	check("lower" in heard and "install" in heard, "stages were reported: %s" % [heard])
	check(not job.log_lines.is_empty(), "there is a log")
	check(job.get_elapsed_seconds() > 0.0, "time passed")
	check_equal(_jobs().get_backend_state(), 2)
	check(not _jobs().get_backend_info().is_empty(), "the backend said hello")


func test_import_returns_at_once() -> void:
	var longest: int = 0
	for index: int in 3:
		_write("res://models/many_%d.pt" % index, _fresh_model())
	EditorInterface.get_resource_filesystem().scan()
	var paths: Array[String] = ["res://models/many_0.pt", "res://models/many_1.pt", "res://models/many_2.pt"]
	var deadline: int = Time.get_ticks_msec() + 300000
	while not paths.all(_is_ready) and Time.get_ticks_msec() < deadline:
		var frame: int = Time.get_ticks_usec()
		await get_tree().process_frame
		longest = maxi(longest, Time.get_ticks_usec() - frame)
	check(paths.all(_is_ready), "all three are ready")
	print("longest frame during three conversions: %.1f ms" % (longest / 1000.0))


func test_failed_job_keeps_the_last_good_model() -> void:
	expect_error("res://models/bad.pt could not be imported")
	_write(BAD, _fresh_model())
	await _scan()
	var model: ExecuTorchResource = load(BAD)
	await wait_until(func() -> bool: return model.state == ExecuTorchResource.State.READY, 300.0, "ready")
	_write(BAD, "now it is text".to_utf8_buffer())
	await _scan()
	await wait_until(func() -> bool: return model.state == ExecuTorchResource.State.FAILED, 300.0, "failed")
	check_equal(_jobs().find_job(BAD).state, Job.State.FAILED)
	check(not "Storing" in "\n".join(_jobs().find_job(BAD).log_lines), "nothing was stored")
	check(not str(model.error.get("cause", "")).is_empty(), "the file is marked with the cause")
	check_near(model.forward({"input_0": [2.0]}).get("output_0", []), [7.0])
	check(not _jobs().failures.get_error(BAD).is_empty(), "the failure is kept")
	var job: Job = _jobs().find_job(BAD)
	_write(BAD, _fresh_model())
	await _scan()
	await wait_until(func() -> bool: return model.state == ExecuTorchResource.State.READY, 300.0, "mended")
	check(_jobs().failures.get_error(BAD).is_empty(), "the failure is forgotten")
	check(_jobs().find_job(BAD) != job, "by a new job")


func test_cancel_and_retry() -> void:
	expect_error("CANCELLED")
	var path: String = "res://models/cancelled.pt"
	_write(path, _fresh_model())
	await _scan()
	var job: Job = _jobs().find_job(path)
	_jobs().cancel(job)
	check_equal(job.state, Job.State.CANCELLED)
	var model: ExecuTorchResource = load(path)
	await wait_until(func() -> bool: return model.state == ExecuTorchResource.State.FAILED, 120.0, "marked")
	_jobs().retry(job)
	await wait_until(func() -> bool: return model.state == ExecuTorchResource.State.READY, 300.0, "ready")
	check_equal(_jobs().find_job(path).state, Job.State.DONE)
	_jobs().clear_finished()
	check_equal(_jobs().get_jobs().size(), 0)


func test_a_file_that_changes_while_it_is_converted_has_one_job() -> void:
	var path: String = "res://models/twice.pt"
	_write(path, _fresh_model())
	await _scan()
	var first: Job = _jobs().find_job(path)
	_write(path, _fresh_model())
	await _scan()
	await wait_until(func() -> bool: return _jobs().find_job(path) != first, 10.0, "the second job")
	var of_file: Array = _jobs().get_jobs().filter(func(job: Job) -> bool: return job.path == path)
	check_equal(of_file.size(), 1)
	check(of_file[0] != first and first.is_ended(), "the second one is left")
	var model: ExecuTorchResource = load(path)
	await wait_until(func() -> bool: return model.state == ExecuTorchResource.State.READY, 300.0, "ready")


func test_what_a_file_became_during_its_conversion_is_converted_without_an_error() -> void:
	var path: String = "res://models/overwritten.pt"
	_write(path, _fresh_model())
	await _scan()
	var job: Job = _jobs().find_job(path)
	await wait_until(func() -> bool: return job.stage in ["export", "lower"], 120.0, "the conversion")
	var key: String = job.key
	var bytes: PackedByteArray = _fresh_model()
	# Godot does not notice it before the conversion ends.
	FileAccess.open(path, FileAccess.WRITE).store_buffer(bytes)
	await wait_until(job.is_ended, 300.0, "the end")
	check_equal(job.state, Job.State.DONE)
	check(job.key != key, "the key is that of the new content")
	check(job.error.is_empty(), "%s" % [job.error])
	await wait_until(_is_ready.bind(path), 60.0, "ready")


func test_a_conversion_that_is_no_longer_needed_ends() -> void:
	var path: String = "res://models/options.pt"
	_write(path, FileAccess.get_file_as_bytes("res://models/linear.pt"))
	await _scan()
	check(_is_ready(path), "it is in the cache")
	var settings: ImportSettings = ImportSettings.new(null, _jobs().import_again)
	settings.apply(path, {"max_absolute_error": "0.0%d" % (randi() + 1)})
	await wait_until(func() -> bool: return _jobs().find_job(path) != null, 10.0, "a job")
	var job: Job = _jobs().find_job(path)
	settings.apply(path, {"max_absolute_error": ""})
	await wait_until(_is_ready.bind(path), 10.0, "what was before")
	check(job.is_ended(), "the conversion that was undone goes on")
	check(_jobs().find_job(path) == null, "and is in the list")


func test_a_file_that_is_moved_while_it_is_converted() -> void:
	var path: String = "res://models/leaves.pt"
	var moved: String = "res://models/arrives.pt"
	_write(path, _fresh_model())
	await _scan()
	var job: Job = _jobs().find_job(path)
	check(job != null and not job.is_ended(), "a job is there")
	for ending: String in ["", ".import"]:
		DirAccess.rename_absolute(path + ending, moved + ending)
	EditorInterface.get_file_system_dock().files_moved.emit(path, moved)
	await _scan()
	check(job.is_ended() and _jobs().find_job(path) == null, "the removed file has a job")
	await wait_until(_is_ready.bind(moved), 300.0, "ready")
	var record: Dictionary = JSON.parse_string(FileAccess.get_file_as_string("res://.godot/executorch_jobs.json"))
	check(not record.has(path), "the record has it")


func test_a_folder_that_is_removed_while_it_is_converted() -> void:
	var folder: String = "res://models/folder"
	DirAccess.make_dir_absolute(folder)
	var path: String = folder.path_join("gone.pt")
	_write(path, _fresh_model())
	await _scan()
	var job: Job = _jobs().find_job(path)
	check(job != null and not job.is_ended(), "a job is there")
	for place: String in [path, path + ".import", folder]:
		DirAccess.remove_absolute(place)
	EditorInterface.get_file_system_dock().folder_removed.emit(folder + "/")
	check(job.is_ended() and _jobs().find_job(path) == null, "the removed file has a job")
	await _scan()


func test_unfinished_jobs_are_on_the_disk() -> void:
	var path: String = "res://models/recorded.pt"
	_write(path, _fresh_model())
	await _scan()
	var record: Dictionary = JSON.parse_string(FileAccess.get_file_as_string("res://.godot/executorch_jobs.json"))
	check_equal((record.get(path, {}) as Dictionary).get("state", ""), "queued")
	var model: ExecuTorchResource = load(path)
	await wait_until(func() -> bool: return model.state == ExecuTorchResource.State.READY, 300.0, "ready")
	record = JSON.parse_string(FileAccess.get_file_as_string("res://.godot/executorch_jobs.json"))
	check(not record.has(path), "forgotten when done")


func test_what_lacked_python_is_converted_when_it_is_there() -> void:
	var python: String = OS.get_environment("EXECUTORCH_PYTHON")
	OS.set_environment("EXECUTORCH_PYTHON", "/no/such/python")
	_jobs().stop_backend()
	var path: String = "res://models/waiting.pt"
	_write(path, _fresh_model())
	await _scan()
	var model: ExecuTorchResource = load(path)
	var job: Job = _jobs().find_job(path)
	await wait_until(job.waits_for_python, 120.0, "waiting")
	check_equal(job.state, Job.State.QUEUED)
	check_equal(str(job.lack.get("code", "")), "PYTHON_NOT_FOUND")
	check_equal(model.state, ExecuTorchResource.State.PENDING, "waiting is not a failure")
	check(_jobs().failures.get_error(path).is_empty(), "nor is it reported as one")
	check_equal(job.get_elapsed_seconds(), 0.0, "waiting is not work")
	var record: Dictionary = JSON.parse_string(FileAccess.get_file_as_string("res://.godot/executorch_jobs.json"))
	check_equal((record.get(path, {}) as Dictionary).get("state", ""), "queued", "for the next start")
	OS.set_environment("EXECUTORCH_PYTHON", python)
	_jobs().restart_backend()
	await wait_until(func() -> bool: return model.state == ExecuTorchResource.State.READY, 300.0, "ready")
	check_equal(_jobs().find_job(path), job, "it is the same conversion")


func test_a_python_without_packages_lets_models_wait() -> void:
	var python: String = OS.get_environment("EXECUTORCH_PYTHON")
	var bare: String = OS.get_cache_dir().path_join("bare_python")
	OS.execute(python, ["-m", "venv", "--without-pip", bare])
	OS.set_environment("EXECUTORCH_PYTHON", bare.path_join("bin/python"))
	_jobs().restart_backend()
	var path: String = "res://models/bare.pt"
	_write(path, _fresh_model())
	await _scan()
	var job: Job = _jobs().find_job(path)
	await wait_until(job.waits_for_python, 120.0, "waiting")
	check_equal(str(job.lack.get("code", "")), "PACKAGE_MISSING")
	check(str(job.lack.get("remedy", "")).begins_with("Press Set Up"), str(job.lack))
	OS.set_environment("EXECUTORCH_PYTHON", python)
	_jobs().restart_backend()
	await wait_until(_is_ready.bind(path), 300.0, "ready")


func test_a_file_has_one_job() -> void:
	expect_error("res://models/again.pt could not be imported")
	var path: String = "res://models/again.pt"
	for words: String in ["no model", "no model either"]:
		_write(path, words.to_utf8_buffer())
		await _scan()
		# What Godot keeps of the picture of the pending model.
		_write(Preview.get_stored(path), PackedByteArray([0]))
		await wait_until(func() -> bool: return _jobs().find_job(path).is_ended(), 120.0, "the failure")
		await wait_until(
			func() -> bool: return (load(path) as ExecuTorchResource).state == ExecuTorchResource.State.FAILED,
			60.0,
			"the resource"
		)
		check(not FileAccess.file_exists(Preview.get_stored(path)), "the icon stays that of a pending model")
	check_equal(_jobs().get_jobs().filter(func(job: Job) -> bool: return job.path == path).size(), 1)


func test_what_failed_in_an_earlier_run_is_listed() -> void:
	var failed: Job = _jobs().find_job("res://models/again.pt")
	var jobs: Jobs = Jobs.new()
	add_child(jobs)
	var table: JobsTable = JobsTable.new(jobs)
	add_child(table)
	jobs.resume()
	var recalled: Job = jobs.find_job("res://models/again.pt")
	if recalled == null:
		check(false, "it is not listed")
	else:
		check_equal(recalled.state, Job.State.FAILED)
		check_equal(recalled.error.get("cause"), failed.error.get("cause"))
		var rows: Array = table.get_root().get_children().map(
			func(row: TreeItem) -> String: return "%s %s" % [row.get_text(0), row.get_text(1)]
		)
		check(rows.has("again.pt Failed"), str(rows))
	table.free()
	jobs.close()
	jobs.queue_free()


func test_backend_answers_and_restarts() -> void:
	var answer: Dictionary = await _jobs().call_backend("status", {})
	check(answer.has("result"), str(answer))
	_jobs().restart_backend()
	answer = await _jobs().call_backend("status", {})
	check(answer.has("result"), str(answer))
	answer = await _jobs().call_backend("nonsense", {})
	check_equal((answer.get("error", {}) as Dictionary).get("code", ""), "METHOD_NOT_FOUND")
	_jobs().stop_backend()
	check_equal(_jobs().get_backend_state(), 0)


func test_the_queue_of_imports_ends_with_its_jobs() -> void:
	var queue: ImportQueue = ImportQueue.new()
	var held: WeakRef = weakref(queue)
	queue = null
	check(held.get_ref() == null, "somebody keeps it")


func test_interpreters_are_found_without_starting_them() -> void:
	var script: GDScript = load("res://addons/executorch/editor/backend/interpreters.gd")
	@warning_ignore("unsafe_method_access")
	var found: Array[Dictionary] = script.find_all()
	check_equal(found[0]["source"], "environment")


func _is_ready(path: String) -> bool:
	if not ResourceLoader.exists(path):
		return false
	return (load(path) as ExecuTorchResource).state == ExecuTorchResource.State.READY


func _jobs() -> Jobs:
	return EditorInterface.get_base_control().get_tree().root.find_child("ExecuTorchJobs", true, false)


func _scan() -> void:
	var filesystem: EditorFileSystem = EditorInterface.get_resource_filesystem()
	# Godot drops a scan that is asked for during another one, which may have passed the file already.
	while filesystem.is_scanning():
		await get_tree().process_frame
	filesystem.scan()
	await get_tree().process_frame
	while filesystem.is_scanning():
		await get_tree().process_frame
	await get_tree().process_frame


## A model with new bytes: bytes after the archive's end change its hash and nothing else.
## The same model in an archive that was not converted yet: its first member has a time of its own, in both places.
func _fresh_model() -> PackedByteArray:
	var bytes: PackedByteArray = FileAccess.get_file_as_bytes("res://models/linear.pt")
	var time: PackedByteArray = Crypto.new().generate_random_bytes(4)
	var directory: int = bytes.decode_u32(bytes.size() - 6)
	for index: int in 4:
		bytes[10 + index] = time[index]
		bytes[directory + 12 + index] = time[index]
	return bytes


func _write(path: String, bytes: PackedByteArray) -> void:
	# Godot notices a change by the file's time, which counts seconds.
	while FileAccess.file_exists(path) and Time.get_unix_time_from_system() < FileAccess.get_modified_time(path) + 1.5:
		OS.delay_msec(20)
	var file: FileAccess = FileAccess.open(path, FileAccess.WRITE)
	file.store_buffer(bytes)
	file.close()
