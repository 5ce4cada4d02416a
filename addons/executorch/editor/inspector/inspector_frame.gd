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
	# The editor makes the rows of this column anew for each object, and keeps the column.
	for row: Node in view.get_parent().get_parent().get_child(-1).get_children():
		if row is Control:
			(row as Control).hide()
