@tool
extends PanelContainer
## An error or warning of a model: cause, remedy, and a button for each action that is possible at once.

## A guess was taken: the import options that it sets.
signal guess_taken(options: Dictionary)

enum Severity { WARNING, ERROR }

const Options := preload("res://addons/executorch/editor/shared/import_options.gd")
## A line may end here: a space without width.
const BREAK: String = "\u200b"
const COLORS: Array[StringName] = [&"warning_color", &"error_color"]

var _severity: Severity = Severity.ERROR
var _cause: Label = Label.new()
var _remedy: Label = Label.new()
var _code: Label = Label.new()
var _note: Label = Label.new()
var _guesses: VBoxContainer = VBoxContainer.new()
var _buttons: HFlowContainer = HFlowContainer.new()


func _init() -> void:
	var column: VBoxContainer = VBoxContainer.new()
	add_child(column)
	for label: Label in [_cause, _remedy, _note, _code]:
		label.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
		column.add_child(label)
	column.add_child(_guesses)
	column.add_child(_buttons)


## Shows a message `{cause, remedy, note, code, guesses}`; all but `cause` may be missing.
func show_message(severity: Severity, message: Dictionary) -> void:
	_severity = severity
	_cause.text = _readable(str(message.get("cause", "")))
	_remedy.text = _readable(str(message.get("remedy", "")))
	_remedy.visible = not _remedy.text.is_empty()
	_note.text = str(message.get("note", ""))
	_note.visible = not _note.text.is_empty()
	_code.text = str(message.get("code", ""))
	_code.visible = not _code.text.is_empty()
	var guesses: Variant = message.get("guesses", [])
	_show_guesses(guesses if guesses is Array else [])
	show()
	_apply_theme()


## Adds a button below the message.
func add_button(title: String, tip: String, pressed: Callable) -> Button:
	var button: Button = Button.new()
	button.text = title
	button.tooltip_text = tip
	button.pressed.connect(pressed)
	_buttons.add_child(button)
	return button


## The message as text, for the clipboard.
func get_text() -> String:
	return ("%s: %s\n%s" % [_code.text, _cause.text, _remedy.text]).replace(BREAK, "")


# Options as the fields beside it are called. Names with dots and paths may break behind a dot or a slash.
static func _readable(text: String) -> String:
	var words: String = Options.with_titles(text)
	return RegEx.create_from_string("(?<=[A-Za-z_])[./](?=[A-Za-z_])").sub(words, "$0" + BREAK, true)


func _show_guesses(guesses: Array) -> void:
	for child: Node in _guesses.get_children():
		_guesses.remove_child(child)
		child.queue_free()
	for guess: Variant in guesses:
		if guess is Dictionary and (guess as Dictionary).get("options") is Dictionary:
			_add_guess(guess as Dictionary)
	_guesses.visible = _guesses.get_child_count() > 0


func _add_guess(guess: Dictionary) -> void:
	var options: Dictionary = guess["options"]
	var lines: PackedStringArray = [str(guess.get("reason", "")), "Sets these options and imports the model again:"]
	for option: String in options:
		lines.append("%s: %s" % [option.capitalize(), options[option]])
	var button: Button = Button.new()
	button.text = str(guess.get("title", ""))
	button.tooltip_text = "\n".join(lines)
	button.alignment = HORIZONTAL_ALIGNMENT_LEFT
	button.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	button.set_meta(&"is_guess", true)
	button.pressed.connect(guess_taken.emit.bind(options))
	_guesses.add_child(button)


func _notification(what: int) -> void:
	if what == NOTIFICATION_ENTER_TREE:
		_apply_theme()


func _apply_theme() -> void:
	if not is_inside_tree():
		return
	var unit: float = EditorInterface.get_editor_scale()
	var text: Color = get_theme_color(&"font_color", &"Label")
	var color: Color = get_theme_color(COLORS[_severity], &"Editor")
	_remedy.add_theme_color_override(&"font_color", Color(text, 0.8))
	_code.add_theme_color_override(&"font_color", Color(text, 0.55))
	for button: Button in _guesses.get_children():
		button.icon = get_theme_icon(&"StatusSuccess", &"EditorIcons")
	var box: StyleBoxFlat = StyleBoxFlat.new()
	box.bg_color = Color(color, 0.12)
	box.border_color = color
	box.border_width_left = roundi(3 * unit)
	box.set_corner_radius_all(roundi(3 * unit))
	box.set_content_margin_all(8 * unit)
	add_theme_stylebox_override(&"panel", box)
