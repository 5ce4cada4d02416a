@tool
extends Node
## How fast the profiler's dock draws with 100,000 calls in the Live tab and new ones in every frame. The dock is in a
## window of its own, and the editor's main window is not drawn: its pixels would cost more than all that is asked here.

const Dock := preload("res://addons/executorch/editor/profiler/profiler_dock.gd")
const DebuggerPlugin := preload("res://addons/executorch/editor/profiler/live/debugger_plugin.gd")
const LiveFeed := preload("res://addons/executorch/editor/profiler/live/live_feed.gd")
const SESSION: int = 7
const MODELS: int = 4
const SAMPLES: int = 100_000
const BATCH: int = 5000
const FRAMES: int = 300
const SETTLE: int = 60
const SIZE: Vector2i = Vector2i(1152, 324)

var _dock: Dock
var _feed: LiveFeed
var _sequence: int = 0
var _now_us: float = 0.0
var _draws: int = 0
var _window: Window
var _seen: int = 0


func take_all(_names: PackedStringArray) -> void:
	OS.low_processor_usage_mode = false
	Engine.max_fps = 0
	_open_window()
	var views: Dictionary[String, Dictionary] = {"no calls": await measure()}
	_feed.begin_session(SESSION)
	for model: int in MODELS:
		_feed.receive(SESSION, "model", [model, {"name": "m%d" % model, "path": "", "methods": PackedStringArray()}])
	@warning_ignore("integer_division")
	for batch: int in SAMPLES / BATCH:
		send(BATCH)
	_dock.live.select_model(_feed.models()[0])
	views["one model, the last 15 s"] = await measure()
	_dock.live.time_line.live_window_us = 0.0
	_dock.live.time_line.reset_view()
	views["one model, all calls in view"] = await measure()
	_dock.live.select_model(null)
	views["four models, all calls in view"] = await measure()
	var numbers: Dictionary = {
		"size": [SIZE.x, SIZE.y],
		"samples": _feed.models().map(func(model: RefCounted) -> int: return model.get(&"statistics").held),
		"dropped": _feed.dropped_count(),
		"views": views,
	}
	print("@@FRAMES %s" % JSON.stringify(numbers, "", false))


func _open_window() -> void:
	var root: Window = get_tree().root
	root.gui_embed_subwindows = false
	_window = Window.new()
	_window.force_native = true
	_window.size = SIZE
	_window.theme = EditorInterface.get_editor_theme()
	EditorInterface.get_base_control().add_child(_window)
	var debugger: DebuggerPlugin = DebuggerPlugin.new()
	_feed = debugger.feed
	_dock = Dock.new()
	_dock.set_debugger(debugger)
	_dock.custom_minimum_size = Vector2.ZERO
	_dock.set_anchors_preset(Control.PRESET_FULL_RECT)
	_window.add_child(_dock)
	_dock.live.time_line.draw.connect(func() -> void: _draws += 1)
	RenderingServer.viewport_set_update_mode(root.get_viewport_rid(), RenderingServer.VIEWPORT_UPDATE_DISABLED)
	for id: int in DisplayServer.get_window_list():
		DisplayServer.window_set_vsync_mode(DisplayServer.VSYNC_DISABLED, id)


## The frame rate as it is shown, and without the renderer's part, which is nearly all of a frame where the processor
## paints each pixel.
func measure() -> Dictionary:
	var shown: Dictionary = await frames()
	RenderingServer.viewport_set_update_mode(_window.get_viewport_rid(), RenderingServer.VIEWPORT_UPDATE_DISABLED)
	shown["unpainted_fps"] = (await frames())["fps"]
	RenderingServer.viewport_set_update_mode(_window.get_viewport_rid(), RenderingServer.VIEWPORT_UPDATE_WHEN_VISIBLE)
	return shown


## Frames per second with a new call of each model in each.
func frames() -> Dictionary:
	for frame: int in SETTLE:
		await get_tree().process_frame
		send(1)
	var drawn: int = Engine.get_frames_drawn()
	var draws: int = _draws
	var begin: int = Time.get_ticks_usec()
	for frame: int in FRAMES:
		await get_tree().process_frame
		send(1)
	# llvmpipe copies a frame to the display before the next one; reading the pixels back waits for the last.
	var shown: Image = _window.get_texture().get_image()
	var seconds: float = (Time.get_ticks_usec() - begin) / 1e6
	var before: int = _seen
	_seen = hash(shown.get_data())
	shown.save_png(OS.get_environment("EXECUTORCH_SHOTS_OUT").path_join("frames_%d.png" % _draws))
	return {
		"fps": (Engine.get_frames_drawn() - drawn) / seconds,
		"time_line_draws": float(_draws - draws) / (Engine.get_frames_drawn() - drawn),
		"other_pixels": _seen != before,
	}


## The next `count` calls of each model, in one message as a game sends them.
func send(count: int) -> void:
	if _feed.models().is_empty():
		return
	_now_us += count * 16_667.0
	var entries: Array = []
	for model: LiveFeed.LiveModel in _feed.models():
		var numbers: PackedFloat64Array = []
		for index: int in count:
			var at: float = _now_us - (count - index) * 16_667.0
			var duration: float = (
				400.0 + 150.0 * sin(at * 1e-6) + randf() * 100.0 + (3000.0 if randi() % 500 == 0 else 0.0)
			)
			numbers.append_array([_sequence + index + 1, at, duration, 0.0, 0.0])
		entries.append([model.id, numbers, 0])
	_feed.receive(SESSION, "calls", [_now_us, 1, entries])
	_sequence += count
