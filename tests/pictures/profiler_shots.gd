@tool
extends Node
## Pictures of the profiler with real models: a game that runs, benchmarks, operators, memory.

const Dock := preload("res://addons/executorch/editor/profiler/profiler_dock.gd")
const AgainstMenu := preload("res://addons/executorch/editor/profiler/tabs/against_menu.gd")
const SavedRuns := preload("res://addons/executorch/editor/profiler/benchmark/saved_runs.gd")
const LiveModel := preload("res://addons/executorch/editor/profiler/live/live_model.gd")
const SPEECH: String = "res://models/silero_vad.safetensors"
const WORDS: String = "res://models/minilm.safetensors"
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
	for second: int in 30:
		if _dock.get_feed().models().size() < 3:
			await wait(1.0)
	# Where the processor draws the editor, it would take the game's time.
	Engine.max_fps = 4
	await wait(16.0)
	_dock.live.select_model(null)
	await wait(1.0)
	await save("profiler-live-all")
	_dock.live.select_model(find("digits"))
	await wait(1.0)
	await save("profiler-live-task")
	_dock.live.select_model(find("silero_vad"))
	# What is slow for this model on this machine, as a person would round it.
	_dock.live.start_tracing(maxf(snappedf(find("silero_vad").statistics.percentile(95.0) / 1000.0, 0.05), 0.05))
	await wait(8.0)
	for second: int in 15:
		if find("silero_vad").traces.is_empty():
			await wait(1.0)
	print("%d traced calls" % find("silero_vad").traces.size())
	Engine.max_fps = 0
	await freeze_a_spike()
	await save("profiler-live")
	EditorInterface.stop_playing_scene()
	await wait(1.0)
	(get_parent() as EditorPlugin).make_bottom_panel_item_visible(_dock)


## Clicks the longest traced call, as a person would.
func freeze_a_spike() -> void:
	var model: LiveModel = find("silero_vad")
	var chart: Control = _dock.live.time_line
	var best: int = -1
	for index: int in range(maxi(model.statistics.held - 600, 0), model.statistics.held):
		if model.trace_of(model.sequence_at(index)) == null:
			continue
		if best < 0 or model.statistics.duration_us(index) > model.statistics.duration_us(best):
			best = index
	if best >= 0:
		@warning_ignore("unsafe_method_access")
		chart.emit_signal(&"call_selected", 0, best)
	await settle()


func find(model_name: String) -> LiveModel:
	for model: LiveModel in _dock.get_feed().models():
		if model.name == model_name:
			return model
	return null


func take_benchmark() -> void:
	_dock.benchmark.saved_runs = SavedRuns.new("user://runs")
	_dock.open_benchmark(WORDS)
	_dock.benchmark.against.choose(AgainstMenu.Kind.RECIPE, "portable")
	Engine.max_fps = 4
	await wait(1.0)
	await run_benchmark(120)
	Engine.max_fps = 0
	await settle()
	await save("profiler-benchmark")


func run_benchmark(runs: int) -> void:
	var before: RefCounted = _dock.benchmark.get_result()
	_dock.benchmark.start(runs, PackedInt32Array([1, 2]))
	for second: int in 120:
		if _dock.benchmark.get_result() == before:
			await wait(1.0)


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
