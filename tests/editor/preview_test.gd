@tool
extends "res://tests/case.gd"
## Icons and thumbnails.

const Thumbnail := preload("res://addons/executorch/editor/preview/model_thumbnail.gd")
const Preview := preload("res://addons/executorch/editor/preview/model_preview.gd")
const SvgIcon := preload("res://addons/executorch/editor/shared/icons.gd")

const LINEAR: String = "res://models/linear.pt"


func test_thumbnail_shows_operators_and_state() -> void:
	var model: ExecuTorchResource = load("res://models/convnet.pt2")
	var good: Image = Thumbnail.draw(model.metadata, ExecuTorchResource.State.READY, 128)
	check_equal(good.get_size(), Vector2i(128, 128))
	check(_has_color(good, Color(Thumbnail.BACKEND_COLOR)), "no delegated operators in the picture")
	check(
		not _has_color(good, Color(Thumbnail.BADGE_COLORS[ExecuTorchResource.State.FAILED])),
		"a good model is marked as failed"
	)
	var failed: Image = Thumbnail.draw({}, ExecuTorchResource.State.FAILED, 64)
	check(
		_has_color(failed, Color(Thumbnail.BADGE_COLORS[ExecuTorchResource.State.FAILED])),
		"a failed model is not marked"
	)
	check(not _has_color(failed, Color(Thumbnail.BACKEND_COLOR)), "operators without metadata")


func test_preview_is_only_for_models() -> void:
	var preview: Preview = Preview.new()
	var texture: Texture2D = preview._generate(load(LINEAR) as Resource, Vector2i(64, 64), {})
	check(texture != null and texture.get_width() == 64, "no thumbnail of a model")
	check(preview._generate(Resource.new(), Vector2i(64, 64), {}) == null, "a thumbnail of something else")


func test_a_small_preview_is_an_icon_with_the_state() -> void:
	var preview: Preview = Preview.new()
	check(preview._can_generate_small_preview(), "the list has the generic icon")
	for pixels: int in [16, 32]:
		var icon: Texture2D = preview._generate(load(LINEAR) as Resource, Vector2i(pixels, pixels), {})
		check_equal(icon.get_size(), Vector2(pixels, pixels))
		check(not _has_color(icon.get_image(), Color(Thumbnail.BACKEND_COLOR)), "operators in a few pixels")
	var failed: Color = Color(Thumbnail.BADGE_COLORS[ExecuTorchResource.State.FAILED])
	check(_has_color(Thumbnail.draw_icon(ExecuTorchResource.State.FAILED, 16), failed), "a failed model is not marked")
	check(not _has_color(Thumbnail.draw_icon(ExecuTorchResource.State.READY, 16), failed), "a good model is marked")


func test_icons_take_the_theme_and_size() -> void:
	for file: String in DirAccess.get_files_at(SvgIcon.FOLDER):
		if file.get_extension() != "svg":
			continue
		for pixels: int in [16, 32, 64]:
			var icon: Texture2D = SvgIcon.make(file.get_basename(), pixels, Color.BLACK)
			check_equal(icon.get_size(), Vector2(pixels, pixels), file)
	var black: Image = SvgIcon.make("resource", 32, Color.BLACK).get_image()
	check(_has_color(black, Color.BLACK), "the neutral parts did not take the colour")


func _has_color(image: Image, color: Color) -> bool:
	for y: int in image.get_height():
		for x: int in image.get_width():
			var pixel: Color = image.get_pixel(x, y)
			if pixel.a > 0.9 and absf(pixel.r - color.r) + absf(pixel.g - color.g) + absf(pixel.b - color.b) < 0.06:
				return true
	return false
