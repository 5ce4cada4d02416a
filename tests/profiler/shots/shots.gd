@tool
extends Node
## Pictures of the profiler with a real model: a game that runs, benchmarks, operators, memory.

const Dock := preload("res://addons/executorch/editor/profiler/profiler_dock.gd")
const SavedRuns := preload("res://addons/executorch/editor/profiler/data/saved_runs.gd")
const MODEL: String = "res://models/sentence_encoder.pt2"
const HEIGHT: float = 470.0

var _dock: Dock


func take_all(_names: PackedStringArray) -> void:
	_dock = EditorInterface.get_base_control().get_window().find_child("ModelProfiler", true, false) as Dock
	_dock.custom_minimum_size.y = HEIGHT * EditorInterface.get_editor_scale()
	(get_parent() as EditorPlugin).make_bottom_panel_item_visible(_dock)
	await settle()
	await save("profiler-empty")
	await take_live()
	await take_benchmark()
	_dock.tabs.current_tab = _dock.operators.get_index()
	await settle()
	await save("profiler-operators")
	_dock.tabs.current_tab = _dock.memory.get_index()
	await settle()
	await save("profiler-memory")


func take_live() -> void:
	ProjectSettings.set_setting("editor/run/main_run_args", "--headless")
	await settle()
	EditorInterface.play_custom_scene("res://addons/executorch_shots/game.tscn")
	# The editor shows its Output panel when a game starts.
	await wait(3.0)
	(get_parent() as EditorPlugin).make_bottom_panel_item_visible(_dock)
	await wait(6.0)
	_dock.live.select_model(_dock.get_feed().models()[0])
	_dock.live.start_tracing(0.5)
	await wait(5.0)
	await save("profiler-live")
	EditorInterface.stop_playing_scene()
	await wait(1.0)
	(get_parent() as EditorPlugin).make_bottom_panel_item_visible(_dock)


func take_benchmark() -> void:
	_dock.benchmark.saved_runs = SavedRuns.new("user://runs")
	_dock.open_benchmark(MODEL)
	for run: int in 2:
		var before: RefCounted = _dock.benchmark.get_result()
		_dock.benchmark.start(400, PackedInt32Array([1, 2]))
		while _dock.benchmark.get_result() == before:
			await get_tree().process_frame
		if run == 0:
			_dock.benchmark.saved_runs.save(_dock.benchmark.get_result())
			await wait(1.5)
	await settle()
	await save("profiler-benchmark")


func save(shot_name: String) -> void:
	await RenderingServer.frame_post_draw
	var image: Image = get_tree().root.get_texture().get_image()
	var rect: Rect2i = Rect2i(_dock.get_global_rect()).grow(4)
	image = image.get_region(rect.intersection(Rect2i(Vector2i.ZERO, image.get_size())))
	image.convert(Image.FORMAT_RGB8)
	var file: String = "%s-%s.png" % [shot_name, OS.get_environment("EXECUTORCH_SHOTS_SUFFIX")]
	image.save_png(OS.get_environment("EXECUTORCH_SHOTS_OUT").path_join(file))
	print("@@SHOT %s %s" % [file, image.get_size()])


func settle() -> void:
	for frame: int in 20:
		await get_tree().process_frame


func wait(seconds: float) -> void:
	await get_tree().create_timer(seconds).timeout
