@tool
extends Control
## The base of all charts: a horizontal range that the mouse and the keyboard zoom and pan, a frame with axes, an empty
## state, a hover box with exact numbers, and drawing only when something has changed. Wheel: zoom at the pointer.
## Shift+wheel or middle drag: pan. Left drag: zoom to the range. Double click: back. Keys: left, right, plus, minus,
## Home (everything), F (back to the first view).

## The user moved the visible range.
signal view_changed

const Style := preload("res://addons/executorch/editor/shared/style.gd")
const Quantity := preload("res://addons/executorch/editor/shared/quantity.gd")
const KEY_PAN: float = 0.15
const KEY_ZOOM: float = 1.25

## The chart's title in the export menu.
var title: String = ""
## The text in the middle when there is nothing to draw.
var empty_text: String = ""
## Space for the axes, in pixels at 100%.
var margins: Vector4 = Vector4(56, 8, 10, 20)
var style: Style

## Visible part of the horizontal axis.
var view_begin: float = 0.0
var view_end: float = 1.0
## True until the user zooms or pans: the chart then always shows everything.
var follows: bool = true

var _hover: Vector2 = Vector2(-1, -1)
var _drag_button: MouseButton = MOUSE_BUTTON_NONE
var _drag_from: Vector2
var _drag_begin: float
var _drag_end: float
var _overlay: Control = Control.new()


func _init() -> void:
	focus_mode = Control.FOCUS_ALL
	clip_contents = true
	custom_minimum_size = Vector2(120, 60)
	_overlay.mouse_filter = Control.MOUSE_FILTER_IGNORE
	_overlay.set_anchors_preset(Control.PRESET_FULL_RECT)
	_overlay.draw.connect(_draw_overlay)
	add_child(_overlay, false, Node.INTERNAL_MODE_BACK)
	mouse_exited.connect(_on_mouse_exited)


func _notification(what: int) -> void:
	if what == NOTIFICATION_THEME_CHANGED or what == NOTIFICATION_ENTER_TREE:
		style = Style.new(self)
		queue_redraw()
	elif what == NOTIFICATION_FOCUS_ENTER or what == NOTIFICATION_FOCUS_EXIT:
		_overlay.queue_redraw()


func _draw() -> void:
	draw_rect(Rect2(Vector2.ZERO, size), style.background)
	if is_empty():
		_draw_empty()
		return
	if follows:
		fit()
	_draw_chart(plot())
	_overlay.queue_redraw()


## Draws again with the data as they are now.
func refresh() -> void:
	queue_redraw()


## The area inside the axes.
func plot() -> Rect2:
	var at: Vector2 = Vector2(style.px(margins.x), style.px(margins.y))
	var rest: Vector2 = size - at - Vector2(style.px(margins.z), style.px(margins.w))
	return Rect2(at, rest.max(Vector2(8, 8)))


## Shows everything.
func fit() -> void:
	var all: PackedFloat64Array = _limits()
	view_begin = all[0]
	view_end = maxf(all[1], all[0] + _smallest_view())


## Shows the first view, and follows new data again.
func reset_view() -> void:
	follows = true
	queue_redraw()
	view_changed.emit()


func show_range(begin: float, end: float) -> void:
	var all: PackedFloat64Array = _limits()
	var span: float = clampf(end - begin, _smallest_view(), maxf(all[1] - all[0], _smallest_view()))
	view_begin = clampf(begin, all[0], maxf(all[1] - span, all[0]))
	view_end = view_begin + span
	follows = false
	queue_redraw()
	view_changed.emit()


## Zooms by `factor` (above 1 = closer) around a value of the horizontal axis.
func zoom(factor: float, around: float) -> void:
	show_range(around - (around - view_begin) / factor, around + (view_end - around) / factor)


func pan(share: float) -> void:
	var shift: float = (view_end - view_begin) * share
	show_range(view_begin + shift, view_end + shift)


func x_of(value: float) -> float:
	var area: Rect2 = plot()
	return area.position.x + (value - view_begin) / maxf(view_end - view_begin, 1e-12) * area.size.x


func value_at(x: float) -> float:
	var area: Rect2 = plot()
	return view_begin + (x - area.position.x) / area.size.x * (view_end - view_begin)


## A picture of a control as it is on the screen, null where nothing is drawn (headless).
static func picture_of(control: Control) -> Image:
	if DisplayServer.get_name() == "headless":
		return null
	var image: Image = control.get_viewport().get_texture().get_image()
	if image == null or image.is_empty():
		return null
	var area: Rect2i = Rect2i(control.get_global_rect()).intersection(Rect2i(Vector2i.ZERO, image.get_size()))
	return image.get_region(area) if area.has_area() else null


func _gui_input(event: InputEvent) -> void:
	if is_empty():
		return
	if event is InputEventMouseButton:
		_on_button(event as InputEventMouseButton)
	elif event is InputEventMouseMotion:
		_on_motion(event as InputEventMouseMotion)
	elif event is InputEventPanGesture:
		pan((event as InputEventPanGesture).delta.x * 0.05)
	elif event is InputEventMagnifyGesture:
		zoom((event as InputEventMagnifyGesture).factor, value_at((event as InputEventMagnifyGesture).position.x))
	elif event is InputEventKey and event.is_pressed() and _on_key(event as InputEventKey):
		accept_event()


## Whether there is nothing to show.
func is_empty() -> bool:
	return true


## First and last value of the horizontal axis (two 64-bit floats: a Vector2 cannot hold hours of microseconds).
func _limits() -> PackedFloat64Array:
	return [0.0, 1.0]


## The shortest range that can be zoomed to.
func _smallest_view() -> float:
	return 1e-3


## Draws all but the background.
func _draw_chart(_area: Rect2) -> void:
	pass


## Lines of the box at the pointer; empty = no box.
func _describe(_at: Vector2) -> PackedStringArray:
	return []


## Marks the element under the pointer, on the overlay.
func _draw_hover(_canvas: Control, _at: Vector2) -> void:
	pass


## A click without a drag.
func _clicked(_at: Vector2) -> void:
	pass


func _on_button(event: InputEventMouseButton) -> void:
	var closer: bool = event.button_index == MOUSE_BUTTON_WHEEL_UP
	if closer or event.button_index == MOUSE_BUTTON_WHEEL_DOWN:
		if event.pressed and event.shift_pressed:
			pan(-0.1 if closer else 0.1)
		elif event.pressed:
			var amount: float = 1.0 + 0.25 * (event.factor if event.factor > 0.0 else 1.0)
			zoom(amount if closer else 1.0 / amount, value_at(event.position.x))
		accept_event()
	elif event.pressed and event.double_click:
		_drag_button = MOUSE_BUTTON_NONE
		reset_view()
		accept_event()
	elif event.button_index == MOUSE_BUTTON_LEFT or event.button_index == MOUSE_BUTTON_MIDDLE:
		if event.pressed:
			grab_focus()
			_drag_button = event.button_index
			_drag_from = event.position
			_drag_begin = view_begin
			_drag_end = view_end
		else:
			_end_drag(event.position)
		accept_event()


func _end_drag(at: Vector2) -> void:
	var button: MouseButton = _drag_button
	_drag_button = MOUSE_BUTTON_NONE
	if button == MOUSE_BUTTON_LEFT:
		if absf(at.x - _drag_from.x) < style.px(4):
			_clicked(at)
		else:
			show_range(minf(value_at(at.x), value_at(_drag_from.x)), maxf(value_at(at.x), value_at(_drag_from.x)))
	_overlay.queue_redraw()


func _on_motion(event: InputEventMouseMotion) -> void:
	_hover = event.position
	if _drag_button == MOUSE_BUTTON_MIDDLE:
		var shift: float = (_drag_from.x - event.position.x) / plot().size.x * (_drag_end - _drag_begin)
		show_range(_drag_begin + shift, _drag_end + shift)
	_overlay.queue_redraw()


func _on_key(event: InputEventKey) -> bool:
	var middle: float = (view_begin + view_end) / 2.0
	match event.keycode:
		KEY_LEFT:
			pan(-KEY_PAN)
		KEY_RIGHT:
			pan(KEY_PAN)
		KEY_PLUS, KEY_EQUAL, KEY_KP_ADD:
			zoom(KEY_ZOOM, middle)
		KEY_MINUS, KEY_KP_SUBTRACT:
			zoom(1.0 / KEY_ZOOM, middle)
		KEY_HOME:
			show_range(_limits()[0], _limits()[1])
		KEY_F:
			reset_view()
		_:
			return false
	return true


func _on_mouse_exited() -> void:
	_hover = Vector2(-1, -1)
	_overlay.queue_redraw()


func _draw_empty() -> void:
	var width: float = minf(size.x - style.px(24), style.px(520))
	if width > 0.0 and not empty_text.is_empty():
		var block: Vector2 = style.font.get_multiline_string_size(
			empty_text, HORIZONTAL_ALIGNMENT_CENTER, width, style.font_size
		)
		var base: Vector2 = Vector2(
			(size.x - width) / 2.0, (size.y - block.y) / 2.0 + style.font.get_ascent(style.font_size)
		)
		draw_multiline_string(
			style.font,
			base.floor(),
			empty_text,
			HORIZONTAL_ALIGNMENT_CENTER,
			width,
			style.font_size,
			-1,
			style.dim_text
		)


func _draw_overlay() -> void:
	if has_focus():
		_overlay.draw_rect(Rect2(Vector2.ZERO, size).grow(-0.5), Color(style.accent, 0.6), false, style.px(1))
	if is_empty() or _hover.x < 0.0:
		return
	if _drag_button == MOUSE_BUTTON_LEFT and absf(_hover.x - _drag_from.x) >= style.px(4):
		var swept: Rect2 = Rect2(Vector2(_drag_from.x, 0), Vector2(_hover.x - _drag_from.x, size.y)).abs()
		_overlay.draw_rect(swept, Color(style.accent, 0.2))
		return
	_draw_hover(_overlay, _hover)
	var lines: PackedStringArray = _describe(_hover)
	if not lines.is_empty():
		_draw_box(lines)


func _draw_box(lines: PackedStringArray) -> void:
	var pad: float = style.px(6)
	var width: float = 0.0
	for line: String in lines:
		width = maxf(width, style.width_of(line))
	var box: Rect2 = Rect2(
		_hover + Vector2(style.px(14), style.px(10)), Vector2(width, lines.size() * style.line_height())
	)
	box.size += Vector2(pad, pad) * 2.0
	if box.end.x > size.x:
		box.position.x = _hover.x - box.size.x - style.px(10)
	box.position.x = maxf(box.position.x, 0.0)
	box.position.y = clampf(box.position.y, 0.0, maxf(size.y - box.size.y, 0.0))
	_overlay.draw_rect(box, Color(style.background.darkened(0.35) if style.dark else Color.WHITE, 0.96))
	_overlay.draw_rect(box, Color(style.text, 0.25), false, style.px(1))
	for index: int in lines.size():
		var at: Vector2 = box.position + Vector2(pad, pad + index * style.line_height())
		style.draw_text(_overlay, at, lines[index], style.text if index == 0 else Color(style.text, 0.8))
