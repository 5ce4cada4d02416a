@tool
extends "res://tests/case.gd"
## What the editor's cases share: finding the addon's views in the running editor.

const McpEditorServer := preload("res://addons/executorch/editor/mcp/mcp_editor_server.gd")
const Jobs := preload("res://addons/executorch/editor/jobs/jobs.gd")
const PLUGIN: String = "res://addons/executorch/plugin.gd"
const MODEL_VIEW: String = "res://addons/executorch/editor/inspector/model_view.gd"
const DOCK_PANEL: String = "res://addons/executorch/editor/dock/dock_panel.gd"
const GRAPH_WINDOW: String = "res://addons/executorch/editor/graph/graph_window.gd"
const SETUP_WINDOW: String = "res://addons/executorch/editor/setup/setup_window.gd"


## The first node below `root` that has this script; null when there is none.
func find_by_script(root: Node, script_path: String) -> Node:
	for node: Node in root.find_children("*", "", true, false):
		var script: Script = node.get_script()
		if script != null and script.resource_path == script_path and not node.is_queued_for_deletion():
			return node
	return null


## A part of the addon's plugin, such as "jobs". The editor loads the plugin's script past the cache: its type is
## unknown here.
func find_part(part: StringName) -> Object:
	for node: Node in get_tree().root.find_children("*", "EditorPlugin", true, false):
		var script: Script = node.get_script()
		if script != null and script.resource_path == PLUGIN:
			return node.get(part)
	return null


func find_mcp() -> McpEditorServer:
	return find_part(&"mcp") as McpEditorServer


func find_jobs() -> Jobs:
	return find_part(&"jobs") as Jobs


## Selects a model and returns what the inspector shows of it.
func inspect(path: String) -> Control:
	EditorInterface.edit_resource(load(path))
	for frame: int in 5:
		await get_tree().process_frame
	return find_by_script(EditorInterface.get_inspector(), MODEL_VIEW) as Control


## All text that labels, buttons and tables below a node show, a line for each.
func text_of(root: Node) -> String:
	var lines: PackedStringArray = []
	for node: Node in root.find_children("*", "", true, false):
		if node is Control and not (node as Control).is_visible_in_tree():
			continue
		if node is Label:
			lines.append((node as Label).text)
		elif node is Button:
			lines.append((node as Button).text)
		elif node is Tree:
			lines.append_array(_rows_of(node as Tree))
	return "\n".join(lines)


## The first button below a node that shows this text.
func find_button(root: Node, text: String) -> Button:
	for node: Node in root.find_children("*", "Button", true, false):
		if (node as Button).text == text:
			return node as Button
	return null


func _rows_of(tree: Tree) -> PackedStringArray:
	var lines: PackedStringArray = []
	var row: TreeItem = tree.get_root()
	while row != null:
		var cells: PackedStringArray = []
		for column: int in tree.columns:
			cells.append(row.get_text(column))
		lines.append(" | ".join(cells))
		row = row.get_next_visible()
	return lines
