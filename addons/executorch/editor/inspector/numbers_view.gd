@tool
extends RefCounted
## The sections that show a method in numbers: size, delegation, accuracy, memory, and how it came about.

const Facts := preload("res://addons/executorch/editor/shared/model_facts.gd")
const Section := preload("section.gd")
const StackedBar := preload("stacked_bar.gd")
const Quantity := preload("res://addons/executorch/editor/shared/quantity.gd")
const MOST_LEFT_BEHIND: int = 12

var _size: Section = Section.new("Size")
var _delegation: Section = Section.new("Delegation")
var _accuracy: Section = Section.new("Accuracy")
var _memory: Section = Section.new("Memory")
var _origin: Section = Section.new("Origin", true)


## Puts the sections below each other into `parent`.
func add_sections(parent: Control) -> void:
	for section: Section in [_delegation, _memory, _size, _accuracy, _origin]:
		parent.add_child(section)


## Fills the sections from a method of the metadata.
func show_method(facts: Facts, method: Dictionary, model: ExecuTorchResource) -> void:
	for section: Section in [_size, _delegation, _accuracy, _memory, _origin]:
		for child: Node in section.body.get_children():
			section.body.remove_child(child)
			child.queue_free()
	if method.is_empty():
		return
	_fill_size(facts)
	_fill_delegation(facts, method)
	_fill_accuracy(facts)
	_fill_memory(facts, method, model)
	_fill_origin(facts)


func _fill_size(facts: Facts) -> void:
	var before: int = facts.get_source_bytes()
	var after: int = facts.get_payload_bytes()
	_size.visible = after > 0
	var grid: GridContainer = _grid(_size)
	if before > 0:
		_add_fact(grid, "Source", Quantity.size(before), Quantity.exact_size(before))
	_add_fact(grid, "Program", Quantity.size(after), Quantity.exact_size(after))
	var parameters: Dictionary = facts.get_section("parameters")
	if parameters.has("count"):
		_add_fact(grid, "Parameters", Quantity.grouped(int(parameters["count"])))
		_add_fact(grid, "in PyTorch", Quantity.size(float(parameters.get("bytes", 0))), "The size of the parameters.")
	_size.set_summary(Quantity.size(after))


func _fill_delegation(facts: Facts, method: Dictionary) -> void:
	var parts: Array[Dictionary] = []
	for part: Dictionary in facts.get_delegation(method):
		var count: int = part["count"]
		var words: String = "operators not known" if part["is_opaque"] else Quantity.number_of(count, "operator")
		# The kernels keep their colour whether or not there is a delegate.
		var color: int = parts.size() * 2 if part["delegated"] else 1
		parts.append({"label": part["label"], "value": count, "text": words, "color_index": color})
	_delegation.visible = not parts.is_empty()
	var share: float = facts.get_delegated_share(method)
	_delegation.set_summary(Quantity.percent(share) if share >= 0.0 else "")
	var bar: StackedBar = StackedBar.new()
	bar.show_parts(parts)
	_delegation.body.add_child(bar)
	var left: Array[Dictionary] = facts.get_left_behind(method)
	if left.is_empty():
		return
	var told: Array[String] = []
	for row: Dictionary in left.slice(0, MOST_LEFT_BEHIND):
		var reason: String = str(row.get("reason", ""))
		if not told.has(reason):
			told.append(reason)
	for reason: String in told:
		_add_words(_delegation, "Not delegated: %s" % reason if not reason.is_empty() else "Not delegated:", 0.65)
		var grid: GridContainer = _grid(_delegation)
		for row: Dictionary in left.slice(0, MOST_LEFT_BEHIND):
			if str(row.get("reason", "")) == reason:
				var title: String = str(row["operator"]).trim_prefix("aten::").trim_suffix(".out")
				_add_fact(grid, title, "× %d" % int(row.get("count", 1)), str(row["operator"]), 4.0)
	if left.size() > MOST_LEFT_BEHIND:
		_add_words(_delegation, "and %d more" % (left.size() - MOST_LEFT_BEHIND), 0.65)


func _fill_accuracy(facts: Facts) -> void:
	var accuracy: Dictionary = facts.get_section("accuracy")
	_accuracy.visible = not accuracy.is_empty()
	if accuracy.is_empty():
		return
	var grid: GridContainer = _grid(_accuracy)
	var tolerance: Dictionary = accuracy.get("tolerance", {})
	var titles: Dictionary = {"max_absolute": "Largest error", "max_relative": "Relative error"}
	for key: String in titles:
		if accuracy.has(key):
			var allowed: String = key.trim_prefix("max_")
			var words: String = _scientific(float(accuracy[key]))
			if tolerance.has(allowed):
				words += "  of %s" % _scientific(float(tolerance[allowed]))
			_add_fact(grid, titles[key], words, "Compared with eager PyTorch; the second number is the tolerance.")
	if accuracy.has("cosine"):
		_add_fact(grid, "Cosine", String.num(float(accuracy["cosine"]), 6))
	if accuracy.has("top1"):
		_add_fact(grid, "Same top 1", Quantity.percent(float(accuracy["top1"])))
	if accuracy.has("worst_channel"):
		_add_fact(grid, "Worst output", str(accuracy["worst_channel"]))
	if accuracy.has("samples"):
		_add_fact(grid, "Samples", str(int(accuracy["samples"])))
	var evaluation: Dictionary = facts.get_section("evaluation")
	if not evaluation.is_empty():
		_add_evaluation(evaluation)
	_accuracy.set_summary("± " + _scientific(float(accuracy.get("max_absolute", 0.0))))


# The metric's name may be long, and a range is wider than a column: each has the whole width.
func _add_evaluation(evaluation: Dictionary) -> void:
	var metric: String = str(evaluation.get("metric", ""))
	var title: String = "On your data (%d samples), %s:" % [int(evaluation.get("samples", 0)), metric]
	_add_words(_accuracy, title, 0.65)
	var better: String = "More is better." if evaluation.get("more_is_better", true) else "Less is better."
	var grid: GridContainer = _grid(_accuracy)
	for side: Array in [["eager", "PyTorch"], ["program", "Program"]]:
		_add_fact(grid, str(side[1]), _score(metric, float(evaluation.get(side[0], 0.0))), better)
	var interval: Array = evaluation.get("interval", [0.0, 0.0])
	var ends: Array = [_score(metric, interval[0] as float), _score(metric, interval[1] as float)]
	var range_words: Label = _add_words(_accuracy, "Difference %s to %s" % ends, 1.0)
	range_words.tooltip_text = "Program minus PyTorch, resampled: 95% of the differences lie in this range."
	range_words.mouse_filter = Control.MOUSE_FILTER_PASS


func _score(metric: String, value: float) -> String:
	return "%.2f %%" % (value * 100.0) if metric in ["top1", "top5", "iou"] else String.num(value, 5)


func _fill_memory(facts: Facts, method: Dictionary, model: ExecuTorchResource) -> void:
	var parts: Array[Dictionary] = []
	for part: Dictionary in facts.get_memory(method):
		var words: String = Quantity.size(float(part["bytes"]))
		parts.append({"label": part["label"], "value": part["bytes"], "text": words, "tooltip": part["detail"]})
	_memory.visible = not parts.is_empty()
	var total: int = facts.get_memory_total(method)
	var limit: int = model.memory_limit_bytes if int(model.memory_policy) > 0 else 0
	var bar: StackedBar = StackedBar.new()
	bar.show_parts(parts, limit, "Limit %s" % Quantity.size(limit))
	_memory.body.add_child(bar)
	_memory.set_summary(
		Quantity.size(total) if limit == 0 else "%s of %s" % [Quantity.size(total), Quantity.size(limit)]
	)
	_add_words(_memory, "Once loaded, some KiB of tables come on top: see Model Profiler > Memory.", 0.65)
	if limit > 0 and total > limit:
		var warning: Label = _add_words(
			_memory, "Needs about %s more than its limit." % Quantity.size(total - limit), 1.0
		)
		warning.add_theme_color_override(&"font_color", warning.get_theme_color(&"warning_color", &"Editor"))


func _fill_origin(facts: Facts) -> void:
	var grid: GridContainer = _grid(_origin)
	var origin: Dictionary = facts.get_section("provenance")
	for key: String in ["importer", "torch", "executorch", "date"]:
		if origin.has(key):
			_add_fact(grid, key.capitalize(), str(origin[key]))
	var timings: Dictionary = facts.get_section("timings")
	if timings.has("convert_seconds"):
		_add_fact(grid, "Converted in", Quantity.time(float(timings["convert_seconds"]) * 1e6))
	if timings.has("eager_us") and timings.has("executorch_us"):
		_add_fact(grid, "Eager PyTorch", Quantity.time(float(timings["eager_us"])), "Measured during the import.")
		_add_fact(grid, "ExecuTorch", Quantity.time(float(timings["executorch_us"])), "Measured during the import.")
	for note: Variant in facts.metadata.get("notes", []) as Array:
		_add_words(_origin, str(note), 0.8)
	_origin.visible = _origin.body.get_child_count() > 1 or grid.get_child_count() > 0


func _grid(section: Section) -> GridContainer:
	var grid: GridContainer = GridContainer.new()
	grid.columns = 2
	grid.add_theme_constant_override(&"h_separation", roundi(12 * EditorInterface.get_editor_scale()))
	grid.add_theme_constant_override(&"v_separation", roundi(2 * EditorInterface.get_editor_scale()))
	section.body.add_child(grid)
	return grid


func _add_fact(grid: GridContainer, title: String, value: String, tip: String = "", ratio: float = 1.0) -> Label:
	var labels: Array[Label] = [Label.new(), Label.new()]
	for index: int in 2:
		labels[index].text = [title, value][index]
		labels[index].tooltip_text = tip if not tip.is_empty() else labels[index].text
		labels[index].mouse_filter = Control.MOUSE_FILTER_PASS
		labels[index].text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
		labels[index].size_flags_horizontal = Control.SIZE_EXPAND_FILL
		# The theme's labels have margins that a table does not need.
		labels[index].add_theme_stylebox_override(&"normal", StyleBoxEmpty.new())
		grid.add_child(labels[index])
	labels[0].size_flags_stretch_ratio = ratio
	var dim: Color = grid.get_theme_color(&"font_color", &"Label")
	labels[0].add_theme_color_override(&"font_color", Color(dim, 0.65))
	return labels[1]


func _add_words(section: Section, words: String, strength: float) -> Label:
	var label: Label = Label.new()
	label.text = words
	label.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	label.add_theme_stylebox_override(&"normal", StyleBoxEmpty.new())
	section.body.add_child(label)
	label.add_theme_color_override(&"font_color", Color(label.get_theme_color(&"font_color", &"Label"), strength))
	return label


func _scientific(number: float) -> String:
	if number == 0.0 or absf(number) >= 0.001:
		return String.num(number, 4)
	var power: int = floori(log(absf(number)) / log(10.0))
	return "%.1fe%d" % [number / pow(10.0, power), power]
