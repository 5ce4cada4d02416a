@tool
extends "editor_shots.gd"
## The check that nothing is cut off, and measurements. Each runs only when it is named.

const Programs := preload("programs.gd")
const ImportPlugin := preload("res://addons/executorch/editor/import/model_import_plugin.gd")
const ImportQueue := preload("res://addons/executorch/editor/jobs/import_queue.gd")
const VIEWS: PackedStringArray = [
	"res://addons/executorch/editor/inspector/model_view.gd",
	"res://addons/executorch/editor/dock/dock_panel.gd",
]


## Not a picture: prints `@@CUT` for every visible control of the addon's views that is smaller than it must be or
## that leaves its parent.
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
	var bounds: Rect2 = Rect2(Vector2.ZERO, parent.size).grow(1.0)
	if not bounds.encloses(control.get_rect()) and control.size.x > 0.0 and control.size.y > 0.0:
		print("@@CUT %s at %s leaves its parent of %s" % [where, control.get_rect(), parent.size])


## Not a picture: how long graphs take from the click to the picture on the screen.
func measure_graph() -> void:
	var window: Window = find_window("res://addons/executorch/editor/graph/graph_window.gd")
	for count: int in [50, 500, 2000]:
		var program: Dictionary = Programs.large(count)
		window.popup_centered_ratio(0.85)
		var begin: int = Time.get_ticks_usec()
		window.call("show_program", program, "forward")
		await RenderingServer.frame_post_draw
		print("@@MEASURE graph of %d nodes: %.0f ms" % [count, (Time.get_ticks_usec() - begin) / 1000.0])
	for model: String in ["silero_vad", "minilm"]:
		var path: String = "res://models/%s.safetensors" % model
		if ResourceLoader.exists(path):
			# The backend's first answer also imports its parser.
			for time: int in 2:
				var begin: int = Time.get_ticks_usec()
				await window.call("open", load(path), "forward")
				await RenderingServer.frame_post_draw
				print("@@MEASURE graph of %s: %.0f ms" % [model, (Time.get_ticks_usec() - begin) / 1000.0])
	window.hide()


## Not a picture: an import of a model that is in the cache, as Godot makes it and as the end of a conversion makes it.
func measure_import() -> void:
	await _wait(100)
	for time: int in 3:
		_time("import of digits.pt, drawn", _import_again.bind(MODEL))
		await _wait(60)
		var queue: ImportQueue = ImportQueue.new()
		queue.add(MODEL)
		_time("import of digits.pt, not drawn", queue.flush)
		await _wait(60)


## Not a picture: the longest frame while three conversions run, and what an import takes of the main thread.
func measure_background() -> void:
	var jobs: Jobs = get_tree().root.find_child("ExecuTorchJobs", true, false)
	jobs.start_backend()
	# Draw what changed, as the editor does; for pictures it draws always.
	OS.low_processor_usage_mode = true
	await _wait(300)
	var paths: PackedStringArray = []
	for index: int in 3:
		paths.append(_make_variant(index))
	await _wait(60)
	_time("Godot's own import of icon.svg", _import_again.bind("res://icon.svg"))
	var plugin: EditorImportPlugin = ImportPlugin.new(jobs)
	var nowhere: String = OS.get_user_data_dir().path_join("measured")
	var none: Array[String] = []
	_time("_import", plugin._import.bind(paths[0], nowhere, {"recipe": "auto"}, none, none))
	jobs.cancel(jobs.find_job(paths[0]))
	await _wait(200)
	var idle: Array[float] = await _longest_frames(func(frames: int) -> bool: return frames > 200)
	for path: String in paths:
		_time("import of %s" % path.get_file(), _import_again.bind(path))
	var ended: Callable = func(_frames: int) -> bool:
		for path: String in paths:
			var job: Job = jobs.find_job(path)
			if job == null or not job.is_ended():
				return false
		return true
	var busy: Array[float] = await _longest_frames(ended)
	# The imports that follow the last job.
	var last: Array[float] = await _longest_frames(func(frames: int) -> bool: return frames > 60)
	OS.low_processor_usage_mode = false
	print("@@MEASURE longest frame: %.1f ms idle" % idle[0])
	print("@@MEASURE during three conversions: %.1f ms" % maxf(busy[0], last[0]))
	print("@@MEASURE with an import at their end: %.1f ms" % maxf(busy[1], last[1]))


func _wait(count: int) -> void:
	for frame: int in count:
		await get_tree().process_frame


func _import_again(path: String) -> void:
	EditorInterface.get_resource_filesystem().reimport_files(PackedStringArray([path]))


func _time(what: String, work: Callable) -> void:
	var begin: int = Time.get_ticks_usec()
	work.call()
	print("@@MEASURE %s: %.1f ms" % [what, (Time.get_ticks_usec() - begin) / 1000.0])


## Milliseconds of the longest frame without and with an import in it.
func _longest_frames(until: Callable) -> Array[float]:
	var longest: Array[float] = [0.0, 0.0]
	var imports: Array[bool] = [false]
	var note: Callable = func(_paths: PackedStringArray) -> void: imports[0] = true
	EditorInterface.get_resource_filesystem().resources_reimported.connect(note)
	var frames: int = 0
	while not until.call(frames):
		imports[0] = false
		var begin: int = Time.get_ticks_usec()
		await get_tree().process_frame
		var kind: int = int(imports[0])
		longest[kind] = maxf(longest[kind], (Time.get_ticks_usec() - begin) / 1000.0)
		frames += 1
	EditorInterface.get_resource_filesystem().resources_reimported.disconnect(note)
	return longest


## Not a picture of every run, because it fetches 2 GB: the set-up as on a machine that has nothing but its own Python,
## from the window that opens by itself, cancelled and continued; then a conversion by what it made.
func measure_setup() -> void:
	OS.unset_environment("EXECUTORCH_PYTHON")
	OS.set_environment("PATH", "/usr/bin")
	var jobs: Jobs = get_tree().root.find_child("ExecuTorchJobs", true, false)
	var window: Window = find_window("res://addons/executorch/editor/setup/setup_window.gd")
	jobs.restart_backend()
	while not window.visible:
		await get_tree().process_frame
	await settle(120)
	save_window("setup-missing", window)
	var setup: RefCounted = window.get("_setup")
	var ends: Array[Dictionary] = []
	var last: Dictionary = {"stage": "", "fraction": 0.0}
	setup.connect(&"finished", func(error: Dictionary) -> void: ends.append(error))
	setup.connect(
		&"progressed",
		func(stage: String, part: float, _line: String) -> void: last.merge({"stage": stage, "fraction": part}, true)
	)
	var begin: int = Time.get_ticks_msec()
	_press(window, "Set Up")
	while float(last["fraction"]) < 0.15 and ends.is_empty():
		await get_tree().process_frame
	save_window("setup-download", window)
	_press(window, "Cancel")
	while ends.is_empty():
		await get_tree().process_frame
	print("@@MEASURE set-up cancelled at %s after %.0f s" % [last, (Time.get_ticks_msec() - begin) / 1000.0])
	await settle(200)
	save_window("setup-cancelled", window)
	begin = Time.get_ticks_msec()
	_press(window, "Continue Set-Up")
	while last["stage"] != "install" and ends.size() < 2:
		await get_tree().process_frame
	await settle(60)
	save_window("setup-install", window)
	while ends.size() < 2:
		await get_tree().process_frame
	print("@@MEASURE set-up ended after %.0f s more: %s" % [(Time.get_ticks_msec() - begin) / 1000.0, ends])
	while str(jobs.get_backend_info().get("executable", "")).begins_with("/usr/bin") or not window.visible:
		await get_tree().process_frame
	await settle(300)
	save_window("setup-ready", window)
	window.hide()
	begin = Time.get_ticks_msec()
	var path: String = _make_variant(0)
	jobs.import_again(path)
	while jobs.find_job(path) == null or not jobs.find_job(path).is_ended():
		await get_tree().process_frame
	await settle(60)
	var model: ExecuTorchResource = load(path)
	var image: PackedFloat32Array = []
	image.resize(64)
	print(
		(
			"@@MEASURE conversion by %s after %.0f s: ready %s, it answers %s"
			% [
				str(jobs.get_backend_info().get("executable", "")).replace(OS.get_environment("HOME"), "~"),
				(Time.get_ticks_msec() - begin) / 1000.0,
				model.state == ExecuTorchResource.State.READY,
				model.forward({"image": image})["output_0"],
			]
		)
	)


func _press(window: Window, text: String) -> void:
	for button: Node in window.find_children("*", "Button", true, false):
		if (button as Button).text == text and (button as Button).is_visible_in_tree():
			(button as Button).pressed.emit()
			return
	print("@@CUT no button %s" % text)


## A model that no cache knows: the first member of its archive has a time of its own, in both places.
func _make_variant(index: int) -> String:
	var path: String = "res://models/measured_%d.pt" % index
	var bytes: PackedByteArray = FileAccess.get_file_as_bytes(MODEL)
	var time: PackedByteArray = Crypto.new().generate_random_bytes(4)
	var directory: int = bytes.decode_u32(bytes.size() - 6)
	for place: int in 4:
		bytes[10 + place] = time[place]
		bytes[directory + 12 + place] = time[place]
	FileAccess.open(path, FileAccess.WRITE).store_buffer(bytes)
	EditorInterface.get_resource_filesystem().update_file(path)
	return path
