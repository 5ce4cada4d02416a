@tool
extends "res://tests/case.gd"
## An editor that starts a real game and receives its messages over the debugger connection.

const Dock := preload("res://addons/executorch/editor/profiler/profiler_dock.gd")
const LiveFeed := preload("res://addons/executorch/editor/profiler/live/live_feed.gd")
const LiveModel := preload("res://addons/executorch/editor/profiler/live/live_model.gd")
const RecordedInputs := preload("res://addons/executorch/editor/profiler/data/recorded_inputs.gd")
const COUNTERS: String = "user://profiler_game_counters.json"


func before_each() -> void:
	ProjectSettings.set_setting("editor/run/main_run_args", "--headless")
	DirAccess.remove_absolute(ProjectSettings.globalize_path(COUNTERS))


func after_each() -> void:
	EditorInterface.stop_playing_scene()


func find_dock() -> Dock:
	return EditorInterface.get_base_control().get_window().find_child("ModelProfiler", true, false) as Dock


func play(mode: String) -> LiveFeed:
	var feed: LiveFeed = find_dock().get_feed()
	# The run bar takes over a changed setting a frame later.
	for frame: int in 5:
		await get_tree().process_frame
	EditorInterface.play_custom_scene("res://tests/profiler/games/game_%s.tscn" % mode)
	await wait_until(func() -> bool: return feed.is_running(), 30.0, "the game's connection")
	await wait_until(func() -> bool: return not feed.is_running(), 60.0, "the game's end")
	return feed


func check_totals(feed: LiveFeed) -> void:
	var counters: Variant = JSON.parse_string(FileAccess.get_file_as_string(COUNTERS))
	check(counters is Dictionary, "the game wrote its counters")
	check_equal(feed.models().size(), 2)
	for model: LiveModel in feed.models():
		check((counters as Dictionary).has(model.name), "the game has no %s" % model.name)
		var own: Dictionary = (counters as Dictionary).get(model.name, {})
		check_equal(model.statistics.count, int(own.get("count", -1)), model.name)
		check_equal(model.lost, 0)
		# The native clock is calibrated while it runs, so a time that is asked for later differs in the sixth digit.
		for pair: Array in [
			[model.statistics.total_us, own.get("total_us", 0.0), "sum of durations"],
			[model.statistics.summary()["max_us"], own.get("max_us", 0.0), "longest"],
			[model.statistics.percentile(50.0), own.get("p50_us", 0.0), "median"],
		]:
			check_near(float(pair[0]) / maxf(pair[1] as float, 1e-9), 1.0, 1e-3, pair[2] as String)
		check(model.memory_bytes() > 0, "memory arrived")


func test_totals_are_the_games_own() -> void:
	var feed: LiveFeed = await play("plain")
	check_totals(feed)
	check_equal(feed.dropped_count(), 0, "%s" % feed.dropped)


func test_sessions_of_one_model_are_added_up() -> void:
	var feed: LiveFeed = await play("crowd")
	var counters: Dictionary = JSON.parse_string(FileAccess.get_file_as_string(COUNTERS))
	check_equal(feed.models().size(), 1)
	check_equal(feed.models()[0].statistics.count, int(counters["linear_xnnpack"]["count"]))
	check(feed.models()[0].statistics.count >= 300, "all sessions are in it")
	check_equal(feed.lost_count(), 0)
	check_equal(feed.dropped_count(), 0, "%s" % feed.dropped)
	check(feed.models()[0].memory_bytes() > 0, "memory arrived")


func test_the_parts_of_a_task_are_shown() -> void:
	var feed: LiveFeed = await play("task")
	check_equal(feed.dropped_count(), 0, "%s" % feed.dropped)
	var model: LiveModel = feed.models()[0]
	check_equal(model.stages[0], model.statistics.count, "a preparation for each call")
	check_equal(model.stages[2], model.statistics.count, "a decoding for each call")
	var times: Dictionary[String, float] = model.stage_times()
	check_equal(times.keys(), ["preparation", "model", "decoding"])
	check(times.values().all(func(usec: float) -> bool: return usec > 0.0), str(times))
	var hidden: Array[CanvasItem] = []
	var at: Node = find_dock().live
	while at is CanvasItem:
		if not (at as CanvasItem).visible:
			hidden.append(at as CanvasItem)
			(at as CanvasItem).show()
		at = at.get_parent()
	await wait_until(func() -> bool: return find_dock().live.stages.visible, 5.0, "the bar")
	var words: PackedStringArray = []
	for label: Node in find_dock().live.stages.find_children("*", "Label", true, false):
		words.append((label as Label).text)
	check(" ".join(words).begins_with("Preparation"), " ".join(words))
	for item: CanvasItem in hidden:
		item.hide()


func test_the_games_inputs_are_recorded() -> void:
	var dock: Dock = find_dock()
	var feed: LiveFeed = dock.get_feed()
	var places: PackedStringArray = []
	dock.live.inputs_recorded.connect(func(_model: LiveModel, place: String) -> void: places.append(place))
	for frame: int in 5:
		await get_tree().process_frame
	EditorInterface.play_custom_scene("res://tests/profiler/games/game_plain.tscn")
	await wait_until(func() -> bool: return feed.is_running() and not feed.models().is_empty(), 30.0, "a model")
	dock.live.select_model(feed.models()[0])
	dock.live.record_inputs(true)
	await wait_until(func() -> bool: return feed.models()[0].recording.calls.size() > 5, 30.0, "recorded calls")
	dock.live.record_inputs(false)
	check_equal(places.size(), 1, "saved once")
	await wait_until(func() -> bool: return not feed.is_running(), 60.0, "the game's end")
	check_equal(dock.benchmark.inputs.get_place(), places[0], "the next benchmark of the model takes it")
	var calls: Array[Array] = RecordedInputs.open(places[0], ["input_0"]).calls
	for index: int in range(1, calls.size()):
		var step: float = (calls[index][0] as Dictionary)["data"][0] - (calls[index - 1][0] as Dictionary)["data"][0]
		# The game gives the number of its frame, and calls its first model once a frame.
		check_near(step, 1.0, 0.0, "no call is missing")
	check_equal(feed.dropped_count(), 0, "%s" % feed.dropped)


func test_a_frozen_call_shows_its_own_operators() -> void:
	var feed: LiveFeed = find_dock().get_feed()
	for frame: int in 5:
		await get_tree().process_frame
	EditorInterface.play_custom_scene("res://tests/profiler/games/game_plain.tscn")
	await wait_until(func() -> bool: return feed.is_running() and not feed.models().is_empty(), 30.0, "a model")
	var model: LiveModel = feed.models()[0]
	find_dock().live.select_model(model)
	find_dock().live.start_tracing(0.01)
	await wait_until(func() -> bool: return not model.traces.is_empty(), 30.0, "a traced call")
	await wait_until(func() -> bool: return not feed.is_running(), 60.0, "the game's end")
	var traced: int = model.traces[0].sequence
	for index: int in model.statistics.held:
		if model.sequence_at(index) == traced:
			find_dock().live.time_line.call_selected.emit(0, index)
			check_near(model.traces[0].wall_us / model.statistics.duration_us(index), 1.0, 0.05, "the same call")
	check(find_dock().live.flame.get_trace() == model.traces[0], "the call's own operators are shown")
	check(not find_dock().live.time_line.follows, "the view stands still")
	find_dock().live.time_line.reset_view()


func more_calls(model: LiveModel, calls: int) -> void:
	var upto: int = model.statistics.count + calls
	await wait_until(func() -> bool: return model.statistics.count > upto, 10.0, "more calls")


## Godot hands messages that arrive together to a busy script in reverse. They may also come a frame apart, so what
## counts is what goes on after all of them have been done.
func test_of_several_requests_in_one_frame_the_last_one_holds() -> void:
	var feed: LiveFeed = find_dock().get_feed()
	for frame: int in 5:
		await get_tree().process_frame
	EditorInterface.play_custom_scene("res://tests/profiler/games/game_busy.tscn")
	await wait_until(func() -> bool: return feed.is_running() and feed.models().size() == 2, 30.0, "the models")
	# The one that runs twice a frame.
	var model: LiveModel = feed.models()[1]
	var off: float = -1.0
	var all: float = 0.01
	var next_one: float = 0.0
	for thresholds: Array in [[off, all], [all, off], [next_one, all], [all, off, all], [all, next_one]]:
		find_dock()._debugger.trace(model, off)
		await more_calls(model, 20)
		model.traces.clear()
		for threshold_us: float in thresholds:
			find_dock()._debugger.trace(model, threshold_us)
		await more_calls(model, 30)
		var at_first: int = model.traces.size()
		await more_calls(model, 30)
		var later: int = model.traces.size() - at_first
		if thresholds[-1] == all:
			check(later > 5, "%s: %d traces" % [thresholds, later])
		else:
			check_equal(later, 0, "%s" % [thresholds])
		if thresholds[-1] == next_one:
			check(at_first > 0, "%s: no trace" % [thresholds])
	check_equal(feed.dropped_count(), 0, "%s" % feed.dropped)


func test_bad_messages_are_counted_and_do_no_harm() -> void:
	var feed: LiveFeed = await play("noisy")
	check_totals(feed)
	check(feed.dropped_count() >= 80, "%s" % feed.dropped)


func test_a_game_that_dies_leaves_the_dock_usable() -> void:
	var feed: LiveFeed = await play("dies")
	check_equal(feed.models().size(), 2)
	for model: LiveModel in feed.models():
		check(model.ended, "%s has ended" % model.name)
		check(model.statistics.count > 10, "%d calls of %s" % [model.statistics.count, model.name])
	find_dock().live.select_model(feed.models()[0])
	await get_tree().process_frame
	check_totals_after_next_game(await play("plain"))


func check_totals_after_next_game(feed: LiveFeed) -> void:
	check_totals(feed)
	check(not feed.models().is_empty() and feed.models()[0].key == 0, "the list began anew")
