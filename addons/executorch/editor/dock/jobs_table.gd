@tool
extends Tree
## One row for each conversion of this run of the editor: model, state, progress, time, and what can be done about
## it.

## `job` is null when nothing is selected.
signal job_selected(job: ExecuTorchJob)

enum Column { MODEL, STATE, PROGRESS, TIME }
enum Action { CANCEL, RETRY, SHOW }

const TITLES: PackedStringArray = ["Model", "State", "Progress", "Time"]
const STATES: PackedStringArray = ["Waiting", "Running", "Done", "Failed", "Cancelled"]
const ICONS: PackedStringArray = ["Pause", "Play", "StatusSuccess", "StatusError", "StatusWarning"]
const REFRESH_SECONDS: float = 0.2

var _jobs: ExecuTorchJobs
var _rows: Dictionary = {}
var _timer: Timer = Timer.new()
var _empty: Label = Label.new()


func _init(jobs: ExecuTorchJobs = null) -> void:
	_jobs = jobs
	columns = TITLES.size()
	hide_root = true
	column_titles_visible = true
	select_mode = Tree.SELECT_ROW
	allow_rmb_select = false
	for column: int in columns:
		set_column_title(column, TITLES[column])
		set_column_title_alignment(column, HORIZONTAL_ALIGNMENT_LEFT)
		set_column_clip_content(column, true)
	set_column_expand_ratio(Column.MODEL, 4)
	set_column_expand_ratio(Column.STATE, 4)
	set_column_expand_ratio(Column.PROGRESS, 3)
	set_column_expand(Column.TIME, false)
	_empty.text = "Models that are being imported appear here."
	_empty.horizontal_alignment = HORIZONTAL_ALIGNMENT_CENTER
	_empty.vertical_alignment = VERTICAL_ALIGNMENT_CENTER
	_empty.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	_empty.mouse_filter = Control.MOUSE_FILTER_IGNORE
	_empty.set_anchors_and_offsets_preset(Control.PRESET_FULL_RECT)
	add_child(_empty)
	_timer.wait_time = REFRESH_SECONDS
	_timer.timeout.connect(_refresh_active)
	add_child(_timer)
	button_clicked.connect(_on_button_clicked)
	item_selected.connect(func() -> void: job_selected.emit(_job_of(get_selected())))
	item_activated.connect(func() -> void: _open(_job_of(get_selected())))


func _ready() -> void:
	set_column_custom_minimum_width(Column.TIME, roundi(150 * EditorInterface.get_editor_scale()))
	create_item()
	if _jobs == null:
		return
	for job: ExecuTorchJob in _jobs.get_jobs():
		_add(job)
	_jobs.job_added.connect(_add)
	_jobs.job_changed.connect(_update)
	_jobs.job_removed.connect(_remove)
	_timer.start()


## Selects a job's row; null selects nothing.
func select_job(job: ExecuTorchJob) -> void:
	if _rows.has(job):
		(_rows[job] as TreeItem).select(Column.MODEL)
		scroll_to_item(_rows[job])


func _add(job: ExecuTorchJob) -> void:
	var row: TreeItem = create_item(get_root(), 0)
	_rows[job] = row
	row.set_metadata(Column.MODEL, job)
	row.set_cell_mode(Column.PROGRESS, TreeItem.CELL_MODE_CUSTOM)
	row.set_custom_draw_callback(Column.PROGRESS, _draw_progress)
	_update(job)
	if get_selected() == null:
		row.select(Column.MODEL)


func _update(job: ExecuTorchJob) -> void:
	var row: TreeItem = _rows.get(job)
	if row == null:
		return
	row.set_text(Column.MODEL, job.path.get_file())
	row.set_tooltip_text(Column.MODEL, job.path)
	var running: bool = job.state == ExecuTorchJob.State.RUNNING
	row.set_text(Column.STATE, job.get_stage_title() if running else STATES[job.state])
	row.set_icon(Column.STATE, get_theme_icon(ICONS[job.state], &"EditorIcons"))
	var tip: String = str(job.error.get("cause", "")) if job.state == ExecuTorchJob.State.FAILED else job.message
	row.set_tooltip_text(Column.STATE, tip)
	row.set_text(Column.TIME, "%.1f s" % job.get_elapsed_seconds())
	row.set_tooltip_text(Column.PROGRESS, job.message)
	_update_buttons(row, job)
	_empty.visible = _rows.is_empty()
	queue_redraw()
	if get_selected() == row:
		job_selected.emit(job)


func _update_buttons(row: TreeItem, job: ExecuTorchJob) -> void:
	var active: bool = job.state in [ExecuTorchJob.State.QUEUED, ExecuTorchJob.State.RUNNING]
	var wanted: PackedInt32Array = [Action.CANCEL] if active else [Action.SHOW]
	if job.state in [ExecuTorchJob.State.FAILED, ExecuTorchJob.State.CANCELLED]:
		wanted = [Action.RETRY, Action.SHOW]
	var present: PackedInt32Array = []
	for index: int in row.get_button_count(Column.TIME):
		present.append(row.get_button_id(Column.TIME, index))
	if present == wanted:
		return
	while row.get_button_count(Column.TIME) > 0:
		row.erase_button(Column.TIME, 0)
	for action: int in wanted:
		var icon_name: String = ["Stop", "Reload", "ShowInFileSystem"][action]
		var tip: String = ["Cancel", "Try again", "Show in the inspector"][action]
		row.add_button(Column.TIME, get_theme_icon(icon_name, &"EditorIcons"), action, false, tip)


func _remove(job: ExecuTorchJob) -> void:
	if _rows.has(job):
		(_rows[job] as TreeItem).free()
		_rows.erase(job)
	_empty.visible = _rows.is_empty()
	if get_selected() == null:
		job_selected.emit(null)


func _refresh_active() -> void:
	if not is_visible_in_tree():
		return
	for job: ExecuTorchJob in _rows:
		if job.state == ExecuTorchJob.State.RUNNING:
			(_rows[job] as TreeItem).set_text(Column.TIME, "%.1f s" % job.get_elapsed_seconds())


func _draw_progress(row: TreeItem, rect: Rect2) -> void:
	var job: ExecuTorchJob = row.get_metadata(Column.MODEL)
	if job.state != ExecuTorchJob.State.RUNNING:
		return
	var scale_of: float = EditorInterface.get_editor_scale()
	var bar: Rect2 = rect.grow_individual(-4 * scale_of, -5 * scale_of, -8 * scale_of, -5 * scale_of)
	var text: Color = get_theme_color(&"font_color", &"Label")
	var box: StyleBoxFlat = StyleBoxFlat.new()
	box.set_corner_radius_all(roundi(3 * scale_of))
	box.bg_color = Color(text, 0.12)
	draw_style_box(box, bar)
	bar.size.x *= clampf(job.fraction, 0.0, 1.0)
	box.bg_color = get_theme_color(&"accent_color", &"Editor")
	draw_style_box(box, bar)


func _job_of(row: TreeItem) -> ExecuTorchJob:
	return row.get_metadata(Column.MODEL) if row != null else null


func _on_button_clicked(row: TreeItem, _column: int, id: int, _mouse: int) -> void:
	var job: ExecuTorchJob = _job_of(row)
	match id:
		Action.CANCEL:
			_jobs.cancel(job)
		Action.RETRY:
			_jobs.retry(job)
		Action.SHOW:
			_open(job)


func _open(job: ExecuTorchJob) -> void:
	if job != null and ResourceLoader.exists(job.path):
		EditorInterface.get_file_system_dock().navigate_to_path(job.path)
		EditorInterface.edit_resource(load(job.path))
