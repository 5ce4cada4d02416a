@tool
extends Node
## One function `shot_NAME` for each picture; each drives the editor and saves what it shows.

const Programs := preload("programs.gd")
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
	var model: Resource = load(MODEL)
	EditorInterface.edit_resource(model)
	await settle()
	widen_inspector(400.0)
	await settle()
	var inspector: ScrollContainer = EditorInterface.get_inspector()
	save("inspector", inspector)
	inspector.scroll_vertical = 100000
	await settle()
	save("inspector-below", inspector)


func shot_dock() -> void:
	var panel: Control = open_bottom_panel("res://addons/executorch/editor/dock/dock_panel.gd")
	await settle()
	save("dock", panel)
	@warning_ignore("unsafe_method_access")
	panel.show_doctor()
	await settle(120)
	save("dock-environment", panel)


func shot_setup() -> void:
	var window: Window = find_window("res://addons/executorch/editor/setup/setup_window.gd")
	@warning_ignore("unsafe_method_access")
	window.open()
	await settle(120)
	save_window("setup", window)
	window.hide()


func shot_graph() -> void:
	var window: Window = find_window("res://addons/executorch/editor/graph/graph_window.gd")
	window.popup_centered_ratio(0.85)
	var begin: int = Time.get_ticks_msec()
	@warning_ignore("unsafe_method_access")
	window.show_program(Programs.large(500), "forward")
	print("@@SHOT graph of 500: %d ms" % (Time.get_ticks_msec() - begin))
	await settle(40)
	save("graph", EditorInterface.get_base_control())
	window.hide()


## Opens the bottom panel whose control has this script, and returns the control.
func open_bottom_panel(script_path: String) -> Control:
	var panel: Control = find_by_script(script_path)
	(get_parent() as EditorPlugin).make_bottom_panel_item_visible(panel)
	return panel


## The editor's window that has this script; null when there is none.
func find_window(script_path: String) -> Window:
	for window: Node in EditorInterface.get_base_control().find_children("*", "Window", true, false):
		var script: Script = window.get_script()
		if script != null and script.resource_path == script_path:
			return window as Window
	return null


## The first control of the editor that has this script; null when there is none.
func find_by_script(script_path: String) -> Control:
	for control: Node in EditorInterface.get_base_control().find_children("*", "Control", true, false):
		var script: Script = control.get_script()
		if script != null and script.resource_path == script_path:
			return control as Control
	return null


## Gives the dock at the right `width` pixels at 100%, where the editor lets itself be told.
func widen_inspector(width: float) -> void:
	var node: Node = EditorInterface.get_inspector()
	while node != null:
		var offsets: Variant = node.get("split_offsets")
		if offsets is PackedInt32Array and (offsets as PackedInt32Array).size() > 1:
			var changed: PackedInt32Array = offsets
			changed[-1] = -roundi(width * EditorInterface.get_editor_scale())
			node.set("split_offsets", changed)
		node = node.get_parent()


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
	print(
		(
			"@@SHOT %s %s %d bytes%s"
			% [file, region.get_size(), FileAccess.get_size(path), "" if status == OK else " FAILED"]
		)
	)


## Saves the picture of a window inside the editor's window, with its title bar.
func save_window(shot_name: String, window: Window) -> void:
	var bar: int = roundi(30 * EditorInterface.get_editor_scale())
	var frame: Control = Control.new()
	EditorInterface.get_base_control().add_child(frame)
	frame.position = Vector2(window.position - Vector2i(0, bar))
	frame.size = Vector2(window.size + Vector2i(0, bar))
	save(shot_name, frame)
	frame.queue_free()


## Waits until layout and drawing are up to date.
func settle(frames: int = 20) -> void:
	for frame: int in frames:
		await get_tree().process_frame
	await RenderingServer.frame_post_draw
