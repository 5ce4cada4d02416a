extends "res://tests/case.gd"
## JSON from strangers, and for strict readers.

const JsonText = preload("res://addons/executorch/runtime/mcp/json/json_text.gd")


func test_utf8() -> void:
	for good: String in ["", "a", "é", "世界", "\U01F600", "\u07ff\u0800\uffff"]:
		check(JsonText.is_utf8(good.to_utf8_buffer()), good)
	for bad: String in [
		"80",
		"c0af",
		"c1bf",
		"c3",
		"c328",
		"e0809f",
		"e28228",
		"eda080",
		"f0808080",
		"f4908080",
		"f5808080",
		"ff",
		"41ff"
	]:
		check(not JsonText.is_utf8(bad.hex_decode()), bad)


func test_ascii() -> void:
	for size: int in range(0, 40):
		var bytes: PackedByteArray = []
		bytes.resize(size)
		bytes.fill(65)
		check(JsonText.is_ascii(bytes), "size %d" % size)
		for index: int in size:
			bytes[index] = 0x80
			check(not JsonText.is_ascii(bytes), "size %d, byte %d" % [size, index])
			bytes[index] = 65


func test_depth() -> void:
	for depth: int in [1, 5, 64, 65, 500]:
		var text: String = "[".repeat(depth) + "]".repeat(depth)
		check_equal(JsonText.decode(text.to_utf8_buffer(), 64).has("error"), depth > 64)


func test_nothing_is_printed_for_bad_text() -> void:
	for bad: String in ["", "{", "nul", "[1 2]", '"\\ud800"', '"\\u0000"', '"\u0001', "{'a': 1}"]:
		check(JsonText.decode(bad.to_utf8_buffer(), 64).has("error"), bad)
	check(JsonText.decode(PackedByteArray([34, 255, 34]), 64).has("error"), "no UTF-8")
	check(JsonText.decode(PackedByteArray([34, 0, 34]), 64).has("error"), "NUL")


func test_strings_survive() -> void:
	var text: String = ""
	for code: int in range(1, 0x100):
		text += String.chr(code)
	text += "\\v \\\\v \\\\\\v \\u000b 世界 \u2028\U01F600"
	var encoded: String = JsonText.encode({text: text})
	for code: int in range(0, 0x20):
		check(not encoded.contains(String.chr(code)) or code == 0, "control character %d" % code)
	check(not encoded.contains("\\v ") or encoded.contains("\\\\v "), "\\v is not a JSON escape")
	check_equal(JsonText.decode(encoded.to_utf8_buffer(), 64)["value"], {text: text})


func test_whole_numbers() -> void:
	check_equal(typeof(JsonText.whole_number(3.0)), TYPE_INT)
	for other: Variant in [3.5, INF, NAN, 1e300, "3", null]:
		check(typeof(JsonText.whole_number(other)) != TYPE_INT, str(other))
