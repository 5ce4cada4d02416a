@tool
extends "res://tests/editor/views.gd"
## The set-up window for the Python environment.

const EnvironmentSetup := preload("res://addons/executorch/editor/setup/environment_setup.gd")
const Interpreters := preload("res://addons/executorch/editor/backend/interpreters.gd")
const Backend := preload("res://addons/executorch/editor/backend/python_backend.gd")


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
		check_equal(found.size(), Interpreters.find_all().size(), "a chosen interpreter hides the others")


func test_environment_is_outside_of_the_project() -> void:
	var folder: String = EnvironmentSetup.get_folder()
	check(folder.is_absolute_path() and folder.ends_with("executorch-godot/python"), folder)


func test_window_says_what_python_is_used() -> void:
	var window: Window = find_by_script(get_tree().root, SETUP_WINDOW) as Window
	var jobs: ExecuTorchJobs = find_jobs()
	jobs.start_backend()
	await wait_until(func() -> bool: return jobs.get_backend_state() == Backend.State.READY, 90.0, "the backend")
	window.call("open")
	var tells: Callable = func() -> bool: return text_of(window).contains("Ready: Python 3.")
	if await wait_until(tells, 30.0, "the state"):
		check(text_of(window).contains("EXECUTORCH_PYTHON"), "the variable that decides is not named")
		check(text_of(window).contains("executorch-godot/python"), "the folder is not named")
	window.hide()


func test_failed_set_up_says_why() -> void:
	var setup: EnvironmentSetup = EnvironmentSetup.new(find_jobs())
	setup.requirements = "/no/such/requirements.txt"
	var errors: Array[Dictionary] = []
	setup.finished.connect(func(error: Dictionary) -> void: errors.append(error))
	setup.set_up(EnvironmentSetup.get_forced_interpreter())
	if await wait_until(func() -> bool: return not errors.is_empty(), 120.0, "the end"):
		check_equal(errors[0].get("code", ""), "SETUP_NO_REQUIREMENTS")
		check(not setup.is_running(), "it still runs")
