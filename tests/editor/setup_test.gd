@tool
extends "res://tests/editor/views.gd"
## The set-up window for the Python environment.

const EnvironmentSetup := preload("res://addons/executorch/editor/setup/environment_setup.gd")
const Settings := preload("res://addons/executorch/editor/shared/settings.gd")
const Interpreters := preload("res://addons/executorch/editor/backend/interpreters.gd")
const Backend := preload("res://addons/executorch/editor/backend/python_backend.gd")
const Job := preload("res://addons/executorch/editor/jobs/job.gd")


func test_versions_that_can_convert() -> void:
	for version: String in ["3.10.0", "3.11.7", "3.12.1", "3.13.0"]:
		check(EnvironmentSetup.is_supported(version), version)
	for version: String in ["", "2.7.18", "3.9.2", "3.14.0", "4.0", "x"]:
		check(not EnvironmentSetup.is_supported(version), version)


func test_interpreters_are_found_with_their_versions() -> void:
	var setup: EnvironmentSetup = EnvironmentSetup.new(find_jobs())
	var found: Array[Dictionary] = []
	setup.candidates_found.connect(func(candidates: Array[Dictionary]) -> void: found.assign(candidates))
	setup.find_candidates()
	if await wait_until(func() -> bool: return not found.is_empty(), 60.0, "candidates"):
		check(found[0]["supported"], str(found[0]))
		check(str(found[0]["version"]).begins_with("3."), str(found[0]))
		check_equal(found[0]["source"], "environment")
		var places: Dictionary[String, bool] = {}
		for candidate: Dictionary in found:
			check(candidate["supported"], "%s cannot convert models" % candidate)
			var output: Array = []
			OS.execute(str(candidate["path"]), ["-c", "import sys; print(sys.prefix)"], output)
			check(not places.has(str(output[0])), "%s is listed twice" % output[0])
			places[str(output[0])] = true
		check(found.size() <= Interpreters.find_all().size(), str(found))


func test_environment_is_outside_of_the_project() -> void:
	var folder: String = EnvironmentSetup.get_folder()
	check(folder.is_absolute_path() and folder.ends_with("executorch-godot/python"), folder)


func test_window_says_what_python_is_used() -> void:
	var window: Window = find_by_script(get_tree().root, SETUP_WINDOW) as Window
	var jobs: Jobs = find_jobs()
	jobs.start_backend()
	await wait_until(func() -> bool: return jobs.get_backend_state() == Backend.State.READY, 90.0, "the backend")
	window.call("open")
	var shows: Callable = func() -> bool: return text_of(window).contains("Ready: Python 3.")
	if await wait_until(shows, 30.0, "the state"):
		check(text_of(window).contains("EXECUTORCH_PYTHON"), "the variable that decides is not named")
		check(text_of(window).contains("executorch-godot/python"), "the folder is not named")
	window.hide()


func test_window_says_that_it_looks_for_python() -> void:
	var window: Window = find_by_script(get_tree().root, SETUP_WINDOW) as Window
	var table: Tree = window.get(&"_table")
	table.clear()
	window.call("open")
	check_equal(table.get_root().get_child(0).get_text(0), "Looking for Python…")
	window.hide()


func test_window_sets_up_cancels_and_goes_on() -> void:
	var window: Window = find_by_script(get_tree().root, SETUP_WINDOW) as Window
	var setup: EnvironmentSetup = window.get("_setup")
	var wheels: String = OS.get_cache_dir().path_join("executorch_wheels")
	for index: int in 3:
		_make_wheel(wheels, "pebble%d" % index)
	var wanted: FileAccess = FileAccess.open(wheels.path_join("requirements.txt"), FileAccess.WRITE)
	wanted.store_string("pebble0==1.0\npebble1==1.0\npebble2==1.0\n")
	wanted.close()
	setup.wheels = wheels
	setup.requirements = wheels.path_join("requirements.txt")
	var before: PackedStringArray = _project_files("res://")
	# As on a person's machine, where no variable decides.
	var forced: String = OS.get_environment("EXECUTORCH_PYTHON")
	OS.unset_environment("EXECUTORCH_PYTHON")
	# Below the home folder, whose paths are shown short.
	var home: String = OS.get_environment("HOME")
	OS.set_environment("HOME", forced.get_base_dir().get_base_dir())
	EditorInterface.get_editor_settings().set_setting(Settings.INTERPRETER, forced)
	window.call("open")
	var install: Button = find_button(window, "Set Up")
	if await wait_until(func() -> bool: return not install.disabled, 60.0, "a list of interpreters"):
		var ends: Array[Dictionary] = []
		var stages: Array[String] = []
		setup.finished.connect(func(error: Dictionary) -> void: ends.append(error))
		setup.progressed.connect(func(stage: String, _part: float, _line: String) -> void: stages.append(stage))
		install.pressed.emit()
		await wait_until(func() -> bool: return not stages.is_empty(), 90.0, "progress")
		check(find_button(window, "Cancel").is_visible_in_tree(), "there is no way to cancel")
		find_button(window, "Cancel").pressed.emit()
		await wait_until(func() -> bool: return ends.size() == 1, 60.0, "the end after Cancel")
		check_equal(ends[0].get("code", "") if not ends.is_empty() else "", "CANCELLED")
		check_equal(EditorInterface.get_editor_settings().get_setting(Settings.INTERPRETER), forced)
		await wait_until(func() -> bool: return not install.disabled, 60.0, "a list of interpreters again")
		check_equal(install.text, "Continue Set-Up")
		check(not text_of(window).contains("Made by Set Up"), "half an environment is offered")
		install.pressed.emit()
		await _check_that_conversions_wait()
		await wait_until(func() -> bool: return ends.size() == 2, 240.0, "the end")
		check_equal(ends[-1], {})
		for stage: String in ["venv", "download", "install", "check"]:
			check(stages.has(stage), "no progress of %s in %s" % [stage, stages])
		var python: String = Interpreters.get_user_environment()
		check_equal(EditorInterface.get_editor_settings().get_setting(Settings.INTERPRETER), python)
		var output: Array = []
		OS.execute(python, ["-c", "import pebble0, pebble1, pebble2; print(pebble2.WEIGHT)"], output, true)
		check_equal(str(output[0]).strip_edges(), "3", "what was installed")
		check_equal(_project_files("res://"), before, "the project was touched")
		await wait_until(func() -> bool: return install.text == "Set Up Again", 60.0, "the button's words")
	window.hide()
	setup.wheels = ""
	setup.requirements = ""
	OS.set_environment("EXECUTORCH_PYTHON", forced)
	OS.set_environment("HOME", home)
	EditorInterface.get_editor_settings().set_setting(Settings.INTERPRETER, "")
	find_jobs().restart_backend()


## A model that is dropped in while Python is set up says so, and goes on afterwards.
func _check_that_conversions_wait() -> void:
	var path: String = "res://models/dropped.pt"
	DirAccess.copy_absolute(
		ProjectSettings.globalize_path("res://models/linear.pt"), ProjectSettings.globalize_path(path)
	)
	var job: Job = find_jobs().enqueue(
		path, {"recipe": "portable", "max_absolute_error": "0.5"}, "res://.godot/imported/dropped"
	)
	var waits: Callable = func() -> bool: return job.stage == Job.WAITING_FOR_PYTHON or job.is_ended()
	await wait_until(waits, 30.0, "the job")
	check_equal(job.get_stage_title(), "Waiting for Python")
	check_equal(job.state, Job.State.QUEUED)
	var bar: Node = find_by_script(get_tree().root, "res://addons/executorch/editor/dock/backend_bar.gd")
	var said: Callable = func() -> bool: return (bar.get("_state") as Label).text.begins_with("Setting up Python: ")
	check(said.call(), "the panel does not say that the set-up runs: " + (bar.get("_state") as Label).text)
	await wait_until(func() -> bool: return job.stage != Job.WAITING_FOR_PYTHON, 240.0, "Python")
	find_jobs().forget(path)
	DirAccess.remove_absolute(path)


func test_set_up_that_is_cancelled_at_once_leaves_the_python_of_before() -> void:
	var jobs: Jobs = find_jobs()
	var setup: EnvironmentSetup = EnvironmentSetup.new(jobs)
	var settings: EditorSettings = EditorInterface.get_editor_settings()
	var forced: String = OS.get_environment("EXECUTORCH_PYTHON")
	OS.unset_environment("EXECUTORCH_PYTHON")
	settings.set_setting(Settings.INTERPRETER, forced)
	setup.wheels = OS.get_cache_dir().path_join("executorch_no_wheels")
	var base: String = ""
	for candidate: Dictionary in setup.call("_ask_versions") as Array:
		if candidate["supported"] and candidate["path"] != forced:
			base = candidate["path"]
	var ends: Array[Dictionary] = []
	setup.finished.connect(func(error: Dictionary) -> void: ends.append(error))
	setup.set_up(base)
	setup.cancel()
	await wait_until(func() -> bool: return not ends.is_empty(), 60.0, "the end")
	check_equal(ends[0].get("code", "") if not ends.is_empty() else "", "CANCELLED")
	check_equal(settings.get_setting(Settings.INTERPRETER), forced)
	await wait_until(func() -> bool: return jobs.get_backend_state() == Backend.State.READY, 60.0, "the backend")
	check_equal(jobs.get_backend_info().get("executable", ""), forced)
	OS.set_environment("EXECUTORCH_PYTHON", forced)
	settings.set_setting(Settings.INTERPRETER, "")
	jobs.restart_backend()


func test_failed_set_up_says_why() -> void:
	var setup: EnvironmentSetup = EnvironmentSetup.new(find_jobs())
	setup.requirements = "/no/such/requirements.txt"
	var errors: Array[Dictionary] = []
	setup.finished.connect(func(error: Dictionary) -> void: errors.append(error))
	setup.set_up(EnvironmentSetup.get_forced_interpreter())
	if await wait_until(func() -> bool: return not errors.is_empty(), 120.0, "the end"):
		check_equal(errors[0].get("code", ""), "SETUP_NO_REQUIREMENTS")
		check(not setup.is_running(), "it still runs")


## A real package of one module, as pip wants it.
func _make_wheel(folder: String, package: String) -> void:
	DirAccess.make_dir_recursive_absolute(folder)
	var zip: ZIPPacker = ZIPPacker.new()
	zip.open(folder.path_join("%s-1.0-py3-none-any.whl" % package))
	var info: String = "%s-1.0.dist-info/" % package
	var files: Dictionary[String, String] = {
		package + ".py": "WEIGHT = 3\n",
		info + "METADATA": "Metadata-Version: 2.1\nName: %s\nVersion: 1.0\n" % package,
		info + "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		info + "RECORD": "%s.py,,\n%sMETADATA,,\n%sWHEEL,,\n%sRECORD,,\n" % [package, info, info, info],
	}
	for path: String in files:
		zip.start_file(path)
		zip.write_file(files[path].to_utf8_buffer())
		zip.close_file()
	zip.close()


func _project_files(folder: String) -> PackedStringArray:
	var found: PackedStringArray = []
	for file: String in DirAccess.get_files_at(folder):
		found.append(folder.path_join(file))
	for child: String in DirAccess.get_directories_at(folder):
		if child != "addons":
			found.append_array(_project_files(folder.path_join(child)))
	return found
