class_name ProbabilityBars
extends Control
## Ten bars: how probable the model holds each digit.

var probabilities: PackedFloat32Array = []
var best: int = 0


## Shows ten logits as probabilities (softmax).
func show_logits(logits: PackedFloat32Array) -> void:
	probabilities = logits.duplicate()
	best = 0
	for index: int in logits.size():
		if logits[index] > logits[best]:
			best = index
	var total: float = 0.0
	for index: int in logits.size():
		probabilities[index] = exp(logits[index] - logits[best])
		total += probabilities[index]
	for index: int in logits.size():
		probabilities[index] /= total
	queue_redraw()


func _draw() -> void:
	var font: Font = get_theme_default_font()
	var font_size: int = get_theme_default_font_size()
	var slot: float = size.x / maxi(probabilities.size(), 1)
	var tallest: float = size.y - font_size * 1.5
	for index: int in probabilities.size():
		var height: float = maxf(probabilities[index] * tallest, 2.0)
		var color: Color = Color(0.93, 0.42, 0.3) if index == best else Color(0.55, 0.66, 0.96, 0.6)
		draw_rect(Rect2(index * slot + 3.0, tallest - height, slot - 6.0, height), color)
		var place: Vector2 = Vector2(index * slot, size.y - font_size * 0.3)
		draw_string(font, place, str(index), HORIZONTAL_ALIGNMENT_CENTER, slot, font_size)
