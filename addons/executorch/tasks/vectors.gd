@tool
extends RefCounted
## Vectors that models return: their length, and the angle between two.


## The vector with the length 1; a vector of zeros stays as it is.
static func normalized(values: PackedFloat32Array) -> PackedFloat32Array:
	var squares: float = 0.0
	for value: float in values:
		squares += value * value
	var length: float = sqrt(squares)
	for index: int in values.size() if length > 0.0 else 0:
		values[index] /= length
	return values


## The cosine of the angle between two vectors, from -1 to 1. NaN when their sizes differ or are 0.
static func cosine(first: PackedFloat32Array, second: PackedFloat32Array) -> float:
	if first.is_empty() or first.size() != second.size():
		return NAN
	var product: float = 0.0
	var squares: Vector2 = Vector2.ZERO
	for index: int in first.size():
		product += first[index] * second[index]
		squares += Vector2(first[index] * first[index], second[index] * second[index])
	return product / maxf(sqrt(squares.x * squares.y), 1e-12)
