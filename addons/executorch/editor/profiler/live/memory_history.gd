@tool
extends RefCounted
## Memory of several models over time: for every moment the bytes of each of them. When it is full, every second moment
## of the older half is dropped, so that a long session keeps its shape.

var capacity: int
## Microseconds.
var times: PackedFloat64Array = []
var revision: int = 0

var _bytes: Dictionary[int, PackedInt64Array] = {}


func _init(moments: int = 4096) -> void:
	capacity = maxi(moments, 8)


## Adds a moment; models that are not in `bytes_by_model` have 0 then.
func record(at_us: float, bytes_by_model: Dictionary[int, int]) -> void:
	for model: int in bytes_by_model:
		if not _bytes.has(model):
			var empty: PackedInt64Array = []
			empty.resize(times.size())
			_bytes[model] = empty
	times.append(at_us)
	for model: int in _bytes:
		_bytes[model].append(bytes_by_model.get(model, 0))
	revision += 1
	if times.size() >= capacity:
		_thin()


func models() -> Array[int]:
	var result: Array[int] = []
	result.assign(_bytes.keys())
	return result


## Bytes of a model at each of `times`.
func series(model: int) -> PackedInt64Array:
	return _bytes.get(model, PackedInt64Array())


## Bytes of all models together at one of the moments.
func total_at(moment: int) -> int:
	var sum: int = 0
	for model: int in _bytes:
		sum += _bytes[model][moment]
	return sum


## The models on top of each other at some moments: the lower edge of each, and the upper edge of the last one.
func stacked(moments: PackedInt32Array) -> Array[PackedFloat64Array]:
	var sum: PackedFloat64Array = []
	sum.resize(moments.size())
	var layers: Array[PackedFloat64Array] = [sum.duplicate()]
	for model: int in _bytes:
		for place: int in moments.size():
			sum[place] += _bytes[model][moments[place]]
		layers.append(sum.duplicate())
	return layers


## Takes a model out of all moments.
func forget(model: int) -> void:
	_bytes.erase(model)
	revision += 1


func clear() -> void:
	times = PackedFloat64Array()
	_bytes.clear()
	revision += 1


func _thin() -> void:
	@warning_ignore("integer_division")
	var half: int = times.size() / 2
	var kept_times: PackedFloat64Array = []
	for index: int in times.size():
		if index >= half or index % 2 == 0:
			kept_times.append(times[index])
	for model: int in _bytes:
		var kept: PackedInt64Array = []
		for index: int in times.size():
			if index >= half or index % 2 == 0:
				kept.append(_bytes[model][index])
		_bytes[model] = kept
	times = kept_times
