@tool
extends "res://tests/editor/views.gd"
## Models that follow a file outside of the project, and the game that takes a new model while it runs.

const Links := preload("res://addons/executorch/editor/watching/links.gd")
const Watching := preload("res://addons/executorch/editor/watching/watching.gd")
const MODEL: String = "res://models/followed.pt2"
const FIRST: String = "res://models/policy.pt2"
const SECOND: String = "res://models/convnet.pt2"
const TRAINED: String = "res://models/trained.pth"
const GAME: String = "res://tests/editor/live_game.gd"


func test_a_new_version_outside_is_imported() -> void:
	var outside: String = OS.get_cache_dir().path_join("executorch_followed/model.pt2")
	DirAccess.make_dir_recursive_absolute(outside.get_base_dir())
	DirAccess.copy_absolute(_absolute(FIRST), _absolute(MODEL))
	DirAccess.copy_absolute(_absolute(FIRST), outside)
	EditorInterface.get_resource_filesystem().update_file(MODEL)
	EditorInterface.get_resource_filesystem().reimport_files(PackedStringArray([MODEL]))
	var model: ExecuTorchResource = load(MODEL)
	var is_ready: Callable = func() -> bool: return model.state == ExecuTorchResource.State.READY
	if not await wait_until(is_ready, 120.0, "the first model"):
		return
	check_equal(_first_input(model), [1024, 8])
	var links: Links = (find_part(&"watching") as Watching).links
	links.link(MODEL, outside)
	check_equal(links.get_target(MODEL), outside)
	check(text_of(await inspect(MODEL)).contains("model.pt2"), "the inspector does not say what is followed")
	await get_tree().create_timer(2.0).timeout
	DirAccess.copy_absolute(_absolute(SECOND), outside)
	var is_new: Callable = func() -> bool: return is_ready.call() and _first_input(model) == [1, 3, 32, 32]
	await wait_until(is_new, 120.0, "the second model")
	links.unlink(MODEL)
	check_equal(links.get_target(MODEL), "")
	check(not FileAccess.get_file_as_string(Links.FILE).contains("followed"), "the link is still kept")
	DirAccess.remove_absolute(_absolute(MODEL))
	DirAccess.remove_absolute(_absolute(MODEL + ".import"))
	DirAccess.remove_absolute(outside)


func test_a_link_to_itself_says_why_not() -> void:
	var links: Links = (find_part(&"watching") as Watching).links
	links.link("res://models/linear.pt", _absolute("res://models/linear.pt"))
	var has_problem: Callable = func() -> bool: return not links.get_problem("res://models/linear.pt").is_empty()
	await wait_until(has_problem, 60.0, "the problem")
	check(not str(links.get_problem("res://models/linear.pt").get("cause", "")).is_empty(), "no cause")
	links.unlink("res://models/linear.pt")


func test_a_moved_model_follows_on_and_a_removed_one_does_not_come_back() -> void:
	var links: Links = (find_part(&"watching") as Watching).links
	var dock: FileSystemDock = EditorInterface.get_file_system_dock()
	var outside: String = OS.get_cache_dir().path_join("executorch_moved/a b %d's ü.pt2")
	DirAccess.make_dir_recursive_absolute(outside.get_base_dir())
	DirAccess.copy_absolute(_absolute(FIRST), outside)
	var moved: String = "res://models/moved.pt2"
	DirAccess.copy_absolute(_absolute(FIRST), _absolute(MODEL))
	links.link(MODEL, outside)
	await get_tree().create_timer(2.0).timeout
	DirAccess.rename_absolute(_absolute(MODEL), _absolute(moved))
	dock.files_moved.emit(MODEL, moved)
	check_equal(links.get_target(MODEL), "", "the old path")
	check_equal(links.get_target(moved), outside, "the new path")
	await get_tree().create_timer(2.0).timeout
	DirAccess.copy_absolute(_absolute(SECOND), outside)
	var wanted: String = FileAccess.get_sha256(SECOND)
	await wait_until(func() -> bool: return FileAccess.get_sha256(moved) == wanted, 20.0, "the second version")
	check(not FileAccess.file_exists(MODEL), "the model is back at its old place")
	DirAccess.remove_absolute(_absolute(moved))
	dock.folder_removed.emit("res://models/")
	check_equal(links.get_target(moved), "", "a model that was removed")
	check(not FileAccess.get_file_as_string(Links.FILE).contains("moved"), "the link is still kept")
	DirAccess.copy_absolute(_absolute(FIRST), outside)
	await get_tree().create_timer(5.0).timeout
	check(not FileAccess.file_exists(moved), "the removed model is back")


## The file may have come with somebody's project.
func test_a_link_writes_over_nothing_but_models_of_the_project() -> void:
	var good: Dictionary = {"res://models/a..b.pt": "/runs/a.pt"}
	var all: Dictionary = good.duplicate()
	(
		all
		. merge(
			{
				"res://../outside.pt": "/runs/a.pt",
				"res://models/../../outside.pt": "/runs/a.pt",
				"res://models\\..\\..\\outside.pt": "/runs/a.pt",
				"/etc/outside.pt": "/runs/a.pt",
				"user://outside.pt": "/runs/a.pt",
				"res://autostart.gd": "/runs/a.pt",
				"res://models/a.pt": "runs/a.pt",
				"res://models/b.pt": ["/runs/a.pt"],
			}
		)
	)
	check_equal(Links.read_links(JSON.stringify(all)), good)
	check_equal(Links.read_links("[" + "[".repeat(100_000)), {})
	check_equal(Links.read_links("[1]"), {})


func test_a_problem_is_over_when_the_file_is_watched() -> void:
	var links: Links = (find_part(&"watching") as Watching).links
	var outside: String = OS.get_cache_dir().path_join("executorch_moved/later.pt")
	var path: String = "res://models/linear.pt"
	links.link(path, _absolute(path))
	var has_problem: Callable = func() -> bool: return not links.get_problem(path).is_empty()
	await wait_until(has_problem, 60.0, "the problem")
	links.link(path, _absolute(path))
	links.unlink(path)
	await get_tree().create_timer(1.0).timeout
	check_equal(links.get_problem(path), {}, "of a link that was ended before the answer")
	links.link(path, outside)
	find_jobs().stop_backend()
	await get_tree().process_frame
	check(not links.get_problem(path).is_empty(), "it was not stopped in the middle")
	find_jobs().start_backend()
	await wait_until(func() -> bool: return links.get_problem(path).is_empty(), 60.0, "the end of the problem")
	links.unlink(path)


func test_a_trained_epoch_changes_the_numbers_of_a_running_game() -> void:
	var folder: String = OS.get_cache_dir().path_join("executorch_trained")
	DirAccess.make_dir_recursive_absolute(folder)
	var checkpoint: String = folder.path_join("checkpoint.pth")
	var answer_path: String = folder.path_join("answer.txt")
	for path: String in [checkpoint, answer_path]:
		DirAccess.remove_absolute(path)
	_write("res://models/net.py", "from torch import nn\n\n\ndef build():\n    return nn.Linear(1, 1)\n")
	var first: float = _train(checkpoint)
	DirAccess.copy_absolute(checkpoint, _absolute(TRAINED))
	var options: ConfigFile = ConfigFile.new()
	options.set_value("remap", "importer", "executorch.model")
	options.set_value("params", "factory", "res://models/net.py:build")
	options.set_value("params", "inputs", "input: float32[1,1]")
	options.save(TRAINED + ".import")
	EditorInterface.get_resource_filesystem().update_file(TRAINED)
	EditorInterface.get_resource_filesystem().reimport_files(PackedStringArray([TRAINED]))
	var model: ExecuTorchResource = load(TRAINED)
	var is_ready: Callable = func() -> bool: return model.state == ExecuTorchResource.State.READY
	if not await wait_until(is_ready, 180.0, "the first epoch's model"):
		return
	var links: Links = (find_part(&"watching") as Watching).links
	links.link(TRAINED, checkpoint)
	await _play('model_path = "%s"\nanswer_path = "%s"\n' % [TRAINED, answer_path])
	var says: Callable = func(wanted: float) -> bool:
		var answered: String = FileAccess.get_file_as_string(answer_path) if FileAccess.file_exists(answer_path) else ""
		return not answered.is_empty() and absf(float(answered) - wanted) < 1e-3
	if await wait_until(says.bind(first), 90.0, "the first epoch's number in the game"):
		var second: float = _train(checkpoint)
		check(absf(second - first) > 0.1, "the epoch taught nothing: %f" % second)
		var begin: int = Time.get_ticks_msec()
		if await wait_until(says.bind(second), 180.0, "the second epoch's number in the game"):
			print(
				"a trained epoch is seen in the running game after %.1f s" % ((Time.get_ticks_msec() - begin) / 1000.0)
			)
	EditorInterface.stop_playing_scene()
	links.unlink(TRAINED)
	for path: String in [TRAINED, TRAINED + ".import", "res://models/net.py", "res://live_game.tscn"]:
		DirAccess.remove_absolute(_absolute(path))


## Trains an epoch in a process of its own; what the network then says of 2.
func _train(checkpoint: String) -> float:
	var output: Array = []
	# Through the link of the addon into the checkout: scripts of Python are not copied with the cases.
	var script: String = _absolute("res://addons/executorch") + "/../../tests/editor/train.py"
	var status: int = OS.execute(OS.get_environment("EXECUTORCH_PYTHON"), [script, checkpoint], output, true)
	check_equal(status, 0, str(output))
	return float(str(output[0]).get_slice("answer ", 1))


func _play(properties: String) -> void:
	var head: String = '[gd_scene load_steps=2 format=3]\n\n[ext_resource type="Script" path="%s" id="1"]\n\n' % GAME
	_write("res://live_game.tscn", head + '[node name="Game" type="Node"]\nscript = ExtResource("1")\n' + properties)
	ProjectSettings.set_setting("editor/run/main_run_args", "--headless")
	# The run bar takes over a changed setting a frame later.
	for frame: int in 5:
		await get_tree().process_frame
	EditorInterface.play_custom_scene("res://live_game.tscn")


func _write(path: String, text: String) -> void:
	var file: FileAccess = FileAccess.open(path, FileAccess.WRITE)
	file.store_string(text)
	file.close()


func _first_input(model: ExecuTorchResource) -> Array:
	var shape: Array = []
	for size: Variant in (model.get_method_meta("forward")["inputs"] as Array)[0]["shape"] as Array:
		shape.append(int(size))
	return shape


func _absolute(path: String) -> String:
	return ProjectSettings.globalize_path(path)
