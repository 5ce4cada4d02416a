@tool
extends Tree
## The operators table: sorts by a click on a title, filters by words, draws the share as a bar.

## A row was selected.
signal operator_selected(row: Dictionary)
## A row was double-clicked, or Enter was pressed on it.
signal operator_opened(row: Dictionary)

const OperatorTotals := preload("res://addons/executorch/editor/profiler/data/operator_totals.gd")
const OperatorNames := preload("res://addons/executorch/editor/shared/operator_names.gd")
const Quantity := preload("res://addons/executorch/editor/shared/quantity.gd")
const Style := preload("res://addons/executorch/editor/shared/style.gd")
const TITLES: PackedStringArray = ["Operator", "Backend", "Calls", "Total", "Self", "Mean", "Share"]

## Words of the tracer that are in no documentation of PyTorch.
const EXPLAINED: Dictionary[String, String] = {
	"DELEGATE_CALL": "A part of the model that a delegate (XNNPACK) runs as a whole; its operators are below it.",
	"OPERATOR_CALL": "A call of one of the runtime's kernels.",
	"IGEMM": "A convolution, computed as an indirect matrix multiplication (IGEMM).",
	"GEMM": "A matrix multiplication (GEMM): a linear layer, or a 1×1 convolution.",
	"DWCONV": "A depthwise convolution: each channel has a filter of its own.",
	"VMULCADDC": "A multiplication and an addition for each channel, such as a batch norm.",
}

var _totals: OperatorTotals
var _column: int = 4
var _descending: bool = true
var _filter: String = ""
var _style: Style


func _init() -> void:
	columns = TITLES.size()
	column_titles_visible = true
	hide_root = true
	select_mode = Tree.SELECT_ROW
	allow_reselect = true
	size_flags_vertical = Control.SIZE_EXPAND_FILL
	for column: int in columns:
		set_column_title(column, TITLES[column])
		set_column_title_alignment(column, HORIZONTAL_ALIGNMENT_LEFT if column < 2 else HORIZONTAL_ALIGNMENT_RIGHT)
		set_column_expand(column, column == 0 or column == 1)
	set_column_expand_ratio(0, 3)
	column_title_clicked.connect(_on_title_clicked)
	item_selected.connect(_on_item_selected)
	item_activated.connect(_on_item_activated)


func _notification(what: int) -> void:
	if what == NOTIFICATION_THEME_CHANGED or what == NOTIFICATION_ENTER_TREE:
		_style = Style.new(self)
		for column: int in range(2, columns):
			set_column_custom_minimum_width(column, int(_style.px(130 if column == 6 else 78)))
		set_column_custom_minimum_width(0, int(_style.px(160)))
		set_column_custom_minimum_width(1, int(_style.px(90)))


func show_totals(totals: OperatorTotals) -> void:
	_totals = totals
	_fill()


func filter(words: String) -> void:
	_filter = words
	_fill()


## Selects the row of an operator, if it is shown.
func select_operator(operator_name: String) -> void:
	var item: TreeItem = get_root().get_first_child() if get_root() != null else null
	while item != null:
		if (item.get_metadata(0) as Dictionary)["name"] == operator_name:
			item.select(0)
			scroll_to_item(item)
			return
		item = item.get_next()


func _fill() -> void:
	clear()
	var root: TreeItem = create_item()
	if _totals == null:
		return
	for column: int in columns:
		var arrow: String = ("  ▼" if _descending else "  ▲") if column == _column else ""
		set_column_title(column, TITLES[column] + arrow)
	for row: Dictionary in _totals.sorted(OperatorTotals.COLUMNS[_column], _descending, _filter):
		_add_row(root, row)


func _add_row(root: TreeItem, row: Dictionary) -> void:
	var item: TreeItem = create_item(root)
	item.set_text(0, OperatorNames.title(row["name"] as String, row["backend"] as String))
	item.set_tooltip_text(0, "%s\n%s" % [row["name"], _explain(row)])
	item.set_text(1, OperatorNames.backend_title(row["backend"] as String))
	item.set_text(2, Quantity.count(row["calls"] as float))
	item.set_tooltip_text(
		2,
		(
			"%s in %s of the model"
			% [Quantity.number_of(row["uses"] as int, "call"), Quantity.number_of(_totals.traces, "traced call")]
		)
	)
	for column: int in range(3, 6):
		var us: float = row[OperatorTotals.COLUMNS[column]]
		item.set_text(column, Quantity.time(us))
		item.set_tooltip_text(column, Quantity.exact_time(us))
	item.set_cell_mode(6, TreeItem.CELL_MODE_CUSTOM)
	item.set_custom_draw_callback(6, _draw_share)
	item.set_tooltip_text(6, "%.3f%% of the call" % (float(row["share"]) * 100.0))
	for column: int in range(2, 7):
		item.set_text_alignment(column, HORIZONTAL_ALIGNMENT_RIGHT)
	item.set_metadata(0, row)


func _explain(row: Dictionary) -> String:
	for word: String in EXPLAINED:
		if str(row["name"]).containsn(word):
			return EXPLAINED[word]
	if int(row["depth"]) == 0:
		return "The whole method; its own time is the time outside of operators."
	if int(row["depth"]) > 1:
		return "An operator inside a delegate."
	return (
		"A delegate; its own time is the time outside of its operators."
		if row["backend"] != "kernels"
		else "A kernel of the runtime."
	)


func _draw_share(item: TreeItem, rect: Rect2) -> void:
	var share: float = (item.get_metadata(0) as Dictionary)["share"]
	var words: String = "%.1f%%" % (share * 100.0)
	var label: float = _style.px(46)
	var width: float = rect.size.x - label - _style.px(8)
	var bar: Rect2 = Rect2(rect.position + Vector2(_style.px(4), rect.size.y * 0.3), Vector2(width, rect.size.y * 0.4))
	draw_rect(bar, _style.grid)
	bar.size.x *= clampf(share, 0.0, 1.0)
	draw_rect(bar, _style.series(0))
	var at: Vector2 = Vector2(
		rect.end.x - _style.width_of(words) - _style.px(4), rect.get_center().y - _style.line_height() / 2.0
	)
	_style.draw_text(self, at, words, _style.text)


func _on_title_clicked(column: int, _button: int) -> void:
	_descending = not _descending if column == _column else column >= 2
	_column = column
	_fill()


func _on_item_selected() -> void:
	if get_selected() != null:
		operator_selected.emit(get_selected().get_metadata(0) as Dictionary)


func _on_item_activated() -> void:
	if get_selected() != null:
		operator_opened.emit(get_selected().get_metadata(0) as Dictionary)
