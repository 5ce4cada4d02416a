@tool
extends Tree
## One row for each model that was converted since the editor was started, and for those that failed before; those that
## run first: model, state with its progress, time,
## and what can be done about it.

## `job` is null when nothing is selected.
signal job_selected(job: Job)

enum Column { MODEL, STATE, TIME }
enum Action { CANCEL, RETRY, SHOW }

const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const Job := preload("res://addons/executorch/editor/jobs/job.gd")
const TITLES: PackedStringArray = ["Model", "State", "Time"]
const STATES: PackedStringArray = ["Waiting", "Running", "Done", "Failed", "Cancelled"]
const ICONS: PackedStringArray = ["Pause", "Play", "StatusSuccess", "StatusError", "StatusWarning"]
const REFRESH_SECONDS: float = 0.2
const NO_JOBS: String = (
	"No model failed, and none was converted since the editor was started."
	+ "\nDrop a model file into the FileSystem dock."
)

var _jobs: Jobs
var _rows: Dictionary[Job, TreeItem] = {}
## Where each job stands: 0 running, 1 waiting, 2 ended.
var _ranks: Dictionary[Job, int] = {}
var _timer: Timer = Timer.new()
var _empty: Label = Label.new()


func _init(jobs: Jobs = null) -> void:
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
	set_column_expand(Column.TIME, false)
	_empty.text = NO_JOBS
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
	for job: Job in _jobs.get_jobs():
		_add(job)
	_jobs.job_added.connect(_add)
	_jobs.job_changed.connect(_update)
	_jobs.job_removed.connect(_remove)
	_timer.start()


## Selects a job's row; null selects nothing.
func select_job(job: Job) -> void:
	if _rows.has(job):
		_rows[job].select(Column.MODEL)
		scroll_to_item(_rows[job])


func _add(job: Job) -> void:
	var row: TreeItem = create_item(get_root(), 0)
	_rows[job] = row
	row.set_metadata(Column.MODEL, job)
	row.set_cell_mode(Column.STATE, TreeItem.CELL_MODE_CUSTOM)
	row.set_custom_draw_callback(Column.STATE, _draw_progress)
	_update(job)
	# What failed stays in sight, and what runs; else the newest conversion is shown.
	var shown: Job = _job_of(get_selected())
	if shown == null or shown.state in [Job.State.DONE, Job.State.CANCELLED]:
		row.select(Column.MODEL)


func _update(job: Job) -> void:
	var row: TreeItem = _rows.get(job)
	if row == null:
		return
	row.set_text(Column.MODEL, job.path.get_file())
	row.set_tooltip_text(Column.MODEL, job.path)
	var is_warned: bool = not job.warning.is_empty()
	row.set_text(Column.STATE, _words_of(job))
	row.set_icon(Column.STATE, get_theme_icon("StatusWarning" if is_warned else ICONS[job.state], &"EditorIcons"))
	row.set_tooltip_text(Column.STATE, _tip_of(job))
	if is_warned:
		row.set_custom_color(Column.STATE, get_theme_color(&"warning_color", &"Editor"))
	row.set_text(Column.TIME, "%.1f s" % job.get_elapsed_seconds() if job.get_elapsed_seconds() > 0.0 else "")
	_update_buttons(row, job)
	_keep_order(row, job)
	_empty.visible = _rows.is_empty()
	queue_redraw()
	if get_selected() == row:
		job_selected.emit(job)


func _words_of(job: Job) -> String:
	if not job.is_ended():
		return job.get_stage_title()
	return str(job.warning["title"]) if not job.warning.is_empty() else STATES[job.state]


func _tip_of(job: Job) -> String:
	if job.state == Job.State.FAILED:
		return "%s\n%s" % [job.error.get("cause", ""), job.error.get("remedy", "")]
	if job.waits_for_python() and not job.lack.is_empty():
		return "%s\n%s" % [job.lack["cause"], job.lack["remedy"]]
	if not job.warning.is_empty():
		return "%s\n%s" % [job.warning["cause"], job.warning["remedy"]]
	return job.message


## Running jobs come first, then waiting ones, then those that have ended.
func _keep_order(row: TreeItem, job: Job) -> void:
	var rank: int = _rank_of(job)
	if _ranks.get(job, -1) == rank:
		return
	_ranks[job] = rank
	var before: TreeItem = null
	for other: TreeItem in get_root().get_children():
		var rank_of_other: int = _rank_of(_job_of(other))
		if other != row and rank_of_other >= rank:
			before = other
			break
	if before != null:
		row.move_before(before)
	elif get_root().get_child_count() > 1:
		row.move_after(get_root().get_child(-1) if get_root().get_child(-1) != row else get_root().get_child(-2))
	if job.state == Job.State.RUNNING:
		scroll_to_item(row)


func _rank_of(job: Job) -> int:
	return 2 if job.is_ended() else 0 if job.state == Job.State.RUNNING else 1


func _update_buttons(row: TreeItem, job: Job) -> void:
	var active: bool = job.state in [Job.State.QUEUED, Job.State.RUNNING]
	var wanted: PackedInt32Array = [Action.CANCEL] if active else [Action.SHOW]
	if job.state in [Job.State.FAILED, Job.State.CANCELLED]:
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


func _remove(job: Job) -> void:
	if _rows.has(job):
		_rows[job].free()
		_rows.erase(job)
		_ranks.erase(job)
	_empty.visible = _rows.is_empty()
	if get_selected() == null:
		job_selected.emit(null)


func _refresh_active() -> void:
	if not is_visible_in_tree():
		return
	for job: Job in _rows:
		if job.state == Job.State.RUNNING:
			_rows[job].set_text(Column.TIME, "%.1f s" % job.get_elapsed_seconds())


func _draw_progress(row: TreeItem, rect: Rect2) -> void:
	var job: Job = row.get_metadata(Column.MODEL)
	if job.state != Job.State.RUNNING:
		return
	var scale_of: float = EditorInterface.get_editor_scale()
	var bar: Rect2 = rect.grow_individual(-1 * scale_of, -2 * scale_of, -4 * scale_of, -2 * scale_of)
	var text: Color = get_theme_color(&"font_color", &"Label")
	var box: StyleBoxFlat = StyleBoxFlat.new()
	box.set_corner_radius_all(roundi(3 * scale_of))
	box.bg_color = Color(text, 0.12)
	draw_style_box(box, bar)
	bar.size.x *= clampf(job.fraction, 0.0, 1.0)
	box.bg_color = Color(get_theme_color(&"accent_color", &"Editor"), 0.45)
	draw_style_box(box, bar)


func _job_of(row: TreeItem) -> Job:
	return row.get_metadata(Column.MODEL) if row != null else null


func _on_button_clicked(row: TreeItem, _column: int, id: int, _mouse: int) -> void:
	var job: Job = _job_of(row)
	match id:
		Action.CANCEL:
			_jobs.cancel(job)
		Action.RETRY:
			_jobs.retry(job)
		Action.SHOW:
			_open(job)


func _open(job: Job) -> void:
	if job != null and ResourceLoader.exists(job.path):
		EditorInterface.get_file_system_dock().navigate_to_path(job.path)
		EditorInterface.edit_resource(load(job.path))
