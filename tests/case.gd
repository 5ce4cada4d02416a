extends Node
## A file of test cases: extend this script and write methods named `test_*`, which may await.
## `before_each` and `after_each` run around every case.

var failures: PackedStringArray = []
var expected_errors: PackedStringArray = []


func before_each() -> void:
	pass


func after_each() -> void:
	pass


## Fails the case with `message` when `condition` is false.
func check(condition: bool, message: String) -> void:
	if not condition:
		_fail(message)


## Fails the case when the values differ. Arrays and dictionaries are compared by content.
func check_equal(actual: Variant, expected: Variant, message: String = "") -> void:
	var same: bool = typeof(actual) == typeof(expected) and actual == expected
	if not same:
		_fail("%sexpected %s, got %s" % [_prefix(message), var_to_str(expected), var_to_str(actual)])


## Fails the case when a number, or any element of an array of numbers, is further off than `tolerance`.
func check_near(actual: Variant, expected: Variant, tolerance: float = 1e-5, message: String = "") -> void:
	var got: Array = _numbers(actual)
	var wanted: Array = _numbers(expected)
	var near: bool = got.size() == wanted.size() and not got.is_empty()
	for index: int in mini(got.size(), wanted.size()):
		near = near and absf(float(got[index]) - float(wanted[index])) <= tolerance
	if not near:
		_fail("%sexpected about %s, got %s" % [_prefix(message), var_to_str(expected), var_to_str(actual)])


## Announces an error that this case provokes. Every other error in Godot's output fails the case.
func expect_error(part: String) -> void:
	expected_errors.append(part)


## Waits until `condition` returns true; fails the case after `seconds`.
func wait_until(condition: Callable, seconds: float, message: String = "condition") -> bool:
	var deadline: int = Time.get_ticks_msec() + int(seconds * 1000.0)
	while not condition.call():
		if Time.get_ticks_msec() > deadline:
			_fail("%s did not come true within %.1f s" % [message, seconds])
			return false
		await get_tree().process_frame
	return true


func _fail(message: String) -> void:
	var where: String = ""
	for frame: Dictionary in get_stack():
		if frame["source"] != "res://tests/case.gd":
			where = "%s:%d: " % [str(frame["source"]).get_file(), frame["line"]]
			break
	failures.append(where + message)


func _prefix(message: String) -> String:
	return "" if message.is_empty() else message + ": "


func _numbers(value: Variant) -> Array:
	if value is int or value is float:
		return [value]
	if typeof(value) >= TYPE_ARRAY and typeof(value) <= TYPE_PACKED_FLOAT64_ARRAY:
		return Array(value)
	return []
