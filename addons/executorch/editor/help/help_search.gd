@tool
extends RefCounted
## Keeps the addon's internal scripts out of Godot's help search (F1). Godot lists each script there, and a script
## without a `class_name` by its path, above the public classes.

const ADDON: String = "res://addons/executorch"

var _dialogs: Array[Node] = []


## Godot 4.4 has no way to remove pages; its search stays as it is.
func start() -> void:
	var script_editor: ScriptEditor = EditorInterface.get_script_editor()
	if not script_editor.has_method(&"clear_docs_from_script"):
		return
	_dialogs = script_editor.find_children("*", "EditorHelpSearch", true, false)
	for dialog: Node in _dialogs:
		(dialog as Window).about_to_popup.connect(remove_internal_pages)


func stop() -> void:
	for dialog: Node in _dialogs:
		(dialog as Window).about_to_popup.disconnect(remove_internal_pages)
	_dialogs.clear()


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
