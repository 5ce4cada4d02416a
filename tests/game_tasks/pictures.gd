extends RefCounted
## Pictures and models with task cards, for the cases of nodes that take pictures.


## A model of res://models with a card in place of its own.
static func with_card(file: String, card: Variant) -> ExecuTorchResource:
	var model: ExecuTorchResource = load("res://models/" + file).duplicate()
	var metadata: Dictionary = model.metadata.duplicate(true)
	metadata["task"] = card
	model.metadata = metadata
	return model


## A picture with soft colours and stripes.
static func make(size: Vector2i, format: Image.Format = Image.FORMAT_RGB8) -> Image:
	var image: Image = Image.create_empty(size.x, size.y, false, Image.FORMAT_RGBAF)
	for y: int in size.y:
		for x: int in size.x:
			image.set_pixel(x, y, Color(float(x) / size.x, float(y) / size.y, float((x * 7 + y * 3) % 11) / 11.0))
	image.convert(format)
	return image
