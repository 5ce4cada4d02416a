@tool
extends Control
## A histogram of a tensor's values, with the ends of their range below.

const Style := preload("res://addons/executorch/editor/shared/style.gd")
const Summary := preload("value_summary.gd")

var _summary: Summary


func _init() -> void:
	custom_minimum_size = Vector2(160, 90)


func show_summary(summary: Summary) -> void:
	_summary = summary
	queue_redraw()


func _get_tooltip(at: Vector2) -> String:
	if _summary == null or _summary.histogram.is_empty():
		return ""
	var bin: int = clampi(int(at.x / size.x * Summary.BINS), 0, Summary.BINS - 1)
	var width: float = (_summary.most - _summary.least) / Summary.BINS
	var from: float = _summary.least + width * bin
	return "%d values from %s to %s" % [_summary.histogram[bin], String.num(from, 5), String.num(from + width, 5)]


func _draw() -> void:
	if _summary == null or _summary.histogram.is_empty():
		return
	var style: Style = Style.new(self)
	draw_rect(Rect2(Vector2.ZERO, size), style.background)
	var line: float = style.line_height()
	var height: float = size.y - line - style.px(4)
	var top: int = 1
	for bin: int in _summary.histogram:
		top = maxi(top, bin)
	var width: float = size.x / Summary.BINS
	for bin: int in Summary.BINS:
		var bar: float = height * _summary.histogram[bin] / top
		if _summary.histogram[bin] > 0:
			bar = maxf(bar, 1.0)
		draw_rect(Rect2(bin * width, height - bar, maxf(width - 1.0, 1.0), bar), style.series(0))
	var most: String = String.num(_summary.most, 5)
	style.draw_text(self, Vector2(style.px(2), size.y - line), String.num(_summary.least, 5), style.dim_text)
	var left: float = size.x - style.width_of(most) - style.px(2)
	style.draw_text(self, Vector2(left, size.y - line), most, style.dim_text)
