@tool
extends RefCounted
## Latencies of one model's calls. The one place that counts in Godot: the live view, benchmarks, saved runs and exports
## all read their percentiles here; python_backend/profiling/latency.py counts the same for the command line.
## Percentiles are exact over the calls that are held (linear interpolation, as numpy's).

const Pyramid := preload("res://addons/executorch/editor/shared/min_max_pyramid.gd")
## From this many new samples on, sorting again is cheaper than inserting one by one.
const SORT_FROM: int = 256

## How many calls are held at least once there were as many; up to one chunk more are kept.
var capacity: int:
	get:
		return _capacity
## All calls ever recorded.
var count: int:
	get:
		return _count
## Calls that are held.
var held: int:
	get:
		return _times.size()
## Sum of all durations ever recorded, microseconds.
var total_us: float:
	get:
		return _total_us
## Goes up with every change: views compare it to know whether to draw again.
var revision: int:
	get:
		return _revision

var _capacity: int
var _count: int = 0
var _total_us: float = 0.0
var _origin_us: float = 0.0
var _held_us: float = 0.0
var _held_squares: float = 0.0
var _revision: int = 0
var _times: PackedFloat64Array = []
var _durations: Pyramid = Pyramid.new()
var _sorted: PackedFloat64Array = []


func _init(samples: int = 100_000) -> void:
	_capacity = maxi(samples, 1)


## Adds a call that began at `at_us` and took `duration` microseconds. A time before the last one counts as the last
## one.
func record(at_us: float, duration: float) -> void:
	_hold(at_us, duration)
	_sorted.insert(_sorted.bsearch(duration), duration)
	_drop_old()


## Adds many calls; both arrays have the same size.
func record_many(times_us: PackedFloat64Array, durations_us: PackedFloat64Array) -> void:
	if durations_us.size() < SORT_FROM:
		for index: int in durations_us.size():
			record(times_us[index], durations_us[index])
		return
	for index: int in durations_us.size():
		_hold(times_us[index], durations_us[index])
	_sorted.append_array(durations_us)
	_sorted.sort()
	_drop_old()


func clear() -> void:
	_times = PackedFloat64Array()
	_sorted = PackedFloat64Array()
	_durations.clear()
	_count = 0
	_total_us = 0.0
	_origin_us = 0.0
	_held_us = 0.0
	_held_squares = 0.0
	_revision += 1


## Microseconds below which `percent` of the held calls lie; 0 when there are none.
func percentile(percent: float) -> float:
	return percentile_of(_sorted, percent)


## `{count, held, last_us, mean_us, p50_us, p90_us, p99_us, min_us, max_us, deviation_us, calls_per_second,
## total_us}`; all but `count` and `total_us` are of the held calls.
func summary() -> Dictionary:
	var result: Dictionary = _summary(_sorted, _origin_us, _held_us, _held_squares)
	result["held"] = held
	result["count"] = _count
	result["total_us"] = _total_us
	result["last_us"] = _durations.value(held - 1) if held > 0 else 0.0
	return result


## Calls per bin between `low_us` and `high_us`; see histogram_of().
func histogram(bins: int, low_us: float, high_us: float) -> PackedInt32Array:
	return histogram_of(_sorted, bins, low_us, high_us)


## Index of the first held call that began at or after the time.
func index_at(at_us: float) -> int:
	return _times.bsearch(at_us)


func time_us(index: int) -> float:
	return _times[index]


func duration_us(index: int) -> float:
	return _durations.value(index)


func durations() -> PackedFloat64Array:
	return _durations.slice(0, held)


## Durations of the calls that began between the two times, ascending.
func sorted_between(from_us: float, to_us: float) -> PackedFloat64Array:
	var first: int = index_at(from_us)
	var last: int = index_at(to_us)
	if first == 0 and last == held:
		return _sorted.duplicate()
	var part: PackedFloat64Array = _durations.slice(first, last)
	part.sort()
	return part


## Time of the first and of the last held call, microseconds.
func first_time_us() -> float:
	return _times[0] if held > 0 else 0.0


func last_time_us() -> float:
	return _times[held - 1] if held > 0 else 0.0


## Index of the longest call from `first` to before `last`, -1 when there is none.
func longest(first: int, last: int) -> int:
	_durations.find_extremes(first, last)
	for index: int in range(first, last):
		if _durations.value(index) == _durations.high:
			return index
	return -1


## Shortest and longest duration of `columns` equal stretches of time: two arrays, NAN where no call began.
func decimate(from_us: float, to_us: float, columns: int) -> Array[PackedFloat64Array]:
	var lows: PackedFloat64Array = []
	var highs: PackedFloat64Array = []
	lows.resize(columns)
	highs.resize(columns)
	lows.fill(NAN)
	highs.fill(NAN)
	var step: float = (to_us - from_us) / maxi(columns, 1)
	var first: int = _times.bsearch(from_us)
	for column: int in columns:
		if first >= _times.size():
			break
		# Columns without a call are skipped in one step.
		if _times[first] >= from_us + step * (column + 1):
			continue
		var last: int = _times.bsearch(from_us + step * (column + 1))
		_durations.find_extremes(first, last)
		lows[column] = _durations.low
		highs[column] = _durations.high
		first = last
	return [lows, highs]


## Percentile of an ascending array.
static func percentile_of(sorted: PackedFloat64Array, percent: float) -> float:
	if sorted.is_empty():
		return 0.0
	var rank: float = clampf(percent, 0.0, 100.0) / 100.0 * (sorted.size() - 1)
	var below: int = int(rank)
	var above: int = mini(below + 1, sorted.size() - 1)
	return sorted[below] + (sorted[above] - sorted[below]) * (rank - below)


## Summary of an ascending array.
static func summary_of(sorted: PackedFloat64Array) -> Dictionary:
	# Around a number of the array, so that no small spread is lost beside a large mean.
	var origin: float = percentile_of(sorted, 50.0)
	var sum: float = 0.0
	var squares: float = 0.0
	for number: float in sorted:
		sum += number - origin
		squares += (number - origin) * (number - origin)
	return _summary(sorted, origin, sum, squares)


## The stretch of an ascending array that a histogram shows: the longest percent would leave a sliver for all others.
## `other` is shown beside it, and may be empty.
static func histogram_range(sorted: PackedFloat64Array, other: PackedFloat64Array) -> PackedFloat64Array:
	var begin: float = sorted[0]
	var end: float = percentile_of(sorted, 99.0)
	if not other.is_empty():
		begin = minf(begin, other[0])
		end = maxf(end, percentile_of(other, 99.0))
	var margin: float = maxf((end - begin) * 0.08, end * 0.01 + 0.01)
	return [maxf(begin - margin, 0.0), end + margin]


## The number of calls in each of equal bins, of an ascending array. The last bin also counts longer calls; calls
## shorter than `low_us` are not counted.
static func histogram_of(sorted: PackedFloat64Array, bins: int, low_us: float, high_us: float) -> PackedInt32Array:
	var result: PackedInt32Array = []
	var before: int = sorted.bsearch(low_us)
	for bin: int in bins:
		var edge: float = low_us + (high_us - low_us) * (bin + 1) / bins
		var upto: int = sorted.bsearch(edge) if bin < bins - 1 else sorted.size()
		result.append(upto - before)
		before = upto
	return result


## `sum` and `squares` are of the distances from `origin`.
static func _summary(sorted: PackedFloat64Array, origin: float, sum: float, squares: float) -> Dictionary:
	var off: float = sum / maxi(sorted.size(), 1)
	var mean: float = origin + off
	return {
		"count": sorted.size(),
		"mean_us": mean,
		"p50_us": percentile_of(sorted, 50.0),
		"p90_us": percentile_of(sorted, 90.0),
		"p99_us": percentile_of(sorted, 99.0),
		"min_us": sorted[0] if not sorted.is_empty() else 0.0,
		"max_us": sorted[-1] if not sorted.is_empty() else 0.0,
		"deviation_us": sqrt(maxf(squares / maxi(sorted.size(), 1) - off * off, 0.0)),
		"calls_per_second": 1e6 / mean if mean > 0.0 else 0.0,
	}


func _hold(at_us: float, duration: float) -> void:
	_times.append(maxf(at_us, last_time_us()))
	_durations.append(duration)
	_count += 1
	_total_us += duration
	_add_up(duration)
	_revision += 1


## Adds up distances from the first duration, so that no small spread is lost beside a large mean.
func _add_up(duration: float) -> void:
	if held == 1:
		_origin_us = duration
	var off: float = duration - _origin_us
	_held_us += off
	_held_squares += off * off


func _drop_old() -> void:
	var dropped: bool = false
	while _times.size() >= _capacity + Pyramid.CHUNK:
		_times = _times.slice(Pyramid.CHUNK)
		_durations.drop_chunk()
		dropped = true
	if dropped:
		_sorted = durations()
		_sorted.sort()
		_held_us = 0.0
		_held_squares = 0.0
		for number: float in _sorted:
			_add_up(number)
