@tool
extends RefCounted
## The shortest and the longest call in each column of pixels. Columns lie on a raster that does not move with the view,
## so that of a time line that runs on, only the newest columns are computed again.

const LatencyStatistics := preload("res://addons/executorch/editor/shared/latency_statistics.gd")

## Microseconds, NAN where no call began.
var lows: PackedFloat32Array = []
var highs: PackedFloat32Array = []

var _calls: LatencyStatistics
var _count: int = 0
var _first: int = 0
var _step_us: float = 0.0
var _oldest_us: float = -1.0
## Columns before this one of the raster get no more calls.
var _complete: int = 0


## Looks up `columns` columns of `step_us` each, from the raster's column `first` on.
func update(calls: LatencyStatistics, first: int, step_us: float, columns: int) -> void:
	var kept: int = 0
	# The same stretch of time at another place has another last digit.
	var is_same_raster: bool = absf(step_us - _step_us) < step_us * 1e-9 and first >= _first
	if calls == _calls and calls.count >= _count and calls.first_time_us() == _oldest_us and is_same_raster:
		step_us = _step_us
		lows = lows.slice(first - _first)
		highs = highs.slice(first - _first)
		kept = clampi(_complete - first, 0, mini(columns, lows.size()))
	lows.resize(kept)
	highs.resize(kept)
	var newer: Array[PackedFloat64Array] = calls.decimate(
		(first + kept) * step_us, (first + columns) * step_us, columns - kept
	)
	for column: int in columns - kept:
		lows.append(newer[0][column])
		highs.append(newer[1][column])
	_calls = calls
	_count = calls.count
	_first = first
	_step_us = step_us
	_oldest_us = calls.first_time_us()
	_complete = floori(calls.last_time_us() / step_us)
