@tool
extends "res://tests/case.gd"
## The numbers that all views show.

const Pyramid := preload("res://addons/executorch/editor/shared/min_max_pyramid.gd")
const LatencyStatistics := preload("res://addons/executorch/editor/shared/latency_statistics.gd")


func test_percentiles_are_numpys() -> void:
	var statistics: LatencyStatistics = LatencyStatistics.new()
	for number: float in [15.0, 20.0, 35.0, 40.0, 50.0]:
		statistics.record(statistics.held * 100.0, number)
	# numpy.percentile([15, 20, 35, 40, 50], [40, 50, 90, 99])
	check_near(statistics.percentile(40.0), 29.0, 1e-9)
	check_near(statistics.percentile(50.0), 35.0, 1e-9)
	check_near(statistics.percentile(90.0), 46.0, 1e-9)
	check_near(statistics.percentile(99.0), 49.6, 1e-9)
	var summary: Dictionary = statistics.summary()
	check_near(summary["mean_us"], 32.0, 1e-9)
	check_near(summary["deviation_us"], 12.884098726725126, 1e-9, "numpy.std")
	check_near(summary["total_us"], 160.0, 1e-9)
	check_equal(summary["count"], 5)
	check_near([summary["min_us"], summary["max_us"], summary["last_us"]], [15.0, 50.0, 50.0], 0.0)


func test_nothing_is_zero() -> void:
	var statistics: LatencyStatistics = LatencyStatistics.new()
	check_near(statistics.percentile(99.0), 0.0, 0.0)
	check_equal(statistics.summary()["count"], 0)
	check_equal(statistics.longest(0, 0), -1)


func test_old_calls_are_dropped_and_counting_goes_on() -> void:
	var statistics: LatencyStatistics = LatencyStatistics.new(1000)
	var random: RandomNumberGenerator = RandomNumberGenerator.new()
	random.seed = 3
	var all: PackedFloat64Array = []
	for index: int in 20_000:
		var duration: float = random.randf_range(1.0, 1000.0)
		all.append(duration)
		statistics.record(index * 10.0, duration)
	check_equal(statistics.count, 20_000)
	check(statistics.held >= 1000 and statistics.held < 1000 + Pyramid.CHUNK, "%d are held" % statistics.held)
	var last: PackedFloat64Array = all.slice(all.size() - statistics.held)
	check_equal(statistics.durations(), last)
	last.sort()
	for percent: float in [0.0, 1.0, 50.0, 90.0, 99.0, 100.0]:
		check_near(statistics.percentile(percent), LatencyStatistics.percentile_of(last, percent), 1e-9)
	var fresh: Dictionary = LatencyStatistics.summary_of(last)
	check_near(statistics.summary()["mean_us"], fresh["mean_us"], 1e-6)
	check_near(statistics.summary()["deviation_us"], fresh["deviation_us"], 1e-4)


func test_many_at_once_is_the_same_as_one_by_one() -> void:
	var one: LatencyStatistics = LatencyStatistics.new(500)
	var many: LatencyStatistics = LatencyStatistics.new(500)
	var times: PackedFloat64Array = []
	var durations: PackedFloat64Array = []
	for index: int in 6000:
		times.append(index * 5.0)
		durations.append(fmod(index * 37.0, 101.0))
		one.record(times[index], durations[index])
	many.record_many(times, durations)
	check_equal(many.held, one.held)
	check_equal(many.durations(), one.durations())
	check_near(many.percentile(73.0), one.percentile(73.0), 0.0)


func test_histogram_holds_every_call_once() -> void:
	var statistics: LatencyStatistics = LatencyStatistics.new()
	for index: int in 1000:
		statistics.record(index, index % 100)
	var bins: PackedInt32Array = statistics.histogram(10, 0.0, 50.0)
	check_equal(bins, PackedInt32Array([50, 50, 50, 50, 50, 50, 50, 50, 50, 550]), "the last bin holds what is longer")


func test_decimation_keeps_every_extreme() -> void:
	var statistics: LatencyStatistics = LatencyStatistics.new(50_000)
	var random: RandomNumberGenerator = RandomNumberGenerator.new()
	random.seed = 11
	for index: int in 60_000:
		statistics.record(index * 7.0 + random.randf(), random.randf_range(10.0, 1000.0))
	var begin: float = statistics.time_us(1234)
	var end: float = statistics.time_us(statistics.held - 777)
	for columns: int in [1, 7, 640, 1999]:
		var pair: Array[PackedFloat64Array] = statistics.decimate(begin, end, columns)
		var step: float = (end - begin) / columns
		var wrong: int = 0
		for column: int in columns:
			var low: float = INF
			var high: float = -INF
			for index: int in range(
				statistics.index_at(begin + step * column), statistics.index_at(begin + step * (column + 1))
			):
				low = minf(low, statistics.duration_us(index))
				high = maxf(high, statistics.duration_us(index))
			if (low != pair[0][column] or high != pair[1][column]) and not (is_nan(pair[0][column]) and low == INF):
				wrong += 1
		check(wrong <= 1, "%d of %d columns differ" % [wrong, columns])


func test_a_time_range_has_its_own_numbers() -> void:
	var statistics: LatencyStatistics = LatencyStatistics.new()
	for index: int in 100:
		statistics.record(index * 10.0, 99.0 - index)
	var part: PackedFloat64Array = statistics.sorted_between(200.0, 300.0)
	check_equal(part, PackedFloat64Array([70, 71, 72, 73, 74, 75, 76, 77, 78, 79]), "ascending")
	check_near(LatencyStatistics.summary_of(part)["mean_us"], 74.5, 1e-9)
	check_near(statistics.sorted_between(980.0, 5000.0), [0.0, 1.0], 0.0)
	check_equal(statistics.sorted_between(0.0, 5000.0).size(), 100)
	check_equal(statistics.longest(10, 20), 10)
