extends Node
## Runs the scripts that test_gdscript.py made of the pages' GDScript blocks, each for a second, and marks their output.

const SECONDS: float = 1.0


func _ready() -> void:
	for path: String in OS.get_cmdline_user_args():
		await _run(path)
	get_tree().quit()


func _run(path: String) -> void:
	print("@@EXAMPLE ", path)
	var script: GDScript = load(path)
	if script == null or not script.can_instantiate():
		printerr("ERROR: %s does not compile" % path)
		return
	# Instances of tools and nodes alike; a script that extends a Resource needs no tree.
	var example: Object = script.new()
	if example is Node:
		_add_named_children(example as Node, script.source_code)
		add_child(example as Node)
		await get_tree().create_timer(SECONDS).timeout
		(example as Node).queue_free()
		await get_tree().process_frame
	print("@@DONE ", path)


## Gives the node the children that its script reaches as `$Name`: a class of that name, or a plain node.
func _add_named_children(node: Node, source: String) -> void:
	var pattern: RegEx = RegEx.create_from_string("\\$(\\w+)")
	for found: RegExMatch in pattern.search_all(source):
		var child_name: String = found.get_string(1)
		if node.has_node(child_name):
			continue
		var child: Node = Node.new()
		for known: Dictionary in ProjectSettings.get_global_class_list():
			if known["class"] == child_name:
				child.free()
				child = (load(known["path"] as String) as GDScript).new()
		child.name = child_name
		node.add_child(child)
