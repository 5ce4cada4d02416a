@tool
extends "chart.gd"
## Memory of all models of the running game over time, stacked.

const Axes := preload("res://addons/executorch/editor/profiler/charts/axes.gd")
const MemoryHistory := preload("res://addons/executorch/editor/profiler/live/memory_history.gd")

var _history: MemoryHistory
var _names: Dictionary[int, String] = {}
var _colors: Dictionary[int, int] = {}


func _init() -> void:
	super()
	title = "Memory over time"
	margins = Vector4(66, 8, 10, 20)


## The history, and name and palette index of each model.
func show_history(history: MemoryHistory, names: Dictionary[int, String], colors: Dictionary[int, int]) -> void:
	_history = history
	_names = names
	_colors = colors
	queue_redraw()


func is_empty() -> bool:
	return _history == null or _history.times.size() < 2


func _limits() -> PackedFloat64Array:
	return [_history.times[0], _history.times[-1]]


func _smallest_view() -> float:
	return 100_000.0


func _draw_chart(area: Rect2) -> void:
	var moments: PackedInt32Array = _visible_moments(int(area.size.x))
	var layers: Array[PackedFloat64Array] = _history.stacked(moments)
	var top: float = 1.0
	for value: float in layers[-1]:
		top = maxf(top, value)
	top *= 1.3
	var most: int = clampi(int(area.size.y / (style.line_height() * 1.8)), 2, 8)
	Axes.draw_values(self, style, area, top, Quantity.byte_step(top, most), Quantity.size)
	var step: float = Quantity.tick_step((view_end - view_begin) / 1e6, maxi(int(area.size.x / style.px(80)), 1)) * 1e6
	var to_text: Callable = func(at_us: float) -> String: return "%s s" % String.num(at_us / 1e6, 2)
	Axes.draw_steps(self, style, area, view_begin, view_end, step, to_text)
	var models: Array[int] = _history.models()
	for layer: int in models.size():
		_draw_layer(area, moments, layers[layer], layers[layer + 1], top, models[layer])
	_draw_legend(area, models)


## Indices of the visible moments, at most two for each column of pixels.
func _visible_moments(columns: int) -> PackedInt32Array:
	var begin: int = maxi(_history.times.bsearch(view_begin) - 1, 0)
	var end: int = mini(_history.times.bsearch(view_end) + 1, _history.times.size())
	var stride: int = maxi(ceili((end - begin) / maxf(columns * 2.0, 1.0)), 1)
	var result: PackedInt32Array = []
	for index: int in range(begin, end, stride):
		result.append(index)
	if result[-1] != end - 1:
		result.append(end - 1)
	return result


func _draw_layer(
	area: Rect2, moments: PackedInt32Array, low: PackedFloat64Array, high: PackedFloat64Array, top: float, model: int
) -> void:
	var color: Color = style.series(_colors.get(model, 0))
	var edge: PackedVector2Array = []
	for place: int in range(moments.size() - 1):
		var left: float = clampf(x_of(_history.times[moments[place]]), area.position.x, area.end.x)
		var right: float = clampf(x_of(_history.times[moments[place + 1]]), area.position.x, area.end.x)
		# Memory changes in steps, so a moment's value holds until the next one.
		var upper: float = area.end.y - high[place] / top * area.size.y
		var lower: float = area.end.y - low[place] / top * area.size.y
		if lower > upper and right > left:
			draw_rect(Rect2(left, upper, right - left, lower - upper), Color(color, 0.55))
			edge.append(Vector2(left, upper))
			edge.append(Vector2(right, upper))
	if edge.size() >= 2:
		draw_multiline(edge, color, style.px(2))


func _draw_legend(area: Rect2, models: Array[int]) -> void:
	var y: float = area.position.y + style.px(4)
	for place: int in range(models.size() - 1, -1, -1):
		var words: String = _names.get(models[place], "model %d" % models[place])
		var box: Rect2 = Rect2(area.position.x + style.px(8), y + style.px(3), style.px(9), style.px(9))
		draw_rect(box, style.series(_colors.get(models[place], 0)))
		style.draw_text(self, Vector2(box.end.x + style.px(5), y), words, style.text)
		y += style.line_height()


func _describe(at: Vector2) -> PackedStringArray:
	var moment: int = clampi(_history.times.bsearch(value_at(at.x)) - 1, 0, _history.times.size() - 1)
	var lines: PackedStringArray = []
	var models: Array[int] = _history.models()
	models.reverse()
	for model: int in models:
		var bytes: int = _history.series(model)[moment]
		if bytes > 0:
			lines.append("%s: %s" % [_names.get(model, "model %d" % model), Quantity.exact_size(bytes)])
	var head: String = (
		"%s at %s s" % [Quantity.exact_size(_history.total_at(moment)), String.num(_history.times[moment] / 1e6, 2)]
	)
	lines.insert(0, head)
	return lines


func _draw_hover(canvas: Control, at: Vector2) -> void:
	var area: Rect2 = plot()
	canvas.draw_line(Vector2(at.x, area.position.y), Vector2(at.x, area.end.y), Color(style.text, 0.3), 1.0)
