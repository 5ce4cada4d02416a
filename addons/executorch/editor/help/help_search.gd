@tool
extends RefCounted
## Keeps the addon's internal scripts out of Godot's help search (F1). Godot lists each script there, and a script
## without a `class_name` by its path, above the public classes.

const ADDON: String = "res://addons/executorch"
## How the name of a page of such a script begins.
const PAGE: String = '"addons/executorch/'

var _dialogs: Array[Node] = []


## Godot 4.4 has no way to remove pages: there the rows of its search are hidden.
func start() -> void:
	var script_editor: ScriptEditor = EditorInterface.get_script_editor()
	_dialogs = script_editor.find_children("*", "EditorHelpSearch", true, false)
	for dialog: Node in _dialogs:
		if script_editor.has_method(&"clear_docs_from_script"):
			(dialog as Window).about_to_popup.connect(remove_internal_pages)
		else:
			hide_internal_rows(dialog)


func stop() -> void:
	for dialog: Node in _dialogs:
		if (dialog as Window).about_to_popup.is_connected(remove_internal_pages):
			(dialog as Window).about_to_popup.disconnect(remove_internal_pages)
		for tree: Node in dialog.find_children("*", "Tree", true, false):
			if (tree as Tree).draw.is_connected(_hide_rows.bind(tree)):
				(tree as Tree).draw.disconnect(_hide_rows.bind(tree))
	_dialogs.clear()


## Hides what a help search finds in scripts that no game names, from now on.
func hide_internal_rows(dialog: Node) -> void:
	for tree: Node in dialog.find_children("*", "Tree", true, false):
		# After the drawing, during which a row's change would not be drawn.
		(tree as Tree).draw.connect(_hide_rows.bind(tree), CONNECT_DEFERRED)


func _hide_rows(tree: Tree) -> void:
	if tree.get_root() != null:
		_hides_all(tree.get_root())


## Whether nothing in a row is for a game. A public class may stand below the internal script that it extends, and Godot
## adds it later than that.
func _hides_all(row: TreeItem) -> bool:
	var is_internal: bool = row.get_text(0).contains(PAGE)
	var hides_all: bool = is_internal
	for inner: TreeItem in row.get_children():
		var is_a_class: bool = str(inner.get_metadata(0)).begins_with("class_name:")
		if not _hides_all(inner) and is_a_class:
			hides_all = false
	if is_internal and row.visible == hides_all:
		row.visible = not hides_all
	return hides_all


## Removes the pages of scripts that no game names. Again each time: Godot makes them anew when it reads a script.
func remove_internal_pages() -> void:
	var kept: Array[Script] = []
	for entry: Dictionary in ProjectSettings.get_global_class_list():
		if str(entry["path"]).begins_with(ADDON + "/"):
			# The page of a public class also names what it inherits.
			var script: Script = load(str(entry["path"]))
			while script != null:
				kept.append(script)
				script = script.get_base_script()
	_remove_below(ADDON, kept)


func _remove_below(folder: String, kept: Array[Script]) -> void:
	for name: String in DirAccess.get_directories_at(folder):
		_remove_below(folder.path_join(name), kept)
	for name: String in DirAccess.get_files_at(folder):
		var script: Script = load(folder.path_join(name)) as Script if name.get_extension() == "gd" else null
		if script != null and not kept.has(script):
			# By its name: Godot 4.4 does not have it, so a script that calls it would not compile there.
			EditorInterface.get_script_editor().call(&"clear_docs_from_script", script)
