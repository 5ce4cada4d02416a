@tool
extends RefCounted
## Adjusts the editor's inspector around a model's view.


## Hides misleading parts beside the view of an imported model: the banner "This object is read-only" above fields that
## can be edited, and empty categories.
static func hide_the_rest(view: Control) -> void:
	var inspector: EditorInspector = EditorInterface.get_inspector()
	if not view.is_inside_tree() or not inspector.is_ancestor_of(view):
		return
	for sibling: Node in inspector.get_parent().get_parent().get_children():
		# The editor decides anew for the next object.
		if sibling is Button:
			(sibling as Button).hide()
	var own: Node = view.get_parent()
	for index: int in range(own.get_index() + 1, own.get_parent().get_child_count()):
		(own.get_parent().get_child(index) as Control).hide()
