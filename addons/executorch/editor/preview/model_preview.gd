@tool
extends EditorResourcePreviewGenerator
## Gives models their thumbnail in the FileSystem dock and in resource pickers, and their icon where the dock is a list:
## there Godot knows icons of its own types only.

const Thumbnail := preload("model_thumbnail.gd")


## Lets Godot draw a model's picture anew. On the disk it keeps pictures by the content of the file, which stays the
## same while the model's state changes.
static func forget(path: String) -> void:
	DirAccess.remove_absolute(get_stored(path))


## Where Godot keeps what it knows of a file's picture.
static func get_stored(path: String) -> String:
	var file: String = "resthumb-%s.txt" % ProjectSettings.globalize_path(path).md5_text()
	return EditorInterface.get_editor_paths().get_cache_dir().path_join(file)


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
