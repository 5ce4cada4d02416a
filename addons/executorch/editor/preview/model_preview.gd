@tool
extends EditorResourcePreviewGenerator
## Gives models their thumbnail in the FileSystem dock and in resource pickers.

const Thumbnail := preload("model_thumbnail.gd")


func _handles(type: String) -> bool:
	return type in ["Resource", "ExecuTorchResource"]


func _generate(resource: Resource, size: Vector2i, _metadata: Dictionary) -> Texture2D:
	var model: ExecuTorchResource = resource as ExecuTorchResource
	if model == null:
		return null
	return ImageTexture.create_from_image(Thumbnail.draw(model.metadata, model.state, mini(size.x, size.y)))


func _can_generate_small_preview() -> bool:
	return false
