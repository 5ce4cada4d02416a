@tool
extends EditorResourcePreviewGenerator
## Gives models their thumbnail in the FileSystem dock and in resource pickers, and their icon where the dock is a list:
## there Godot knows icons of its own types only.

const Thumbnail := preload("model_thumbnail.gd")


func _handles(type: String) -> bool:
	return type in ["Resource", "ExecuTorchResource"]


func _generate(resource: Resource, size: Vector2i, _metadata: Dictionary) -> Texture2D:
	var model: ExecuTorchResource = resource as ExecuTorchResource
	if model == null:
		return null
	var side: int = mini(size.x, size.y)
	var is_icon: bool = side < Thumbnail.SIDE * 0.75
	var image: Image = (
		Thumbnail.draw_icon(model.state, side) if is_icon else Thumbnail.draw(model.metadata, model.state, side)
	)
	return ImageTexture.create_from_image(image)


func _can_generate_small_preview() -> bool:
	return true
