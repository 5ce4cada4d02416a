extends "res://tests/case.gd"
## What the cases of the nodes that hear share: models with cards, and sounds.


static func with_card(file: String, card: Variant) -> ExecuTorchResource:
	var model: ExecuTorchResource = load("res://models/" + file).duplicate()
	var metadata: Dictionary = model.metadata.duplicate(true)
	metadata["task"] = card
	model.metadata = metadata
	return model


static func tone(hertz: float, rate: int, seconds: float) -> PackedFloat32Array:
	var samples: PackedFloat32Array = []
	for index: int in roundi(seconds * rate):
		samples.append(0.5 * sin(TAU * hertz * index / rate))
	return samples
