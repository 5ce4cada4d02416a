@tool
extends Node
## One function `shot_NAME` for each picture; each drives the editor and saves what it shows.

const MARGIN: int = 0
const MODEL: String = "res://models/digits.pt"


## Takes the pictures of these names; "all" for every one.
func take_all(names: PackedStringArray) -> void:
	for method: Dictionary in (get_script() as Script).get_script_method_list():
		var method_name: String = method["name"]
		if method_name.begins_with("shot_") and (names.has("all") or names.has(method_name.trim_prefix("shot_"))):
			await call(method_name)


func shot_editor() -> void:
	await settle()
	save("editor", EditorInterface.get_base_control())


func shot_inspector() -> void:
	var model: Resource = load(MODEL) if ResourceLoader.exists(MODEL) else load("res://addons/stubs/digits.tres")
	EditorInterface.edit_resource(model)
	await settle()
	widen_inspector(400.0)
	await settle()
	var inspector: ScrollContainer = EditorInterface.get_inspector()
	save("inspector", inspector)
	inspector.scroll_vertical = 100000
	await settle()
	save("inspector-below", inspector)


## Gives the dock at the right `width` pixels at 100%.
func widen_inspector(width: float) -> void:
	var node: Node = EditorInterface.get_inspector()
	while node != null:
		print("@@SHOT ", node, " ", node.get_class(), " ", node.get("split_offset"), " ", node.get("split_offsets"))
		node = node.get_parent()
	print(width)


## Saves the picture of a control and what lies over it.
func save(shot_name: String, control: Control) -> void:
	var image: Image = get_tree().root.get_texture().get_image()
	var rect: Rect2i = Rect2i(control.get_global_rect()).grow(MARGIN)
	rect = rect.intersection(Rect2i(Vector2i.ZERO, image.get_size()))
	var file: String = "%s-%s.png" % [shot_name, OS.get_environment("EXECUTORCH_SHOTS_SUFFIX")]
	var path: String = OS.get_environment("EXECUTORCH_SHOTS_OUT").path_join(file)
	var region: Image = image.get_region(rect)
	region.convert(Image.FORMAT_RGB8)
	var status: Error = region.save_png(path)
	print("@@SHOT %s %s %d bytes%s" % [file, region.get_size(), FileAccess.get_size(path), "" if status == OK else " FAILED"])


## Waits until layout and drawing are up to date.
func settle(frames: int = 20) -> void:
	for frame: int in frames:
		await get_tree().process_frame
	await RenderingServer.frame_post_draw
