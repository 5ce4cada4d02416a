@tool
extends VBoxContainer
## Runs the task of a model on a picture, a sound or texts, and shows or plays the answer.

## The answer or an error is shown.
signal answered

const FileChooser := preload("res://addons/executorch/editor/shared/file_chooser.gd")
const TaskCard := preload("res://addons/executorch/tasks/task_card.gd")
const TaskAnswers := preload("task_answers.gd")
const PICTURES: PackedStringArray = ["*.png", "*.jpg", "*.jpeg", "*.webp", "*.bmp", "*.tga", "*.svg", "*.exr", "*.hdr"]
const SOUNDS: PackedStringArray = ["*.wav", "*.ogg", "*.mp3"]

var _model: ExecuTorchResource
var _kind: String = ""
var _node: ExecuTorchNode
var _buttons: HFlowContainer = HFlowContainer.new()
var _answer: VBoxContainer = VBoxContainer.new()
var _files: FileChooser = FileChooser.new()
var _player: AudioStreamPlayer = AudioStreamPlayer.new()
var _texts: Array[LineEdit] = []
var _former_voice: PackedFloat32Array = []
# Which run is the newest: an older answer is dropped.
var _run: int = 0


func _init() -> void:
	hide()
	add_child(_buttons)
	add_child(_answer)
	add_child(_files)
	add_child(_player)


## The task in words; empty without one.
func get_task() -> String:
	return _kind.replace("_", " ") if _node != null else ""


## Offers what the task of a model takes; hidden without a task.
func show_model(model: ExecuTorchResource) -> void:
	var is_ready: bool = model.state == ExecuTorchResource.State.READY
	var kind: String = TaskCard.new(model).kind if is_ready else ""
	if model == _model and kind == _kind:
		return
	_model = model
	_kind = kind
	_run += 1
	if _node != null:
		_node.queue_free()
	_node = TaskAnswers.create_node(kind)
	visible = _node != null
	_clear(_buttons)
	_clear(_answer)
	_texts.clear()
	_former_voice = PackedFloat32Array()
	if _node == null:
		return
	_node.inference_failed.connect(_show_error)
	_node.model = model
	add_child(_node)
	if kind in TaskAnswers.PICTURE_KINDS:
		_add_button("Picture…", "Runs the task on a picture of the project.", _choose_picture)
		_add_button("2D View", "Runs the task on what the 2D editor shows.", _try_2d)
		_add_button("3D View", "Runs the task on what the 3D editor shows.", _try_3d)
	elif kind in TaskAnswers.SOUND_KINDS:
		_add_button("Sound…", "Runs the task on a sound of the project.", _choose_sound)
	elif kind in TaskAnswers.TEXT_KINDS:
		_add_texts(["A text", "Another text"], "Compare", "Computes how similar the two texts are.", _try_fields)
	else:
		_add_texts(["A text"], "Speak", "Plays the sound of the text.", _speak_field)


## Runs the task on an [Image], a [Texture2D] or a [Viewport]; `answered` follows.
func try_picture(picture: Object) -> void:
	var run: int = _begin()
	_show_answer(run, await TaskAnswers.of_picture(_node, picture))


## Runs the task on a sound; `answered` follows.
func try_sound(sound: AudioStream) -> void:
	var run: int = _begin()
	if not _node is ExecuTorchSpeakerEmbedder:
		_show_answer(run, await TaskAnswers.of_sound(_node, sound))
		return
	var voices: ExecuTorchSpeakerEmbedder = _node as ExecuTorchSpeakerEmbedder
	var voice: PackedFloat32Array = await voices.embed_async(sound)
	if run != _run or voice.is_empty():
		return
	if _former_voice.is_empty():
		_show_answer(run, [TaskAnswers.words_of("Choose another sound to compare its speaker with this one.")])
	else:
		_show_answer(run, TaskAnswers.of_voices(voices, _former_voice, voice))
	_former_voice = voice


## Compares two texts; `answered` follows.
func try_texts(first: String, second: String) -> void:
	var run: int = _begin()
	var match_of: ExecuTorchTextMatch = await (_node as ExecuTorchTextEmbedder).closest_async(first, [second])
	if match_of != null:
		_show_answer(run, TaskAnswers.of_similarity(match_of.similarity))


## Speaks a text; `answered` follows.
func try_speech(text: String) -> void:
	var run: int = _begin()
	var sound: AudioStreamWAV = await (_node as ExecuTorchSpeechSynthesizer).synthesize_async(text)
	if run == _run and sound != null and is_inside_tree():
		_player.stream = sound
		_player.play()
		_show_answer(run, TaskAnswers.of_speech(sound))


func _begin() -> int:
	_run += 1
	_clear(_answer)
	_answer.add_child(TaskAnswers.words_of("Running…"))
	return _run


func _show_answer(run: int, controls: Array[Control]) -> void:
	# The person has chosen something else, or the inspector shows another model.
	if run != _run or not is_inside_tree() or controls.is_empty():
		for control: Control in controls:
			control.free()
		return
	_clear(_answer)
	for control: Control in controls:
		_answer.add_child(control)
	answered.emit()


func _show_error(error: ExecuTorchError) -> void:
	if not is_inside_tree():
		return
	_clear(_answer)
	var label: Label = TaskAnswers.words_of("%s\n%s" % [error.cause, error.remedy])
	_answer.add_child(label)
	label.add_theme_color_override(&"font_color", get_theme_color(&"error_color", &"Editor"))
	answered.emit()


func _choose_picture() -> void:
	_files.choose_file("Picture", PICTURES, func(path: String) -> void: try_picture(load(path)))


func _choose_sound() -> void:
	_files.choose_file("Sound", SOUNDS, func(path: String) -> void: try_sound(load(path) as AudioStream))


func _try_2d() -> void:
	try_picture(EditorInterface.get_editor_viewport_2d())


func _try_3d() -> void:
	try_picture(EditorInterface.get_editor_viewport_3d(0))


func _add_texts(hints: PackedStringArray, title: String, tip: String, run: Callable) -> void:
	var column: VBoxContainer = VBoxContainer.new()
	column.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	for hint: String in hints:
		var field: LineEdit = LineEdit.new()
		field.placeholder_text = hint
		field.text_submitted.connect(func(_text: String) -> void: run.call())
		column.add_child(field)
		_texts.append(field)
	_buttons.add_child(column)
	_add_button(title, tip, run)


func _try_fields() -> void:
	try_texts(_texts[0].text, _texts[1].text)


func _speak_field() -> void:
	try_speech(_texts[0].text)


func _add_button(title: String, tip: String, pressed: Callable) -> void:
	var button: Button = Button.new()
	button.text = title
	button.tooltip_text = tip
	button.pressed.connect(pressed)
	_buttons.add_child(button)


static func _clear(parent: Control) -> void:
	for child: Node in parent.get_children():
		parent.remove_child(child)
		child.queue_free()
