@tool
extends "res://tests/editor/views.gd"
## Models that follow a file outside of the project, and the game that takes a new model while it runs.

const Links := preload("res://addons/executorch/editor/watching/links.gd")
const LiveReload := preload("res://addons/executorch/editor/watching/live_reload_debugger.gd")
const InspectorViews := preload("res://addons/executorch/editor/inspector/inspector_views.gd")
const MODEL: String = "res://models/followed.pt2"
const FIRST: String = "res://models/policy.pt2"
const SECOND: String = "res://models/convnet.pt2"


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
	var links: Links = InspectorViews.running.call("get_links")
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
	var links: Links = InspectorViews.running.call("get_links")
	links.link("res://models/linear.pt", _absolute("res://models/linear.pt"))
	var has_problem: Callable = func() -> bool: return not links.get_problem("res://models/linear.pt").is_empty()
	await wait_until(has_problem, 60.0, "the problem")
	check(not str(links.get_problem("res://models/linear.pt").get("cause", "")).is_empty(), "no cause")
	links.unlink("res://models/linear.pt")


func test_a_running_game_takes_the_new_model() -> void:
	var scene: FileAccess = FileAccess.open("res://live_game.tscn", FileAccess.WRITE)
	(
		scene
		. store_string(
			(
				'[gd_scene load_steps=2 format=3]\n\n[ext_resource type="Script" path="res://tests/editor/live_game.gd" id="1"]\n\n'
				+ '[node name="Game" type="Node"]\nscript = ExtResource("1")\n'
			)
		)
	)
	scene.close()
	ProjectSettings.set_setting("editor/run/main_run_args", "--headless")
	# The run bar takes over a changed setting a frame later.
	for frame: int in 5:
		await get_tree().process_frame
	var live: LiveReload = InspectorViews.running.call("get_live_reload")
	var reloaded: Array[String] = []
	live.reloaded.connect(func(paths: Array) -> void: reloaded.append_array(paths))
	EditorInterface.play_custom_scene("res://live_game.tscn")
	var last: Array[int] = [0]
	var listens: Callable = func() -> bool:
		if Time.get_ticks_msec() - last[0] > 500:
			last[0] = Time.get_ticks_msec()
			live.send(PackedStringArray(["res://models/linear.pt"]))
		return not reloaded.is_empty()
	await wait_until(listens, 90.0, "the game's answer")
	EditorInterface.stop_playing_scene()
	check(reloaded.has("res://models/linear.pt"), str(reloaded))
	DirAccess.remove_absolute(_absolute("res://live_game.tscn"))


func _first_input(model: ExecuTorchResource) -> Array:
	var shape: Array = []
	for size: Variant in (model.get_method_meta("forward")["inputs"] as Array)[0]["shape"] as Array:
		shape.append(int(size))
	return shape


func _absolute(path: String) -> String:
	return ProjectSettings.globalize_path(path)
