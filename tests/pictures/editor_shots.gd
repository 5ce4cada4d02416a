@tool
extends Node
## One function `shot_NAME` for each picture; each drives the editor and saves what it shows.

const McpCaller := preload("mcp_caller.gd")
const Links := preload("res://addons/executorch/editor/watching/links.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const Job := preload("res://addons/executorch/editor/jobs/job.gd")
const MARGIN: int = 0
## The inspector's width in pixels at 100%, as Godot has it at first.
const INSPECTOR: float = 300.0
const MODEL: String = "res://models/digits.pt"


## Takes the pictures of these names; "all" for every one. Also runs a `check_NAME` or `measure_NAME` that is named.
func take_all(names: PackedStringArray) -> void:
	for method: Dictionary in (get_script() as Script).get_script_method_list():
		var method_name: String = method["name"]
		var is_shot: bool = method_name.begins_with("shot_")
		if (is_shot and (names.has("all") or names.has(method_name.trim_prefix("shot_")))) or names.has(method_name):
			await call(method_name)


func shot_editor() -> void:
	EditorInterface.get_file_system_dock().navigate_to_path(MODEL)
	EditorInterface.edit_resource(load(MODEL))
	widen_inspector(INSPECTOR)
	open_bottom_panel("res://addons/executorch/editor/dock/dock_panel.gd")
	await convert_some_models()
	var jobs: Jobs = get_tree().root.find_child("ExecuTorchJobs", true, false)
	while jobs.get_jobs().any(func(job: Job) -> bool: return not job.is_ended()):
		await get_tree().process_frame
	await settle(120)
	save("editor", EditorInterface.get_base_control())


func shot_inspector() -> void:
	EditorInterface.edit_resource(load(MODEL))
	await settle()
	widen_inspector(INSPECTOR)
	await settle()
	var inspector: ScrollContainer = EditorInterface.get_inspector()
	save("inspector", inspector)
	inspector.scroll_vertical = 100000
	await settle()
	save("inspector-below", inspector)


## States beside "ready": being converted, and failed.
func shot_inspector_states() -> void:
	await convert_some_models()
	for shown: Array in [["pending", "res://models/handwriting.pt"], ["failed", "res://models/speech.pt"]]:
		EditorInterface.edit_resource(load(shown[1] as String))
		await settle()
		widen_inspector(INSPECTOR)
		await settle()
		var inspector: ScrollContainer = EditorInterface.get_inspector()
		save("inspector-%s" % shown[0], inspector, 420.0)


## Static int8 without samples, the question for them, and weights whose class lies beside them.
func shot_inspector_remedies() -> void:
	var jobs: Jobs = _find_jobs()
	_import_as("models/small.pt", MODEL, {"recipe": "xnnpack_int8_static"})
	_import_as("models/brain.pth", "res://models/steering.pth", {})
	for path: String in ["res://models/small.pt", "res://models/brain.pth"]:
		while jobs.find_job(path) == null or not jobs.find_job(path).is_ended():
			await get_tree().process_frame
	for shown: Array in [["uncalibrated", "small.pt"], ["guess", "brain.pth"]]:
		EditorInterface.edit_resource(load("res://models/" + str(shown[1])))
		await settle(60)
		widen_inspector(INSPECTOR)
		await settle()
		save("inspector-%s" % shown[0], EditorInterface.get_inspector())
	EditorInterface.edit_resource(load("res://models/digits.pt"))
	await settle()
	for menu: Node in EditorInterface.get_inspector().find_children("*", "OptionButton", true, false):
		if (menu as OptionButton).get_item_text(0) == "auto":
			(menu as OptionButton).item_selected.emit(5)
	await settle()
	save("inspector-waiting", EditorInterface.get_inspector())
	open_bottom_panel("res://addons/executorch/editor/dock/dock_panel.gd").call("show_job_of", "res://models/small.pt")
	await settle()
	save("dock-uncalibrated", find_by_script("res://addons/executorch/editor/dock/dock_panel.gd"))


## Copies a model into the project and imports it with options.
func _import_as(file: String, from: String, options: Dictionary) -> void:
	DirAccess.copy_absolute(ProjectSettings.globalize_path(from), ProjectSettings.globalize_path("res://" + file))
	EditorInterface.get_resource_filesystem().update_file("res://" + file)
	var settings: ConfigFile = ConfigFile.new()
	settings.set_value("remap", "importer", "executorch.model")
	for option: String in options:
		settings.set_value("params", option, options[option])
	settings.save("res://%s.import" % file)
	_find_jobs().import_again("res://" + file)


func _find_jobs() -> Jobs:
	return get_tree().root.find_child("ExecuTorchJobs", true, false) as Jobs


## A model that follows a checkpoint outside of the project.
func shot_follows() -> void:
	var outside: String = OS.get_user_data_dir().path_join("run_12/checkpoint.pt")
	DirAccess.make_dir_recursive_absolute(outside.get_base_dir())
	DirAccess.copy_absolute(ProjectSettings.globalize_path(MODEL), outside)
	var links: Links = _find_links()
	links.link(MODEL, outside)
	EditorInterface.edit_resource(load(MODEL))
	await settle(60)
	widen_inspector(INSPECTOR)
	await settle()
	for label: Node in EditorInterface.get_inspector().find_children("*", "Label", true, false):
		if (label as Label).text == "Follows":
			EditorInterface.get_inspector().scroll_vertical = 0
			await settle()
			var place: float = (label as Label).global_position.y - EditorInterface.get_inspector().global_position.y
			EditorInterface.get_inspector().scroll_vertical = roundi(place - 360.0 * EditorInterface.get_editor_scale())
	await settle()
	save("follows", EditorInterface.get_inspector(), 580.0)
	links.unlink(MODEL)


func _find_links() -> Links:
	for node: Node in get_tree().root.find_children("*", "EditorPlugin", true, false):
		# The editor loads the plugin's script past the cache: its type is unknown here.
		var script: Script = node.get_script()
		if script != null and script.resource_path == "res://addons/executorch/plugin.gd":
			return (node.get(&"watching") as Object).get(&"links") as Links
	return null


func shot_import_dock() -> void:
	var dock: Control = EditorInterface.get_base_control().find_children("*", "ImportDock", true, false)[0]
	(dock.get_parent() as TabContainer).current_tab = dock.get_index()
	EditorInterface.get_file_system_dock().navigate_to_path(MODEL)
	await settle(60)
	EditorInterface.select_file(MODEL)
	await settle(60)
	var inspector: EditorInspector = dock.find_children("*", "EditorInspector", true, false)[0]
	inspector.get_edited_object().set("recipe", "xnnpack_int8_int4")
	inspector.get_edited_object().set("inputs", "image: float32[1,1,")
	inspector.property_edited.emit("inputs")
	var problems: Control = dock.find_child("ExecuTorchProblems", true, false)
	var end: int = Time.get_ticks_msec() + 60000
	while not problems.visible and Time.get_ticks_msec() < end:
		await get_tree().process_frame
	_widen_left(340.0)
	await settle()
	save("import-dock", dock)
	EditorInterface.select_file("res://main.gd")


func shot_dock() -> void:
	var panel: Control = open_bottom_panel("res://addons/executorch/editor/dock/dock_panel.gd")
	await convert_some_models()
	panel.call("show_job_of", "res://models/speech.pt")
	await settle()
	save("dock", panel)
	var jobs: Jobs = get_tree().root.find_child("ExecuTorchJobs", true, false)
	jobs.cancel(jobs.find_job("res://models/handwriting.pt"))
	panel.call("show_job_of", "res://models/handwriting.pt")
	await settle()
	save("dock-cancelled", panel)
	panel.call("show_page", 1)
	await settle(200)
	save("dock-environment", panel)


## Thumbnails: the FileSystem dock with its files beside the folders.
func shot_thumbnails() -> void:
	var dock: Control = EditorInterface.get_file_system_dock()
	var was: Array[Button] = []
	for button: Node in dock.find_children("*", "Button", true, false):
		if (button as Button).tooltip_text.contains("Split"):
			(button as Button).pressed.emit()
			was.append(button as Button)
	await settle()
	var grid: Texture2D = dock.get_theme_icon(&"FileThumbnail", &"EditorIcons")
	for button: Node in dock.find_children("*", "Button", true, false):
		if (button as Button).icon == grid and (button as Button).is_visible_in_tree():
			(button as Button).pressed.emit()
	EditorInterface.select_file(MODEL)
	await settle(120)
	save("thumbnails", dock)
	# Side by side, one under the other, and back.
	for button: Button in was:
		button.pressed.emit()
		button.pressed.emit()


func shot_mcp() -> void:
	var panel: Control = open_bottom_panel("res://addons/executorch/editor/dock/dock_panel.gd")
	panel.call("show_page", 2)
	panel.custom_minimum_size.y *= 1.4
	await settle(40)
	save("dock-mcp-off", panel)
	var caller: McpCaller = McpCaller.new()
	add_child(caller)
	await caller.call_all("my-assistant")
	await settle(40)
	save("dock-mcp", panel)
	panel.custom_minimum_size.y /= 1.4
	caller.queue_free()


## Lets three models be converted anew: one is done, one fails, one runs when this returns.
func convert_some_models() -> void:
	var jobs: Jobs = get_tree().root.find_child("ExecuTorchJobs", true, false)
	var names: PackedStringArray = ["models/speech.pt", "models/agents.pt2", "models/handwriting.pt"]
	var is_ended: Callable = func(job: Job) -> bool: return job.is_ended()
	while not jobs.get_jobs().all(is_ended):
		await get_tree().process_frame
	jobs.clear_finished()
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
		settings.set_value("params", "max_absolute_error", "1.%d" % Time.get_ticks_usec())
		settings.save(path + ".import")
		jobs.import_again(path)
	var end: int = Time.get_ticks_msec() + 60000
	while Time.get_ticks_msec() < end:
		var job: Job = jobs.find_job("res://" + names[2])
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


## silero-vad as it is, and MiniLM opened at its delegate.
func shot_graph() -> void:
	var window: Window = find_window("res://addons/executorch/editor/graph/graph_window.gd")
	for shown: Array in [["graph", "silero_vad"], ["graph-large", "minilm"]]:
		var path: String = "res://models/%s.safetensors" % shown[1]
		if not ResourceLoader.exists(path):
			print("@@SHOT %s is not in the project" % path)
			continue
		await window.call("open", load(path), "forward")
		await settle(40)
		save_window(shown[0] as String, window)
	await window.call("open", load("res://models/silero_vad.safetensors"), "forward")
	await settle(40)
	var largest: Button = null
	for button: Button in window.find_children("*", "Button", true, false):
		if button.tooltip_text == "Shows the operators inside.":
			if largest == null or button.text.to_int() > largest.text.to_int():
				largest = button
	largest.pressed.emit()
	await settle(40)
	# The whole of it is too small to be read in a picture.
	var canvas: GraphEdit = window.find_children("*", "GraphEdit", true, false)[0]
	canvas.zoom = EditorInterface.get_editor_scale()
	canvas.scroll_offset = Vector2(-60.0, -300.0) * EditorInterface.get_editor_scale()
	await settle(40)
	save_window("graph-inside", window)
	window.hide()


## What a layer of the digits' network computed.
func shot_values() -> void:
	var graph: Window = find_window("res://addons/executorch/editor/graph/graph_window.gd")
	await graph.call("open", load(MODEL), "forward")
	var canvas: Control = find_by_script("res://addons/executorch/editor/graph/graph_canvas.gd")
	canvas.emit_signal(&"values_requested", "relu")
	var window: Window = find_window("res://addons/executorch/editor/graph/values_window.gd")
	var words: Label = window.get("_words")
	var end: int = Time.get_ticks_msec() + 200_000
	while not words.text.contains("deviation") and Time.get_ticks_msec() < end:
		await get_tree().process_frame
	await settle(40)
	save_window("values", window)
	window.hide()
	graph.hide()


## Opens the bottom panel whose control has this script, and returns the control.
func open_bottom_panel(script_path: String) -> Control:
	var panel: Control = find_by_script(script_path)
	(get_parent() as EditorPlugin).make_bottom_panel_item_visible(panel)
	return panel


## The editor's window that has this script; null when there is none.
func find_window(script_path: String) -> Window:
	return _find("Window", script_path) as Window


## The first control of the editor that has this script; null when there is none.
func find_by_script(script_path: String) -> Control:
	return _find("Control", script_path) as Control


func _find(type: String, script_path: String) -> Node:
	for node: Node in EditorInterface.get_base_control().find_children("*", type, true, false):
		var script: Script = node.get_script()
		if script != null and script.resource_path == script_path:
			return node
	return null


## Gives the dock at the right `width` pixels at 100%, if the editor's layout allows it.
func widen_inspector(width: float) -> void:
	var node: Node = EditorInterface.get_inspector()
	while node != null:
		var offsets: Variant = node.get("split_offsets")
		if offsets is PackedInt32Array and (offsets as PackedInt32Array).size() > 1:
			var changed: PackedInt32Array = offsets
			changed[-1] = -roundi(width * EditorInterface.get_editor_scale())
			node.set("split_offsets", changed)
		node = node.get_parent()


## Gives the docks at the left `width` pixels at 100%.
func _widen_left(width: float) -> void:
	var node: Node = EditorInterface.get_file_system_dock()
	while node != null:
		if node is HSplitContainer:
			(node as HSplitContainer).split_offset += roundi((width - 268.0) * EditorInterface.get_editor_scale())
			return
		node = node.get_parent()


## Saves the picture of a control and what lies over it; at most `height` pixels (at 100%) of it.
func save(shot_name: String, control: Control, height: float = INF) -> void:
	var image: Image = get_tree().root.get_texture().get_image()
	var rect: Rect2i = Rect2i(control.get_global_rect()).grow(MARGIN)
	rect.size.y = mini(rect.size.y, int(minf(height * EditorInterface.get_editor_scale(), 1e6)))
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
	if DisplayServer.get_name() != "headless":
		await RenderingServer.frame_post_draw
