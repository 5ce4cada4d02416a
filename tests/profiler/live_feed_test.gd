@tool
extends "res://tests/case.gd"
## What a game sends: good messages count, bad ones are dropped with a count and raise no error.

const LiveFeed := preload("res://addons/executorch/editor/profiler/live/live_feed.gd")
const LiveModel := preload("res://addons/executorch/editor/profiler/live/live_model.gd")
const Protocol := preload("res://addons/executorch/runtime/telemetry/telemetry_protocol.gd")


func running_feed() -> LiveFeed:
	var feed: LiveFeed = LiveFeed.new()
	feed.begin_session(0)
	feed.receive(0, "hello", [Protocol.VERSION, 16666.0])
	feed.receive(0, "model", [1, about("net")])
	return feed


func about(model: String) -> Dictionary:
	return {"name": model, "path": "res://%s.pt" % model, "methods": PackedStringArray(["forward"])}


func calls(first: int, count: int, duration: float = 100.0) -> PackedFloat64Array:
	var log_numbers: PackedFloat64Array = []
	for index: int in count:
		log_numbers.append_array([first + index, 1000.0 * (first + index), duration, 0.0, 0.0])
	return log_numbers


func test_calls_are_counted() -> void:
	var feed: LiveFeed = running_feed()
	check(feed.receive(0, "calls", [50_000.0, 3, [[1, calls(1, 10), 2]]]), "taken")
	check(feed.receive(0, "calls", [90_000.0, 3, [[1, calls(13, 5), 0]]]), "taken")
	var model: LiveModel = feed.models()[0]
	check_equal(model.statistics.count, 15)
	check_equal(model.lost, 2, "numbers 11 and 12 never came")
	check_equal(model.sequence_at(10), 13)
	check_equal(feed.dropped_count(), 0)


func test_parts_of_a_task_are_added_up() -> void:
	var feed: LiveFeed = running_feed()
	check_equal(feed.models()[0].stage_times().size(), 0)
	feed.receive(0, "calls", [50_000.0, 3, [[1, calls(1, 10), 2]]])
	check(feed.receive(0, "stages", [1, 2, 300, 1, 40]), "taken")
	check(feed.receive(0, "stages", [1, 1, 300, 1, 60]), "taken")
	var times: Dictionary[String, float] = feed.models()[0].stage_times()
	check_near([times["preparation"], times["model"], times["decoding"]], [200.0, 100.0, 50.0])
	var broken: Array[Array] = [[], [1], [7, 1, 1, 1, 1], [1, -1, 0, 0, 0], [1, 1.5, 0, 0, 0], ["1", 1, 1, 1, 1]]
	for data: Array in broken:
		check(not feed.receive(0, "stages", data), str(data))
	check_equal(feed.dropped_count(), broken.size())


func test_all_models_are_their_sum() -> void:
	var feed: LiveFeed = running_feed()
	feed.receive(0, "model", [2, about("other")])
	# A call every millisecond: of 100 us, and of 300 us.
	feed.receive(0, "calls", [100_000.0, 3, [[1, calls(1, 100), 0], [2, calls(1, 100, 300.0), 0]]])
	var activity: Dictionary[int, Dictionary] = feed.activity()
	check_near(activity[0]["load_share"], 10_000.0 / 99_000.0, 1e-9)
	check_near(activity[1]["load_share"], 30_000.0 / 99_000.0, 1e-9)
	for key: String in ["calls_per_second", "load_share"]:
		check_near(
			activity[LiveFeed.ALL][key], float(activity[0][key]) + float(activity[1][key]), 1e-9, "all of %s" % key
		)
	feed.receive(0, "calls", [110_000.0, 3, [[1, calls(103, 1), 0], [2, calls(102, 1), 0]]])
	check_equal(feed.lost_count(), 3, "101 and 102 of one, 101 of the other")


func test_failed_calls_are_errors_without_latency() -> void:
	var feed: LiveFeed = running_feed()
	var log_numbers: PackedFloat64Array = calls(1, 3)
	log_numbers[9] = 18.0
	feed.receive(0, "calls", [50_000.0, 3, [[1, log_numbers, 0]]])
	check_equal(feed.models()[0].errors, 1)
	check_equal(feed.models()[0].statistics.count, 2)


func test_bad_messages_are_dropped_with_a_count() -> void:
	var feed: LiveFeed = running_feed()
	var bad: Array[Array] = [
		["nonsense", []],
		["hello", []],
		["hello", ["1", 16.0]],
		["model", [1]],
		["model", [1, {"name": 5}]],
		["model", ["x", about("y")]],
		["calls", []],
		["calls", [1.0, 1, "no"]],
		["calls", [1.0, 1, [[1, calls(1, 1).slice(0, 4), 0]]]],
		["calls", [1.0, 1, [[99, calls(1, 1), 0]]]],
		["calls", [NAN, 1, []]],
		["calls", [1.0, 1, [[1, PackedFloat64Array([1.0, 5.0, INF, 0.0, 0.0]), 0]]]],
		["calls", [1.0, 1, [[1, PackedFloat64Array([1.0, 5.0, -1.0, 0.0, 0.0]), 0]]]],
		["calls", [1.0, 1, [[1, PackedByteArray([1, 2]), 0]]]],
		["memory", [1.0, [5]]],
		["memory", [1.0, [[1, "x"]]]],
		["trace", [1, {}]],
		["trace", [1, {"events": [{"name": "x"}, 7]}]],
		["gone", []],
		["gone", [42]],
	]
	for message: Array in bad:
		check(not feed.receive(0, message[0] as String, message[1] as Array), "%s was taken" % [message])
	check_equal(feed.dropped_count(), bad.size())
	check_equal(feed.models()[0].statistics.count, 0)


func test_another_version_is_dropped() -> void:
	var feed: LiveFeed = LiveFeed.new()
	feed.begin_session(0)
	check(not feed.receive(0, "hello", [Protocol.VERSION + 1, 16666.0]), "refused")
	check_equal(feed.dropped["version"], 1)


func test_late_and_repeated_messages_are_dropped() -> void:
	var feed: LiveFeed = running_feed()
	feed.receive(0, "calls", [50_000.0, 3, [[1, calls(1, 10), 0]]])
	feed.receive(0, "calls", [50_000.0, 3, [[1, calls(1, 10), 0]]])
	check_equal(feed.models()[0].statistics.count, 10, "the same calls count once")
	check_equal(feed.dropped["late"], 10)
	feed.end_session(0)
	check(not feed.receive(0, "calls", [60_000.0, 3, [[1, calls(11, 1), 0]]]), "after the end")
	check_equal(feed.dropped["late"], 11)


func test_a_flood_is_cut() -> void:
	var feed: LiveFeed = running_feed()
	for index: int in 5000:
		feed.receive(0, "calls", [50_000.0, 3, [[1, calls(index + 1, 1), 0]]])
	check(feed.dropped.get("flood", 0) > 1000, "%s" % feed.dropped)
	check(feed.models()[0].statistics.count >= 900, "the first ones count")
	for index: int in 200:
		feed.receive(0, "model", [index + 2, about("net")])
	check(feed.models().size() <= Protocol.MOST_MODELS, "%d models" % feed.models().size())


func test_a_game_that_dies_leaves_its_models() -> void:
	var feed: LiveFeed = running_feed()
	feed.receive(0, "calls", [50_000.0, 3, [[1, calls(1, 10), 0]]])
	feed.end_session(0)
	check_equal(feed.models().size(), 1)
	check(feed.models()[0].ended, "marked as ended")
	check_near(feed.models()[0].rate(51_000.0), 0.0, 0.0)
	feed.begin_session(0)
	check_equal(feed.models().size(), 0, "the next game begins with an empty list")


func test_memory_over_time() -> void:
	var feed: LiveFeed = running_feed()
	feed.receive(0, "model", [2, about("other")])
	var info: Dictionary = {"program": 100, "planned": PackedInt64Array([50, 7]), "delegate": 3, "constants": "x"}
	check(feed.receive(0, "memory", [1e6, [[1, info], [2, info]]]), "taken")
	feed.receive(0, "gone", [1])
	feed.receive(0, "memory", [2e6, [[2, info]]])
	check_equal(feed.memory.series(0), PackedInt64Array([160, 0]))
	check_equal(feed.memory.series(1), PackedInt64Array([160, 160]))
	check_equal([feed.memory.total_at(0), feed.memory.total_at(1)], [320, 160])
	var layers: Array[PackedFloat64Array] = feed.memory.stacked([0, 1])
	check_near(layers[0] + layers[1] + layers[2], [0.0, 0.0, 160.0, 0.0, 320.0, 160.0], 0.0, "edges of the layers")


func test_pause_lets_calls_pass_by() -> void:
	var feed: LiveFeed = running_feed()
	feed.paused = true
	feed.receive(0, "calls", [50_000.0, 3, [[1, calls(1, 10), 0]]])
	check_equal(feed.models()[0].statistics.count, 0)
	feed.paused = false
	feed.receive(0, "calls", [60_000.0, 3, [[1, calls(11, 2), 0]]])
	check_equal(feed.models()[0].statistics.count, 2)
	check_equal(feed.lost_count(), 0, "what passed by arrived")


func test_models_that_come_and_go_leave_room_for_others() -> void:
	var feed: LiveFeed = running_feed()
	for id: int in range(2, 300):
		check(feed.receive(0, "model", [id, about("enemy")]), "model %d is shown" % id)
		feed.receive(0, "memory", [1000.0 * id, [[id, {"program": 100}]]])
		feed.receive(0, "gone", [id])
	check(feed.receive(0, "calls", [1e6, 3, [[1, calls(1, 1), 0]]]), "the one that stayed is still known")
	check(feed.models().size() <= Protocol.MOST_MODELS, "%d models" % feed.models().size())
	check(feed.memory.models().size() <= Protocol.MOST_MODELS, "memory of %d models" % feed.memory.models().size())


func test_one_model_too_many_does_not_silence_the_others() -> void:
	var feed: LiveFeed = running_feed()
	for id: int in range(2, Protocol.MOST_MODELS + 2):
		feed.receive(0, "model", [id, about("enemy%d" % id)])
	var entries: Array = [[Protocol.MOST_MODELS + 1, calls(1, 1), 0], [1, calls(1, 3), 0]]
	feed.receive(0, "calls", [50_000.0, 3, entries])
	check_equal(feed.models()[0].statistics.count, 3)
	check_equal(feed.dropped, {"flood": 2} as Dictionary[String, int])


func test_two_games_have_their_own_clocks() -> void:
	var feed: LiveFeed = LiveFeed.new()
	for session: int in 2:
		feed.begin_session(session)
		feed.receive(session, "model", [1, about("net")])
	# A call every millisecond for a tenth of a second.
	feed.receive(0, "calls", [100_100.0, 3, [[1, calls(1, 100), 0]]])
	var alone: float = feed.activity()[0]["calls_per_second"]
	feed.receive(1, "calls", [1000.0, 3, []])
	check_near(feed.activity()[0]["calls_per_second"], alone, 1e-9, "the other game began later")
	feed.receive(1, "calls", [1e9, 3, []])
	check_near(feed.activity()[0]["calls_per_second"], alone, 1e-9, "the other game began earlier")


func test_what_was_lost_is_forgotten_with_the_calls() -> void:
	var feed: LiveFeed = running_feed()
	var log_numbers: PackedFloat64Array = calls(5, 3)
	log_numbers[4] = 18.0
	feed.receive(0, "calls", [50_000.0, 3, [[1, log_numbers, 0]]])
	check_equal([feed.lost_count(), feed.models()[0].errors], [4, 1])
	feed.clear()
	check_equal([feed.lost_count(), feed.models()[0].errors], [0, 0])
	feed.receive(0, "calls", [60_000.0, 3, [[1, calls(8, 1), 0]]])
	check_equal([feed.lost_count(), feed.models()[0].statistics.count], [0, 1])


func test_sessions_of_a_model_are_summed() -> void:
	var feed: LiveFeed = running_feed()
	var entries: Array = [[1, calls(1, 2), 1]]
	for id: int in range(2, 401):
		check(feed.receive(0, "model", [id, about("net")]), "session %d" % id)
		entries.append([id, calls(1, 2), 1])
	check(feed.receive(0, "calls", [50_000.0, 3, entries]), "taken")
	check_equal(feed.models().size(), 1)
	var model: LiveModel = feed.models()[0]
	check_equal([model.sessions.size(), model.statistics.count, model.queue_depth], [400, 800, 400])
	check_equal(feed.dropped_count(), 0, "nothing is left out in silence")
	var info: Dictionary = {"program": 100, "planned": PackedInt64Array([50]), "delegate": 3}
	feed.receive(0, "memory", [1e6, [[1, info], [2, info]]])
	check_equal(model.memory_bytes(), 203, "the program once, planned memory twice")
	for id: int in range(1, 400):
		feed.receive(0, "gone", [id])
	check(not model.ended and model.id == 400, "one session still runs")
	feed.receive(0, "gone", [400])
	check(model.ended, "the last one is gone")
