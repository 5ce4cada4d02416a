@tool
extends Tree
## The models of the running game with the numbers of all their sessions; the first row stands for all of them.

## A row was selected; null = all models.
signal model_selected(model: LiveModel)

const LiveFeed := preload("res://addons/executorch/editor/profiler/live/live_feed.gd")
const LiveModel := preload("res://addons/executorch/editor/profiler/live/live_model.gd")
const Quantity := preload("res://addons/executorch/editor/shared/quantity.gd")
const Style := preload("res://addons/executorch/editor/shared/style.gd")
const TITLES: PackedStringArray = ["Model", "Calls/s", "p50", "p99", "Frame", "Memory", "Queue"]
const WIDTHS: PackedInt32Array = [150, 60, 74, 74, 64, 80, 50]
const TIPS: PackedStringArray = [
	"",
	"Calls per second, last two seconds",
	"Half of the calls are faster",
	"One of a hundred calls is slower",
	"Time in the model per frame, as a share of the frame's budget",
	"All memory of the model",
	"Asynchronous calls that wait"
]

var _style: Style
var _rows: Dictionary[int, TreeItem] = {}
var _all: TreeItem
var _models: Array[LiveModel] = []
var _filling: bool = false


func _init() -> void:
	columns = TITLES.size()
	column_titles_visible = true
	hide_root = true
	select_mode = Tree.SELECT_ROW
	for column: int in columns:
		set_column_title(column, TITLES[column])
		set_column_title_tooltip_text(column, TIPS[column])
		set_column_expand(column, column == 0)
		set_column_title_alignment(column, HORIZONTAL_ALIGNMENT_LEFT if column == 0 else HORIZONTAL_ALIGNMENT_RIGHT)
	item_selected.connect(_on_item_selected)


func _notification(what: int) -> void:
	if what == NOTIFICATION_THEME_CHANGED or what == NOTIFICATION_ENTER_TREE:
		_style = Style.new(self)
		var width: float = 0.0
		for column: int in columns:
			set_column_custom_minimum_width(column, int(_style.px(WIDTHS[column])))
			width += _style.px(WIDTHS[column] + 3)
		# Space for a scroll bar: without it, one for the height causes another for the width.
		custom_minimum_size.x = width + _style.px(12)


## Writes the numbers; rows are made again only when the models change.
func show_feed(feed: LiveFeed, selected: LiveModel) -> void:
	var models: Array[LiveModel] = feed.models()
	if models != _models:
		_models = models
		_make_rows()
	var activity: Dictionary[int, Dictionary] = feed.activity()
	for model: LiveModel in models:
		_write(_rows[model.key], model, activity[model.key])
	if _all != null:
		var sums: Dictionary = activity[LiveFeed.ALL]
		var calls: String = Quantity.digits(sums["calls_per_second"] as float)
		var share: String = Quantity.percent(sums["load_share"] as float)
		var memory: String = Quantity.size(sums["memory_bytes"] as float)
		_write_numbers(_all, [calls, "", "", share, memory, str(sums["queue_depth"])])
		_all.set_tooltip_text(4, "Budget of a frame: %s" % Quantity.time(feed.frame_budget_us))
	_select(selected)


func _make_rows() -> void:
	clear()
	_rows.clear()
	_all = null
	var root: TreeItem = create_item()
	if _models.is_empty():
		return
	_all = create_item(root)
	_all.set_text(0, "All models")
	for model: LiveModel in _models:
		var item: TreeItem = create_item(root)
		item.set_icon(0, _swatch(_style.series(model.key)))
		item.set_metadata(0, model)
		_rows[model.key] = item


func _write(item: TreeItem, model: LiveModel, activity: Dictionary) -> void:
	var rate: String = Quantity.digits(activity["calls_per_second"] as float)
	var share: String = Quantity.percent(activity["load_share"] as float)
	var numbers: Dictionary = model.statistics.summary()
	var memory: String = Quantity.size(model.memory_bytes())
	var p50: String = Quantity.time(numbers["p50_us"] as float)
	var p99: String = Quantity.time(numbers["p99_us"] as float)
	item.set_text(0, _title_of(model))
	_write_numbers(item, [rate, p50, p99, share, memory, str(model.queue_depth)])
	(
		item
		. set_tooltip_text(
			0,
			(
				"%s\n%d sessions, %s calls, %s errors, %s lost\nmean %s, longest %s"
				% [
					model.path if not model.path.is_empty() else model.name,
					model.sessions.size(),
					Quantity.grouped(model.statistics.count),
					Quantity.grouped(model.errors),
					Quantity.grouped(model.lost),
					Quantity.exact_time(numbers["mean_us"] as float),
					Quantity.exact_time(numbers["max_us"] as float),
				]
			)
		)
	)
	item.set_tooltip_text(2, Quantity.exact_time(numbers["p50_us"] as float))
	item.set_tooltip_text(3, Quantity.exact_time(numbers["p99_us"] as float))
	item.set_tooltip_text(5, Quantity.exact_size(model.memory_bytes()))
	item.set_custom_color(0, _style.dim_text if model.ended else _style.text)


func _title_of(model: LiveModel) -> String:
	if model.ended:
		return model.name + " (ended)"
	return model.name if model.sessions.size() < 2 else "%s × %d" % [model.name, model.sessions.size()]


func _write_numbers(item: TreeItem, words: PackedStringArray) -> void:
	for column: int in words.size():
		item.set_text(column + 1, words[column])
		item.set_text_alignment(column + 1, HORIZONTAL_ALIGNMENT_RIGHT)


func _select(model: LiveModel) -> void:
	var item: TreeItem = _all if model == null else _rows.get(model.key)
	if item != null and get_selected() != item:
		_filling = true
		item.select(0)
		_filling = false


func _on_item_selected() -> void:
	if not _filling and get_selected() != null:
		model_selected.emit(get_selected().get_metadata(0) as LiveModel)


func _swatch(color: Color) -> Texture2D:
	var side: int = int(_style.px(10))
	var image: Image = Image.create_empty(side, side, false, Image.FORMAT_RGBA8)
	image.fill(color)
	return ImageTexture.create_from_image(image)
