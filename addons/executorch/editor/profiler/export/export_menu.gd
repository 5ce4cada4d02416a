@tool
extends MenuButton
## Exports what the shown tab holds: CSV, JSON, PNG of the tab or of one of its charts, Chrome trace, ETDump.

enum Kind { CALLS_CSV, OPERATORS_CSV, JSON_ALL, TRACE, ETDUMP, PICTURE }

const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const BenchmarkResult := preload("res://addons/executorch/editor/profiler/data/benchmark_result.gd")
const LiveModel := preload("res://addons/executorch/editor/profiler/data/live_model.gd")
const OperatorTotals := preload("res://addons/executorch/editor/profiler/data/operator_totals.gd")
const SavedRuns := preload("res://addons/executorch/editor/profiler/data/saved_runs.gd")
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

var _dock: Control
var _dialog: EditorFileDialog
var _kind: Kind
## What a picture is taken of; null = the whole tab.
var _chart: Chart


func _init(dock: Control) -> void:
	_dock = dock
	text = "Export"
	tooltip_text = "Write the numbers or the picture of this tab to a file"
	get_popup().id_pressed.connect(_on_chosen)
	about_to_popup.connect(_on_about_to_popup)


## Writes one kind of export; false when there is nothing of that kind or the file cannot be written.
func write(kind: Kind, path: String) -> bool:
	match kind:
		Kind.CALLS_CSV:
			return SavedRuns.write_text(path, _calls_csv()) if _has(kind) else false
		Kind.OPERATORS_CSV:
			return SavedRuns.write_text(path, Csv.operators(_totals())) if _has(kind) else false
		Kind.JSON_ALL:
			return SavedRuns.write_text(path, _json()) if _has(kind) else false
		Kind.TRACE:
			return SavedRuns.write_text(path, ChromeTrace.to_json(_name(), _traces())) if _has(kind) else false
		Kind.ETDUMP:
			return _has(kind) and DirAccess.copy_absolute(_result().etdump_path, path) == OK
	return _write_picture((_dock.get(&"tabs") as TabContainer).get_current_tab_control(), path)


## The charts that the shown tab has something on.
func charts() -> Array[Chart]:
	var shown: Array[Chart] = []
	var tab: Control = (_dock.get(&"tabs") as TabContainer).get_current_tab_control()
	for node: Node in tab.find_children("*", "Control", true, false):
		if node is Chart and (node as Chart).is_visible_in_tree() and not (node as Chart).is_empty():
			shown.append(node as Chart)
	return shown


## Writes a picture of one chart; false when nothing is drawn (headless) or the file cannot be written.
func write_chart(chart: Chart, path: String) -> bool:
	return _write_picture(chart, path)


func _has(kind: Kind) -> bool:
	match kind:
		Kind.CALLS_CSV:
			return _live_model() != null or _result() != null
		Kind.OPERATORS_CSV, Kind.TRACE:
			return not _traces().is_empty()
		Kind.JSON_ALL:
			return _result() != null
		Kind.ETDUMP:
			return _result() != null and FileAccess.file_exists(_result().etdump_path)
	return true


## The benchmark, and what it is compared with.
func _json() -> String:
	var data: Dictionary = _result().to_dictionary()
	@warning_ignore("unsafe_method_access")
	var other: BenchmarkResult = _dock.get(&"benchmark").get_other()
	if other != null:
		data["compared_with"] = other.to_dictionary()
	return JSON.stringify(data, "\t")


func _calls_csv() -> String:
	var model: LiveModel = _live_model()
	return Csv.latencies(model.name, model.statistics) if model != null else Csv.durations(_result())


func _write_picture(control: Control, path: String) -> bool:
	var image: Image = Chart.picture_of(control)
	return image != null and SavedRuns.write_bytes(path, image.save_png_to_buffer())


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
	_dialog.current_file = "%s-%s.%s" % [_name().validate_filename(), what, ITEMS[_kind][2]]
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
	var tabs: TabContainer = _dock.get(&"tabs")
	var live: Control = _dock.get(&"live")
	if tabs.get_current_tab_control() != live:
		return null
	@warning_ignore("unsafe_method_access")
	return live.get_selected()


@warning_ignore("unsafe_method_access")
func _result() -> BenchmarkResult:
	return _dock.get(&"benchmark").get_result()


@warning_ignore("unsafe_method_access")
func _traces() -> Array[CallTrace]:
	return _dock.get(&"operators").get_traces()


@warning_ignore("unsafe_method_access")
func _totals() -> OperatorTotals:
	return _dock.get(&"operators").get_totals()


func _name() -> String:
	var model: LiveModel = _live_model()
	if model != null:
		return model.name
	return _result().name if _result() != null else "model"
