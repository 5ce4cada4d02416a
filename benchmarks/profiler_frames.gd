@tool
extends Node
## How fast the editor draws with 100,000 calls in the Live tab, new ones in every frame; taken as a shot is.

const Dock := preload("res://addons/executorch/editor/profiler/profiler_dock.gd")
const LiveFeed := preload("res://addons/executorch/editor/profiler/data/live_feed.gd")
const SESSION: int = 7
const MODELS: int = 4
const SAMPLES: int = 100_000
const BATCH: int = 5000
const FRAMES: int = 240

var _dock: Dock
var _feed: LiveFeed
var _sequence: int = 0
var _now_us: float = 0.0


func take_all(_names: PackedStringArray) -> void:
	DisplayServer.window_set_vsync_mode(DisplayServer.VSYNC_DISABLED)
	OS.low_processor_usage_mode = false
	Engine.max_fps = 0
	_dock = EditorInterface.get_base_control().get_window().find_child("ModelProfiler", true, false) as Dock
	_dock.custom_minimum_size.y = 470.0 * EditorInterface.get_editor_scale()
	(get_parent() as EditorPlugin).make_bottom_panel_item_visible(_dock)
	_feed = _dock.get_feed()
	_dock.tabs.current_tab = _dock.operators.get_index()
	var numbers: Dictionary = {"without": await frames(), "size": str(_dock.size)}
	_feed.begin_session(SESSION)
	for model: int in MODELS:
		_feed.receive(SESSION, "model", [model, {"name": "m%d" % model, "path": "", "methods": PackedStringArray()}])
	@warning_ignore("integer_division")
	for batch: int in SAMPLES / BATCH:
		send(BATCH)
	_dock.tabs.current_tab = _dock.live.get_index()
	# All calls are in view: the most that there is to draw.
	_dock.live.time_line.live_window_us = 0.0
	_dock.live.time_line.reset_view()
	numbers["all models"] = await frames()
	_dock.live.select_model(_feed.models()[0])
	numbers["one model"] = await frames()
	numbers["samples"] = _feed.models().map(func(model: RefCounted) -> int: return model.get(&"statistics").held)
	numbers["draw_us"] = await draw_time()
	print("@@FRAMES %s" % JSON.stringify(numbers))


## Frames per second, and microseconds of the Live tab's own `_process` in each.
func frames() -> Dictionary:
	for frame: int in 60:
		await get_tree().process_frame
	var process_us: int = 0
	var begin: int = Time.get_ticks_usec()
	for frame: int in FRAMES:
		await get_tree().process_frame
		if not _feed.models().is_empty():
			send(1)
			var before: int = Time.get_ticks_usec()
			_dock.live._process(1.0 / 60.0)
			process_us += Time.get_ticks_usec() - before
	var seconds: float = (Time.get_ticks_usec() - begin) / 1e6
	return {"fps": FRAMES / seconds, "process_us": float(process_us) / FRAMES}


## Microseconds of the processor for one `_draw` of the time line and of the histogram.
func draw_time() -> Dictionary:
	var line: TimedLine = TimedLine.new()
	line.size = _dock.live.time_line.size
	add_child(line)
	var names: PackedStringArray = ["m0"]
	var series: Array[ExecuTorchLatencyStatistics] = [_feed.models()[0].statistics]
	for frame: int in 120:
		send(1)
		line.show_series(names, series, PackedInt32Array([0]))
		await get_tree().process_frame
	line.queue_free()
	return {"time_line": float(line.spent_us) / maxi(line.draws, 1), "draws": line.draws, "width": line.size.x}


## The next `count` calls of each model.
func send(count: int) -> void:
	_now_us += count * 16_667.0
	for model: int in MODELS:
		var numbers: PackedFloat64Array = []
		for index: int in count:
			var at: float = _now_us - (count - index) * 16_667.0
			var duration: float = (
				400.0 + 150.0 * sin(at * 1e-6) + randf() * 100.0 + (3000.0 if randi() % 500 == 0 else 0.0)
			)
			numbers.append_array([_sequence + index + 1, at, duration, 0.0, 0.0])
		_feed.receive(SESSION, "calls", [_now_us, 1, [[model, numbers, 0]]])
	_sequence += count


class TimedLine:
	extends "res://addons/executorch/editor/profiler/charts/latency_chart.gd"
	var spent_us: int = 0
	var draws: int = 0

	func _draw() -> void:
		var begin: int = Time.get_ticks_usec()
		super()
		spent_us += Time.get_ticks_usec() - begin
		draws += 1
