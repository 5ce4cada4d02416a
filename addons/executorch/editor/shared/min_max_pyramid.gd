@tool
extends RefCounted
## The smallest and largest value of any stretch of a growing series in a few steps, so that a chart of 100,000 samples
## costs as much as one of a thousand: each level keeps the extremes of 16 entries of the level below.

const FACTOR: int = 16
const LEVELS: int = 3
## Samples can only be dropped from the front in whole blocks of the top level.
const CHUNK: int = FACTOR * FACTOR * FACTOR

## Result of the last `find_extremes`.
var low: float = INF
var high: float = -INF

var _values: PackedFloat64Array = []
var _low: Array[PackedFloat64Array] = []
var _high: Array[PackedFloat64Array] = []


func _init() -> void:
	clear()


func clear() -> void:
	_values = PackedFloat64Array()
	_low.clear()
	_high.clear()
	for level: int in LEVELS:
		_low.append(PackedFloat64Array())
		_high.append(PackedFloat64Array())


func size() -> int:
	return _values.size()


func value(index: int) -> float:
	return _values[index]


## The values from `first` to before `last`, a copy.
func slice(first: int, last: int) -> PackedFloat64Array:
	return _values.slice(first, last)


func append(number: float) -> void:
	var index: int = _values.size()
	_values.append(number)
	for level: int in LEVELS:
		@warning_ignore("integer_division")
		index = index / FACTOR
		if index == _low[level].size():
			_low[level].append(number)
			_high[level].append(number)
		else:
			if number < _low[level][index]:
				_low[level][index] = number
			if number > _high[level][index]:
				_high[level][index] = number


## Drops the oldest CHUNK values.
func drop_chunk() -> void:
	_values = _values.slice(CHUNK)
	var dropped: int = CHUNK
	for level: int in LEVELS:
		@warning_ignore("integer_division")
		dropped = dropped / FACTOR
		_low[level] = _low[level].slice(dropped)
		_high[level] = _high[level].slice(dropped)


## Puts the extremes of the values from `first` to before `last` into `low` and `high`.
func find_extremes(first: int, last: int) -> void:
	low = INF
	high = -INF
	_extremes(_values, _values, first, last, 0)


## Entries of `lows` and `highs` from `first` to before `last`; whole blocks in the middle are read from the level
## above.
func _extremes(lows: PackedFloat64Array, highs: PackedFloat64Array, first: int, last: int, level: int) -> void:
	@warning_ignore("integer_division")
	var first_block: int = (first + FACTOR - 1) / FACTOR
	@warning_ignore("integer_division")
	var last_block: int = last / FACTOR
	if level == LEVELS or first_block >= last_block:
		_scan(lows, highs, first, last)
		return
	_scan(lows, highs, first, first_block * FACTOR)
	_extremes(_low[level], _high[level], first_block, last_block, level + 1)
	_scan(lows, highs, last_block * FACTOR, last)


func _scan(lows: PackedFloat64Array, highs: PackedFloat64Array, first: int, last: int) -> void:
	for index: int in range(first, last):
		if lows[index] < low:
			low = lows[index]
		if highs[index] > high:
			high = highs[index]
