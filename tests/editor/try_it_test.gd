@tool
extends "res://tests/editor/try_it_case.gd"
## Try It runs the task of a model in the editor, and shows the answer or the error.

const TRY_IT: String = "res://addons/executorch/editor/try_it/try_it_view.gd"
const DIGITS: Array = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


func test_the_inspector_offers_it_for_a_model_with_a_task() -> void:
	EditorInterface.edit_resource(_classifier())
	for frame: int in 5:
		await get_tree().process_frame
	var view: Control = find_by_script(EditorInterface.get_inspector(), TRY_IT) as Control
	check(view != null and view.visible, "the inspector has the section")
	check(find_button(view, "Picture…") != null and find_button(view, "2D View") != null, text_of(view))
	check(text_of(view.get_parent().get_parent().get_parent()).contains("image classification"), "the task is named")
	await inspect("res://models/linear.pt")
	view = find_by_script(EditorInterface.get_inspector(), TRY_IT) as Control
	check(not view.visible, "a model without a task has nothing to try")


func test_a_picture_is_classified() -> void:
	_view.show_model(_classifier())
	_view.try_picture(_picture())
	await _answered(1)
	check_equal(_shown(MarkedPicture).size(), 1)
	check_equal(_shown(ShareBars).size(), 1)
	var words: String = text_of(_view)
	check(words.count(" %\n") + int(words.ends_with(" %")) == 5, "the five best: " + words)
	var classifier: ExecuTorchImageClassifier = ExecuTorchImageClassifier.new()
	add_child(classifier)
	classifier.model = _classifier()
	check(words.contains(classifier.classify(_picture()).label), words)
	classifier.free()


func test_texts_need_a_tokenizer() -> void:
	expect_error("TOKENIZER_MISSING")
	_view.show_model(_with_card("integers.pt2", {"kind": "text_embedding", "input": {"ids": "tokens", "mask": "mask"}}))
	check_equal(_view.find_children("*", "LineEdit", true, false).size(), 2)
	find_button(_view, "Compare").pressed.emit()
	await _answered(1)
	check(text_of(_view).contains("tokenizer"), text_of(_view))


func test_what_does_not_work_is_told() -> void:
	expect_error("")
	_view.show_model(_classifier())
	for nothing: Object in [null, Image.new()]:
		var before: int = _answers
		_view.try_picture(nothing)
		await _answered(before + 1)
		check(text_of(_view).contains("No picture" if nothing == null else "no pixels"), text_of(_view))
	_view.show_model(_with_card("convnet.pt2", {"kind": "image_classification", "output": {"labels": ["one"]}}))
	var told: int = _answers
	_view.try_picture(_picture())
	await _answered(told + 1)
	check(text_of(_view).contains("10 classes"), text_of(_view))
	_view.show_model(_with_card("convnet.pt2", {"kind": "dreaming"}))
	check(not _view.visible, "a task that there is no node for")


func test_each_try_leaves_the_node_as_it_was() -> void:
	_view.show_model(_classifier())
	var node: ExecuTorchNode = _view.find_children("*", "ExecuTorchNode", false, false)[0]
	var listeners: int = node.inference_failed.get_connections().size()
	for index: int in 3:
		_view.try_picture(_picture())
		await _answered(index + 1)
	check_equal(node.inference_failed.get_connections().size(), listeners)


func test_another_model_in_the_middle() -> void:
	_view.show_model(_classifier())
	_view.try_picture(_picture())
	_view.show_model(_with_card("convnet.pt2", {"kind": "image_segmentation"}))
	for frame: int in 20:
		await get_tree().process_frame
	check_equal(_answers, 0, "the former model's answer is dropped")
	_view.show_model(_classifier())
	_view.try_picture(_picture())
	after_each()
	for frame: int in 20:
		await get_tree().process_frame
	before_each()


func _classifier() -> ExecuTorchResource:
	return _with_card("convnet.pt2", {"kind": "image_classification", "output": {"labels": DIGITS}})
