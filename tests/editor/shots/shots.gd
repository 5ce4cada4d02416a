@tool
extends Node
## One function `shot_NAME` for each picture; each drives the editor and saves what it shows.

const Programs := preload("programs.gd")
const VIEWS: PackedStringArray = [
	"res://addons/executorch/editor/inspector/model_view.gd",
	"res://addons/executorch/editor/dock/dock_panel.gd",
]
const MARGIN: int = 0
const MODEL: String = "res://models/digits.pt"


## Takes the pictures of these names; "all" for every one.
func take_all(names: PackedStringArray) -> void:
	for method: Dictionary in (get_script() as Script).get_script_method_list():
		var method_name: String = method["name"]
		if names.has("layout") and method_name == "check_layout":
			await check_layout()
		elif method_name.begins_with("shot_") and (names.has("all") or names.has(method_name.trim_prefix("shot_"))):
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
	await convert_some_models()
	await settle()
	save("dock", panel)
	@warning_ignore("unsafe_method_access")
	panel.show_doctor()
	await settle(200)
	save("dock-environment", panel)


## Not a picture: prints `@@CUT` for every visible control of the addon's views that is smaller than it must be or
## that
## leaves its parent.
func check_layout() -> void:
	EditorInterface.edit_resource(load(MODEL))
	open_bottom_panel("res://addons/executorch/editor/dock/dock_panel.gd")
	var setup: Window = find_window("res://addons/executorch/editor/setup/setup_window.gd")
	@warning_ignore("unsafe_method_access")
	setup.open()
	await settle(60)
	var count: int = 0
	for script_path: String in VIEWS:
		var view: Control = find_by_script(script_path)
		if view == null:
			print("@@CUT %s is not shown" % script_path)
			continue
		for node: Node in [view] + view.find_children("*", "Control", true, false):
			count += 1
			_check_control(node as Control, script_path)
	setup.hide()
	print("@@LAYOUT %d controls" % count)


func _check_control(control: Control, script_path: String) -> void:
	if not control.is_visible_in_tree() or control.is_set_as_top_level():
		return
	var where: String = "%s: %s %s" % [script_path.get_file(), control.get_class(), control.get("text")]
	var needed: Vector2 = control.get_combined_minimum_size()
	if control.size.x < needed.x - 1.0 or control.size.y < needed.y - 1.0:
		print("@@CUT %s has %s, needs %s" % [where, control.size, needed])
	var parent: Control = control.get_parent() as Control
	if parent == null or parent is ScrollContainer or parent is Tree or parent is RichTextLabel or parent is Range:
		return
	var room: Rect2 = Rect2(Vector2.ZERO, parent.size).grow(1.0)
	if not room.encloses(control.get_rect()) and control.size.x > 0.0 and control.size.y > 0.0:
		print("@@CUT %s at %s leaves its parent of %s" % [where, control.get_rect(), parent.size])


## Lets three models be converted anew: one is done, one fails, one runs when this returns.
func convert_some_models() -> void:
	var jobs: ExecuTorchJobs = get_tree().root.find_child("ExecuTorchJobs", true, false)
	var names: PackedStringArray = ["models/speech.pt", "models/agents.pt2", "models/handwriting.pt"]
	var file: FileAccess = FileAccess.open("res://" + names[0], FileAccess.WRITE)
	file.store_string("a download that was cut off")
	file.close()
	for index: int in [1, 2]:
		DirAccess.copy_absolute(
			ProjectSettings.globalize_path(MODEL), ProjectSettings.globalize_path("res://" + names[index])
		)
	for index: int in names.size():
		var path: String = "res://" + names[index]
		EditorInterface.get_resource_filesystem().update_file(path)
		# Another option than the default, so that the cache does not know the artifact.
		var settings: ConfigFile = ConfigFile.new()
		settings.set_value("remap", "importer", "executorch.model")
		settings.set_value("params", "recipe", "auto" if index < 2 else "xnnpack_int8_dynamic")
		settings.set_value("params", "deadline_seconds", 600 + Time.get_ticks_msec())
		settings.save(path + ".import")
		EditorInterface.get_resource_filesystem().reimport_files(PackedStringArray([path]))
	var end: int = Time.get_ticks_msec() + 60000
	while Time.get_ticks_msec() < end:
		var job: ExecuTorchJob = jobs.find_job("res://" + names[2])
		if job != null and job.stage in ["export", "lower", "write", "validate"]:
			return
		await get_tree().process_frame


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
