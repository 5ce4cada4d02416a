extends Node
## Runs the cases named in `res://tests/selection.json` ([[file, case], ...]) and reports each on a line of its own, for
## tests/godot_cases.py.


func _ready() -> void:
	# The editor and the scene tree are complete only after the frame that adds this node.
	run.call_deferred()


func run() -> void:
	var selection: Array = JSON.parse_string(FileAccess.get_file_as_string("res://tests/selection.json"))
	for entry: Array in selection:
		await _run_case(entry[0] as String, entry[1] as String)
	print("@@END")
	get_tree().quit(0)


func _run_case(file: String, case_name: String) -> void:
	print("@@CASE ", JSON.stringify([file, case_name]))
	var failures: PackedStringArray = []
	var expected: PackedStringArray = []
	var begin: int = Time.get_ticks_usec()
	var script: GDScript = load("res://tests/" + file) as GDScript
	if script == null or not script.can_instantiate():
		failures.append("the script does not compile")
	else:
		var case: Node = script.new()
		add_child(case)
		@warning_ignore("unsafe_method_access")
		await case.before_each()
		await case.call(case_name)
		@warning_ignore("unsafe_method_access")
		await case.after_each()
		failures = case.get("failures")
		expected = case.get("expected_errors")
		case.queue_free()
		await get_tree().process_frame
	var seconds: float = (Time.get_ticks_usec() - begin) / 1e6
	print("@@DONE ", JSON.stringify([file, case_name, failures, expected, seconds]))
