@tool
extends "res://tests/case.gd"
## The series colours can be distinguished, also by people who lack one kind of cone (Machado et al. 2009, full
## severity), and from the background. Distances are OKLab's; about 0.02 is just visible.

const Style := preload("res://addons/executorch/editor/shared/style.gd")
const SIGHTS: Dictionary[String, Array] = {
	"full colour": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
	"protanopia": [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
	"deuteranopia": [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
	"tritanopia": [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
}
const LEAST: Dictionary[String, float] = {
	"full colour": 0.14, "protanopia": 0.11, "deuteranopia": 0.11, "tritanopia": 0.08
}


func seen(color: Color, sight: Array) -> Vector3:
	var linear: Color = color.srgb_to_linear()
	var light: Vector3 = multiply(sight, Vector3(linear.r, linear.g, linear.b)).clampf(0.0, 1.0)
	var cones: Vector3 = multiply(
		[
			0.4122214708,
			0.5363325363,
			0.0514459929,
			0.2119034982,
			0.6806995451,
			0.1073969566,
			0.0883024619,
			0.2817188376,
			0.6299787005
		],
		light
	)
	var third: Vector3 = Vector3(pow(cones.x, 1 / 3.0), pow(cones.y, 1 / 3.0), pow(cones.z, 1 / 3.0))
	return multiply(
		[
			0.2104542553,
			0.793617785,
			-0.0040720468,
			1.9779984951,
			-2.428592205,
			0.4505937099,
			0.0259040371,
			0.7827717662,
			-0.808675766
		],
		third
	)


func multiply(rows: Array, vector: Vector3) -> Vector3:
	return Vector3(
		Vector3(rows[0] as float, rows[1] as float, rows[2] as float).dot(vector),
		Vector3(rows[3] as float, rows[4] as float, rows[5] as float).dot(vector),
		Vector3(rows[6] as float, rows[7] as float, rows[8] as float).dot(vector)
	)


func contrast(one: Color, other: Color) -> float:
	var lights: PackedFloat32Array = [0.0, 0.0]
	for index: int in 2:
		var linear: Color = [one, other][index].srgb_to_linear()
		lights[index] = 0.2126 * linear.r + 0.7152 * linear.g + 0.0722 * linear.b
	return (maxf(lights[0], lights[1]) + 0.05) / (minf(lights[0], lights[1]) + 0.05)


func test_colours_can_be_told_apart() -> void:
	for colors: PackedColorArray in [Style.ON_DARK, Style.ON_LIGHT]:
		for sight: String in SIGHTS:
			var nearest: float = INF
			for one: int in colors.size():
				for other: int in one:
					var matrix: Array = SIGHTS[sight]
					nearest = minf(nearest, seen(colors[one], matrix).distance_to(seen(colors[other], matrix)))
			print("%s: %.3f" % [sight, nearest])
			check(nearest >= LEAST[sight], "%s: two colours are only %.3f apart" % [sight, nearest])


func test_colours_stand_out_from_the_background() -> void:
	for color: Color in Style.ON_DARK:
		check(
			contrast(color, Color("21262e")) >= 3.0,
			"%s on dark: %.2f" % [color.to_html(), contrast(color, Color("21262e"))]
		)
	for color: Color in Style.ON_LIGHT:
		check(
			contrast(color, Color("ededed")) >= 3.0,
			"%s on light: %.2f" % [color.to_html(), contrast(color, Color("ededed"))]
		)
