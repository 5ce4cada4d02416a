@tool
extends Tree
## Numbers of a run beside those of another one, and how many times faster or slower it is.

const Quantity := preload("res://addons/executorch/editor/shared/quantity.gd")
const Style := preload("res://addons/executorch/editor/shared/style.gd")
const Comparison := preload("res://addons/executorch/editor/profiler/benchmark/comparison.gd")
const SAME_TIP: String = "The difference is smaller than %d%%, which is the noise of a machine."

var _style: Style


func _init() -> void:
	column_titles_visible = true
	hide_root = true
	select_mode = Tree.SELECT_ROW


func _notification(what: int) -> void:
	if what == NOTIFICATION_THEME_CHANGED or what == NOTIFICATION_ENTER_TREE:
		_style = Style.new(self)


## `rows` are Comparison.rows(); `other_name` is empty when there is nothing to compare with.
func show_rows(rows: Array[Dictionary], own_name: String, other_name: String) -> void:
	clear()
	var titles: PackedStringArray = ["Measure", own_name if not own_name.is_empty() else "This run"]
	if not other_name.is_empty():
		titles.append_array([other_name, "This run is"])
	columns = titles.size()
	for column: int in columns:
		set_column_title(column, titles[column])
		set_column_title_tooltip_text(column, titles[column])
		set_column_title_alignment(column, HORIZONTAL_ALIGNMENT_LEFT if column == 0 else HORIZONTAL_ALIGNMENT_RIGHT)
		set_column_clip_content(column, true)
		set_column_custom_minimum_width(column, int(_style.px(76 if column == 0 else 104 if column == 3 else 84)))
	var root: TreeItem = create_item()
	for row: Dictionary in rows:
		var item: TreeItem = create_item(root)
		item.set_text(0, row["metric"] as String)
		_write(item, 1, row["this"] as float, row["kind"] as String)
		if other_name.is_empty() or is_nan(row["other"] as float):
			continue
		_write(item, 2, row["other"] as float, row["kind"] as String)
		var verdict: int = row["verdict"]
		item.set_text(3, Comparison.words_of(row))
		item.set_text_alignment(3, HORIZONTAL_ALIGNMENT_RIGHT)
		item.set_custom_color(3, _color_of(verdict))
		item.set_tooltip_text(3, SAME_TIP % (Comparison.NOISE * 100.0) if verdict == 0 else "")


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
