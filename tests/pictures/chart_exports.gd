@tool
extends Node
## Exports each tab of the profiler and each of its charts as a PNG, in an editor with a window. Prints
## `@@PICTURE file width height` for each.

const Dock := preload("res://addons/executorch/editor/profiler/profiler_dock.gd")
const ExportMenu := preload("res://addons/executorch/editor/profiler/export/export_menu.gd")
const MODEL: String = "res://models/digits.pt"
const SESSION: int = 3
const CALLS: int = 500

var _dock: Dock
var _menu: ExportMenu


func take_all(_names: PackedStringArray) -> void:
	_dock = EditorInterface.get_base_control().get_window().find_child("ModelProfiler", true, false) as Dock
	(get_parent() as EditorPlugin).make_bottom_panel_item_visible(_dock)
	for child: Node in _dock.get_children():
		if child is ExportMenu:
			_menu = child
	_receive_calls()
	_dock.open_benchmark(MODEL)
	_dock.benchmark.start(30, PackedInt32Array([1]))
	for second: int in 60:
		if _dock.benchmark.get_result() == null:
			await get_tree().create_timer(1.0).timeout
	for tab: Control in [_dock.live, _dock.benchmark, _dock.operators, _dock.memory]:
		_dock.tabs.current_tab = tab.get_index()
		for frame: int in 30:
			await get_tree().process_frame
		await RenderingServer.frame_post_draw
		var folder: String = OS.get_environment("EXECUTORCH_SHOTS_OUT")
		if _menu.write(ExportMenu.Kind.PICTURE, folder.path_join("%s.png" % tab.name)):
			report(tab.name, tab)
		for chart: ExportMenu.Chart in _menu.charts():
			var file: String = "%s-%s" % [tab.name, chart.title.to_snake_case()]
			if _menu.write_chart(chart, folder.path_join("%s.png" % file)):
				report(file, chart)
	var refused: bool = not _menu.write(ExportMenu.Kind.PICTURE, "/nowhere/at/all.png")
	print("@@REFUSED %s" % refused)


func report(file: String, pictured: Control) -> void:
	print("@@PICTURE %s %d %d" % [file, pictured.size.x, pictured.size.y])


## Of a model that is as fast as its number.
func _receive_calls() -> void:
	var numbers: PackedFloat64Array = []
	for index: int in CALLS:
		numbers.append_array([index + 1.0, index * 16_667.0, 100.0 + index % 50, 0.0, 0.0])
	_dock.get_feed().begin_session(SESSION)
	_dock.get_feed().receive(
		SESSION, "model", [1, {"name": "net", "path": "", "methods": PackedStringArray(["forward"])}]
	)
	_dock.get_feed().receive(SESSION, "calls", [CALLS * 16_667.0, 1, [[1, numbers, 0]]])
