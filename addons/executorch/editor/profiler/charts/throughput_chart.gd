@tool
extends "chart.gd"
## Calls per second by number of threads; dashes show perfect scaling from one thread.

const Axes := preload("res://addons/executorch/editor/profiler/charts/axes.gd")
const BenchmarkResult := preload("res://addons/executorch/editor/profiler/benchmark/benchmark_result.gd")

var _threads: PackedInt32Array = []
var _rates: PackedFloat64Array = []
var _ideal: PackedFloat64Array = []
var _other: Dictionary[int, float] = {}


func _init() -> void:
	super()
	title = "Throughput by threads"
	margins = Vector4(56, 10, 10, 34)


## Calls per second for each number of threads. `other` is the run it is compared with, null = none.
func show_result(result: BenchmarkResult, other: BenchmarkResult) -> void:
	_threads = result.threads
	_rates = result.rates()
	_ideal = result.ideal_rates()
	_other.clear()
	if other != null:
		var rates: PackedFloat64Array = other.rates()
		for place: int in rates.size():
			_other[other.threads[place]] = rates[place]
	queue_redraw()


func is_empty() -> bool:
	return _threads.is_empty()


func _limits() -> PackedFloat64Array:
	return [0.0, float(_threads.size())]


func _smallest_view() -> float:
	return 1.0


func _draw_chart(area: Rect2) -> void:
	var top: float = 0.0
	for index: int in _threads.size():
		top = maxf(top, maxf(_rates[index], _other.get(_threads[index], 0.0)))
	top = maxf(top * 1.25, 1e-6)
	var ticks: int = clampi(int(area.size.y / (style.line_height() * 2.0)), 1, 6)
	Axes.draw_values(self, style, area, top, Quantity.tick_step(top, ticks), Quantity.rate)
	var slot: float = area.size.x / _threads.size()
	var width: float = minf(slot * 0.6, style.px(56))
	for index: int in _threads.size():
		var middle: float = area.position.x + (index + 0.5) * slot
		var y: float = area.end.y - _rates[index] / top * area.size.y
		draw_rect(Rect2(middle - width / 2.0, y, width, area.end.y - y), style.series(0))
		var fits: bool = style.width_of(Quantity.rate(_rates[index])) < width - style.px(4)
		var inside: bool = fits and area.end.y - y > style.line_height() * 1.5
		var label_y: float = y + style.px(3) if inside else y - style.line_height() - style.px(1)
		var label_color: Color = style.text_on(style.series(0)) if inside else style.text
		_centered(Vector2(middle, label_y), Quantity.rate(_rates[index]), label_color)
		_centered(Vector2(middle, area.end.y + style.px(3)), str(_threads[index]), style.text)
		var ideal: float = area.end.y - _ideal[index] / top * area.size.y
		if index > 0 and ideal >= area.position.y:
			var from: Vector2 = Vector2(middle - width * 0.7, ideal)
			draw_dashed_line(from, Vector2(middle + width * 0.7, ideal), style.dim_text, style.px(1), style.px(4))
		if _other.has(_threads[index]):
			var before: float = area.end.y - _other[_threads[index]] / top * area.size.y
			var left: float = middle - width * 0.6
			draw_line(Vector2(left, before), Vector2(left + width * 1.2, before), style.series(1), style.px(3))
	_centered(Vector2(area.get_center().x, area.end.y + style.px(3) + style.line_height()), "threads", style.dim_text)


func _centered(at: Vector2, words: String, color: Color) -> void:
	style.draw_text(self, at - Vector2(style.width_of(words) / 2.0, 0), words, color)


func _describe(at: Vector2) -> PackedStringArray:
	var area: Rect2 = plot()
	var index: int = floori((at.x - area.position.x) / area.size.x * _threads.size())
	if index < 0 or index >= _threads.size():
		return []
	var lines: PackedStringArray = [
		"%s: %s calls per second" % [Quantity.number_of(_threads[index], "thread"), String.num(_rates[index], 1)],
		"%s of perfect scaling" % Quantity.percent(_rates[index] / maxf(_ideal[index], 1e-9)),
	]
	if _other.has(_threads[index]):
		lines.append("compared run: %s calls per second" % String.num(_other[_threads[index]], 1))
	return lines
