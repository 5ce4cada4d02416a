@tool
extends MenuButton
## Exports the shown tab: CSV, JSON, PNG of the tab or of one of its charts, Chrome trace, ETDump.

enum Kind { CALLS_CSV, OPERATORS_CSV, JSON_ALL, TRACE, ETDUMP, PICTURE }

const BenchmarkResult := preload("res://addons/executorch/editor/profiler/benchmark/benchmark_result.gd")
const LiveModel := preload("res://addons/executorch/editor/profiler/live/live_model.gd")
const LiveTab := preload("res://addons/executorch/editor/profiler/tabs/live_tab.gd")
const BenchmarkTab := preload("res://addons/executorch/editor/profiler/tabs/benchmark_tab.gd")
const OperatorsTab := preload("res://addons/executorch/editor/profiler/tabs/operators_tab.gd")
const AtomicFile := preload("res://addons/executorch/runtime/library/atomic_file.gd")
const ChromeTrace := preload("res://addons/executorch/editor/profiler/export/chrome_trace.gd")
const Csv := preload("res://addons/executorch/editor/profiler/export/csv.gd")
const Chart := preload("res://addons/executorch/editor/profiler/charts/chart.gd")

const ITEMS: Dictionary[Kind, Array] = {
	Kind.CALLS_CSV: ["Latency of every call (CSV)…", "calls", "csv"],
	Kind.OPERATORS_CSV: ["Operators (CSV)…", "operators", "csv"],
	Kind.JSON_ALL: ["Everything (JSON)…", "profile", "json"],
	Kind.TRACE: ["Chrome trace for Perfetto (JSON)…", "trace", "json"],
	Kind.ETDUMP: ["ETDump for ExecuTorch's Inspector…", "profile", "etdp"],
	Kind.PICTURE: ["Picture of this tab (PNG)…", "profiler", "png"],
}

## From here on the menu's items are the charts of the shown tab.
const FIRST_CHART: int = 100

var _tabs: TabContainer
var _live: LiveTab
var _benchmark: BenchmarkTab
var _operators: OperatorsTab
var _dialog: EditorFileDialog
var _kind: Kind
## The chart of the picture; null = the whole tab.
var _chart: Chart


func _init(tabs: TabContainer, live: LiveTab, benchmark: BenchmarkTab, operators: OperatorsTab) -> void:
	_tabs = tabs
	_live = live
	_benchmark = benchmark
	_operators = operators
	text = "Export"
	tooltip_text = "Write the numbers or the picture of this tab to a file"
	get_popup().id_pressed.connect(_on_chosen)
	about_to_popup.connect(_on_about_to_popup)


## Writes one kind of export; false when there is nothing of that kind or the file cannot be written.
func write(kind: Kind, path: String) -> bool:
	if not _has(kind):
		return false
	match kind:
		Kind.ETDUMP:
			return DirAccess.copy_absolute(_benchmark.get_result().etdump_path, path) == OK
		Kind.PICTURE:
			return _write_picture(_tabs.get_current_tab_control(), path)
	return AtomicFile.write_text(path, _text_of(kind)) == OK


## The charts that the shown tab has something on.
func charts() -> Array[Chart]:
	var shown: Array[Chart] = []
	for node: Node in _tabs.get_current_tab_control().find_children("*", "Control", true, false):
		if node is Chart and (node as Chart).is_visible_in_tree() and not (node as Chart).is_empty():
			shown.append(node as Chart)
	return shown


## Writes a picture of one chart; false when nothing is drawn (headless) or the file cannot be written.
func write_chart(chart: Chart, path: String) -> bool:
	return _write_picture(chart, path)


func _has(kind: Kind) -> bool:
	var result: BenchmarkResult = _benchmark.get_result()
	match kind:
		Kind.CALLS_CSV:
			return _live_model() != null or result != null
		Kind.OPERATORS_CSV, Kind.TRACE:
			return not _operators.get_traces().is_empty()
		Kind.JSON_ALL:
			return result != null
		Kind.ETDUMP:
			return result != null and FileAccess.file_exists(result.etdump_path)
	return true


func _text_of(kind: Kind) -> String:
	match kind:
		Kind.CALLS_CSV:
			return _calls_csv()
		Kind.OPERATORS_CSV:
			return Csv.operators(_operators.get_totals())
		Kind.TRACE:
			return ChromeTrace.to_json(_name_of(kind), _operators.get_traces())
	return _json()


## The benchmark, and what it is compared with.
func _json() -> String:
	var data: Dictionary = _benchmark.get_result().to_dictionary()
	var other: BenchmarkResult = _benchmark.get_other()
	if other != null:
		data["compared_with"] = other.to_dictionary()
	return JSON.stringify(data, "\t")


func _calls_csv() -> String:
	var model: LiveModel = _live_model()
	return Csv.latencies(model.name, model.statistics) if model != null else Csv.durations(_benchmark.get_result())


func _write_picture(control: Control, path: String) -> bool:
	var image: Image = Chart.picture_of(control)
	return image != null and AtomicFile.write_bytes(path, image.save_png_to_buffer()) == OK


func _on_about_to_popup() -> void:
	var popup: PopupMenu = get_popup()
	popup.clear()
	for kind: Kind in ITEMS:
		popup.add_item(ITEMS[kind][0] as String, kind)
		popup.set_item_disabled(popup.item_count - 1, not _has(kind))
	var shown: Array[Chart] = charts()
	if not shown.is_empty():
		popup.add_separator("Picture of one graph (PNG)")
	for index: int in shown.size():
		popup.add_item(shown[index].title + "…", FIRST_CHART + index)


func _on_chosen(id: int) -> void:
	_chart = charts()[id - FIRST_CHART] if id >= FIRST_CHART else null
	_kind = Kind.PICTURE if _chart != null else id as Kind
	if _dialog == null:
		_dialog = EditorFileDialog.new()
		_dialog.access = EditorFileDialog.ACCESS_FILESYSTEM
		_dialog.file_mode = EditorFileDialog.FILE_MODE_SAVE_FILE
		_dialog.file_selected.connect(_on_file_selected)
		add_child(_dialog)
	_dialog.clear_filters()
	_dialog.add_filter("*." + str(ITEMS[_kind][2]))
	var what: String = _chart.title.to_snake_case() if _chart != null else str(ITEMS[_kind][1])
	_dialog.current_file = "%s-%s.%s" % [_name_of(_kind).validate_filename(), what, ITEMS[_kind][2]]
	_dialog.popup_file_dialog()


func _on_file_selected(path: String) -> void:
	if _kind == Kind.PICTURE:
		# The dialog may lie over what the picture is of.
		await get_tree().process_frame
		await RenderingServer.frame_post_draw
	if not (write_chart(_chart, path) if _chart != null else write(_kind, path)):
		push_warning("ExecuTorch profiler: %s was not written." % path)


## The model of the Live tab, when that tab is shown.
func _live_model() -> LiveModel:
	return _live.get_selected() if _tabs.get_current_tab_control() == _live else null


## The model that an export is of: the operators can be those of a running game, beside another model's benchmark.
func _name_of(kind: Kind) -> String:
	var is_operators: bool = kind == Kind.PICTURE and _tabs.get_current_tab_control() == _operators
	if (kind == Kind.OPERATORS_CSV or kind == Kind.TRACE or is_operators) and not _operators.get_traces().is_empty():
		return _operators.get_model_name()
	if (kind == Kind.CALLS_CSV or kind == Kind.PICTURE) and _live_model() != null:
		return _live_model().name
	var result: BenchmarkResult = _benchmark.get_result()
	return result.name if result != null else "model"
