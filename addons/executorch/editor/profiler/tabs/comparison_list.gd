@tool
extends Tree
## Numbers of a run beside those of another one; better and worse by colour and by sign.

const Quantity := preload("res://addons/executorch/editor/profiler/data/quantity.gd")
const Style := preload("res://addons/executorch/editor/profiler/charts/chart_style.gd")
const Comparison := preload("res://addons/executorch/editor/profiler/data/comparison.gd")
const VERDICTS: PackedStringArray = ["worse", "within the noise of %d%%" % (Comparison.NOISE * 100.0), "better"]

var _style: Style


func _init() -> void:
	columns = 4
	column_titles_visible = true
	hide_root = true
	select_mode = Tree.SELECT_ROW
	for column: int in columns:
		set_column_clip_content(column, true)
		set_column_title_alignment(column, HORIZONTAL_ALIGNMENT_LEFT if column == 0 else HORIZONTAL_ALIGNMENT_RIGHT)


func _notification(what: int) -> void:
	if what == NOTIFICATION_THEME_CHANGED or what == NOTIFICATION_ENTER_TREE:
		_style = Style.new(self)
		for column: int in columns:
			set_column_custom_minimum_width(column, int(_style.px(76 if column == 0 else 84)))


## `rows` are Comparison.rows(); `other_name` is empty when there is nothing to compare with.
func show_rows(rows: Array[Dictionary], own_name: String, other_name: String) -> void:
	clear()
	set_column_title(0, "")
	set_column_title(1, own_name if not own_name.is_empty() else "This run")
	set_column_title_tooltip_text(1, own_name)
	set_column_title(2, other_name)
	set_column_title_tooltip_text(2, other_name)
	set_column_title(3, "Change" if not other_name.is_empty() else "")
	var root: TreeItem = create_item()
	for row: Dictionary in rows:
		var item: TreeItem = create_item(root)
		item.set_text(0, row["metric"] as String)
		_write(item, 1, row["this"] as float, row["kind"] as String)
		if is_nan(row["other"] as float):
			continue
		_write(item, 2, row["other"] as float, row["kind"] as String)
		var change: float = row["change"]
		var verdict: int = row["verdict"]
		if not is_nan(change):
			var sign_text: String = "≈" if verdict == 0 else "▲" if change > 0.0 else "▼"
			item.set_text(3, "%s %+.*f%%" % [sign_text, 0 if absf(change) >= 1.0 else 1, change * 100.0])
			item.set_text_alignment(3, HORIZONTAL_ALIGNMENT_RIGHT)
			item.set_custom_color(3, _color_of(verdict))
			item.set_tooltip_text(3, VERDICTS[verdict + 1])


func _write(item: TreeItem, column: int, value: float, kind: String) -> void:
	match kind:
		"time":
			item.set_text(column, Quantity.time(value))
			item.set_tooltip_text(column, Quantity.exact_time(value))
		"rate":
			item.set_text(column, Quantity.rate(value))
	item.set_text_alignment(column, HORIZONTAL_ALIGNMENT_RIGHT)


func _color_of(verdict: int) -> Color:
	if verdict == 0:
		return _style.dim_text
	return _style.series(2) if verdict > 0 else _style.series(5)
