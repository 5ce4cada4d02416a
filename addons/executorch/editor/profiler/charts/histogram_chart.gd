@tool
extends "chart.gd"
## How many calls took how long. A second set of calls can be laid over it as an outline, both as shares.

const Axes := preload("res://addons/executorch/editor/profiler/charts/axes.gd")
const LatencyStatistics := preload("res://addons/executorch/editor/shared/latency_statistics.gd")

var _durations: PackedFloat64Array = []
var _other: PackedFloat64Array = []
var _name: String = ""
var _other_name: String = ""
var _color: int = 0


func _init() -> void:
	super()
	title = "Histogram of latencies"
	margins = Vector4(44, 8, 10, 20)


## Durations in microseconds, in any order; `other` may be empty.
func show_durations(
	words: String,
	durations: PackedFloat64Array,
	color: int = 0,
	other_words: String = "",
	other: PackedFloat64Array = PackedFloat64Array()
) -> void:
	var sorted: PackedFloat64Array = durations.duplicate()
	sorted.sort()
	_other_name = other_words
	_other = other.duplicate()
	_other.sort()
	show_sorted(words, sorted, color)


## Durations in microseconds, ascending, instead of those so far.
func show_sorted(words: String, durations: PackedFloat64Array, color: int = 0) -> void:
	_name = words
	_durations = durations
	_color = color
	queue_redraw()


func is_empty() -> bool:
	return _durations.is_empty()


func fit() -> void:
	var shown: PackedFloat64Array = LatencyStatistics.histogram_range(_durations, _other)
	view_begin = shown[0]
	view_end = shown[1]


func _limits() -> PackedFloat64Array:
	var end: float = _durations[-1]
	if not _other.is_empty():
		end = maxf(end, _other[-1])
	return [0.0, end * 1.02 + 0.01]


func _smallest_view() -> float:
	return 0.02


func _draw_chart(area: Rect2) -> void:
	var counts: PackedInt32Array = _counts(_durations)
	var other_counts: PackedInt32Array = _counts(_other)
	var top: float = 0.0
	for bin: int in counts.size():
		top = maxf(top, _share(counts[bin], _durations.size()))
		top = maxf(top, _share(other_counts[bin], _other.size()))
	top = maxf(top * 1.1, 1e-9)
	var ticks: int = clampi(int(area.size.y / (style.line_height() * 2.0)), 1, 6)
	Axes.draw_values(self, style, area, top, Quantity.tick_step(top, ticks), Quantity.percent)
	var step: float = Quantity.tick_step(view_end - view_begin, maxi(int(area.size.x / style.px(80)), 1))
	Axes.draw_steps(self, style, area, view_begin, view_end, step, Quantity.time)
	var color: Color = style.series(_color)
	var width: float = area.size.x / counts.size()
	for bin: int in counts.size():
		var height: float = _share(counts[bin], _durations.size()) / top * area.size.y
		if height > 0.0:
			var bar: Rect2 = Rect2(area.position.x + bin * width, area.end.y - height, width - 1.0, height)
			draw_rect(bar, Color(color, 0.85))
	if not _other.is_empty():
		_draw_outline(area, other_counts, top)
	_draw_percentiles(area)
	if not _other.is_empty():
		var label: String = "outline: %s" % _other_name
		var at: Vector2 = Vector2(area.end.x - style.width_of(label) - style.px(4), area.get_center().y)
		Axes.draw_tag(self, style, at, label, style.series(_color + 1))


func _draw_outline(area: Rect2, counts: PackedInt32Array, top: float) -> void:
	var line: PackedVector2Array = [Vector2(area.position.x, area.end.y)]
	var width: float = area.size.x / counts.size()
	for bin: int in counts.size():
		var y: float = area.end.y - _share(counts[bin], _other.size()) / top * area.size.y
		line.append(Vector2(area.position.x + bin * width, y))
		line.append(Vector2(area.position.x + (bin + 1) * width, y))
	line.append(area.end)
	draw_polyline(line, style.series(_color + 1), style.px(2))


func _draw_percentiles(area: Rect2) -> void:
	var percents: PackedFloat64Array = [50.0, 90.0, 99.0]
	for percent: float in percents:
		var x: float = x_of(LatencyStatistics.percentile_of(_durations, percent))
		Axes.draw_mark(self, style, area, x, style.text)
	for row: int in percents.size():
		var value: float = LatencyStatistics.percentile_of(_durations, percents[row])
		var label: String = "p%d %s" % [int(percents[row]), Quantity.time(value)]
		Axes.draw_mark_label(self, style, area, x_of(value), label, style.text, row)


func _describe(at: Vector2) -> PackedStringArray:
	var bins: int = _bins()
	var bin: int = _bin_at(at.x)
	if bin < 0:
		return []
	var width: float = (view_end - view_begin) / bins
	var count: int = _counts(_durations)[bin]
	var last: bool = bin == bins - 1
	var lines: PackedStringArray = [
		"%s calls, %s" % [Quantity.grouped(count), Quantity.percent(_share(count, _durations.size()))],
		(
			"%s to %s"
			% [
				Quantity.time(view_begin + bin * width),
				"the longest" if last else Quantity.time(view_begin + (bin + 1) * width)
			]
		),
	]
	if not _other.is_empty():
		var others: int = _counts(_other)[bin]
		lines.append("%s: %s" % [_other_name, Quantity.percent(_share(others, _other.size()))])
	return lines


func _draw_hover(canvas: Control, at: Vector2) -> void:
	var bin: int = _bin_at(at.x)
	if bin >= 0:
		var area: Rect2 = plot()
		var width: float = area.size.x / _bins()
		canvas.draw_rect(
			Rect2(area.position.x + bin * width, area.position.y, width, area.size.y), Color(style.text, 0.08)
		)


func _bin_at(x: float) -> int:
	var area: Rect2 = plot()
	var bin: int = floori((x - area.position.x) / area.size.x * _bins())
	return bin if bin >= 0 and bin < _bins() else -1


func _bins() -> int:
	return clampi(int(plot().size.x / style.px(7)), 8, 120)


## Calls per visible bin.
func _counts(sorted: PackedFloat64Array) -> PackedInt32Array:
	return LatencyStatistics.histogram_of(sorted, _bins(), view_begin, view_end)


func _share(count: int, of: int) -> float:
	return float(count) / of if of > 0 else 0.0
