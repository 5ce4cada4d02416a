@tool
extends "res://addons/executorch/tasks/task_node.gd"
## The base of the nodes that take pictures.

const PictureInput := preload("picture_input.gd")


# The kind of task card that the node needs, for example "image_classification".
func _kind() -> String:
	return ""


# What the node is, for errors.
func _called() -> String:
	return ""


# What does not fit between the card's output and the model's, or an empty text.
func _output_misfit(_of_model: ExecuTorchModelDescription, _card: TaskCard) -> String:
	return ""


func _find_misfit(of_model: ExecuTorchModelDescription, card: TaskCard) -> ExecuTorchError:
	var error: ExecuTorchError = _find_picture_misfit(of_model, card, _called(), _kind())
	if error != null:
		return error
	var misfit: String = _output_misfit(of_model, card)
	return _wrong_task(misfit) if not misfit.is_empty() else null


# What does not fit between a card of a kind and the input of its model, or null.
static func _find_picture_misfit(
	of_model: ExecuTorchModelDescription, card: TaskCard, called: String, kind: String
) -> ExecuTorchError:
	if card.kind != kind:
		return _wrong_kind(of_model, card, called, kind)
	var shape: PackedInt64Array = TaskCard.shape_of(of_model, "inputs", card.text("input", "name"))
	if shape.size() != 4:
		return _wrong_task("The input has the shape %s; a picture has four dimensions." % [shape])
	return null


# The model's input of a picture; null when there is none. The error is kept and told.
func _prepare(picture: Object) -> PictureInput:
	var found: ExecuTorchResource = _fitting_model()
	var image: Image = _read(picture) if found != null else null
	if image == null:
		return null
	var input: PictureInput = PictureInput.new(image, found)
	if input.inputs.is_empty():
		_tell_error(_wrong_input())
		return null
	return input


# The image of a picture; null when it has none. The error is kept and told.
func _read(picture: Object) -> Image:
	if not PictureInput.NativeLibrary.is_available():
		_tell_error(PictureInput.NativeLibrary.missing_error())
		return null
	var image: Image = PictureInput.image_of(picture)
	if image == null or image.is_empty():
		var cause: String = "No picture was given." if picture == null else "The picture has no pixels."
		if image == null and picture != null and not picture is Texture2D and not picture is Viewport:
			cause = "A value of the type %s is not a picture." % picture.get_class()
		var remedy: String = "Give an Image, a Texture2D or a Viewport that has been drawn."
		_tell_error(ExecuTorchError.create(ExecuTorchError.Code.NOT_A_PICTURE, cause, remedy))
		return null
	return image


static func _wrong_input() -> ExecuTorchError:
	return _wrong_task("The picture cannot be converted to the input that the task card describes.")


# The texture with another image; it is made anew only when its size or format changes. Without a display Godot does not
# change a texture, and get_image() would return the picture before: then it is another texture.
static func _shown(texture: ImageTexture, image: Image) -> ImageTexture:
	if DisplayServer.get_name() == "headless":
		return ImageTexture.create_from_image(image)
	if Vector2i(texture.get_size()) == image.get_size() and texture.get_format() == image.get_format():
		texture.update(image)
	else:
		texture.set_image(image)
	return texture
