@tool
extends "res://tests/editor/views.gd"
## What the cases of Try It share: a view of it, and models with a task card.

const TryIt := preload("res://addons/executorch/editor/try_it/try_it_view.gd")
const MarkedPicture := preload("res://addons/executorch/editor/try_it/marked_picture.gd")
const ShareBars := preload("res://addons/executorch/editor/try_it/share_bars.gd")

var _view: TryIt
var _answers: int = 0


func before_each() -> void:
	_view = TryIt.new()
	_view.custom_minimum_size.x = 300.0
	_answers = 0
	_view.answered.connect(func() -> void: _answers += 1)
	EditorInterface.get_base_control().add_child(_view)


func after_each() -> void:
	_view.free()


func _answered(count: int) -> void:
	await wait_until(func() -> bool: return _answers >= count, 20.0, "an answer")


func _shown(type: Script) -> Array[Node]:
	return _view.find_children("*", "Control", true, false).filter(
		func(node: Node) -> bool: return node.get_script() == type and not node.is_queued_for_deletion()
	)


func _with_card(file: String, card: Dictionary) -> ExecuTorchResource:
	var model: ExecuTorchResource = load("res://models/" + file).duplicate()
	var metadata: Dictionary = model.metadata.duplicate(true)
	metadata["task"] = card
	model.metadata = metadata
	return model


func _picture() -> Image:
	var image: Image = Image.create_empty(96, 64, false, Image.FORMAT_RGB8)
	for y: int in 64:
		for x: int in 96:
			image.set_pixel(x, y, Color(x / 96.0, y / 64.0, ((x * 7 + y * 3) % 11) / 11.0))
	return image
