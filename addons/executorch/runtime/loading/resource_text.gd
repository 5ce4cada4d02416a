@tool
extends RefCounted
## Reads the properties of a `.tres` file without loading it: ResourceLoader would run a script that is embedded in it.

## Words of values that hold data only. Everything else that is not quoted (Object, Resource, ExtResource) is refused.
const DATA_WORDS: PackedStringArray = [
	"true",
	"false",
	"null",
	"nan",
	"inf",
	"inf_neg",
	"Array",
	"Dictionary",
	"String",
	"StringName",
	"int",
	"float",
	"bool",
	"Variant",
	"PackedByteArray",
	"PackedInt32Array",
	"PackedInt64Array",
	"PackedFloat32Array",
	"PackedFloat64Array",
	"PackedStringArray",
]
## Godot's parser calls itself for each container inside of another one; thousands of them end the process.
const MAX_DEPTH: int = 64
## Brackets, texts and lines of a file. Metadata has some thousands.
const MAX_MARKS: int = 1_000_000

const _QUOTED: String = '"(?:[^"\\\\]++|\\\\.)*+"'

static var _marks: RegEx = RegEx.create_from_string("(?s)" + _QUOTED + "|[\\[\\](){}\\n]")
static var _strings: RegEx = RegEx.create_from_string("(?s)" + _QUOTED)
static var _words: RegEx = RegEx.create_from_string("[A-Za-z_]\\w*")
static var _numbers: RegEx = RegEx.create_from_string("\\b\\d[\\d.]*(?:e[+-]?\\d+)?")
## What data has outside of texts. No semicolon: it begins a comment, in which a quote begins no text.
static var _plain: RegEx = RegEx.create_from_string("^[A-Za-z0-9_ \\t\\r\\n{}\\[\\](),:.+&-]*+$")
static var _brackets: RegEx = RegEx.create_from_string("[\\[\\](){}]")


## The properties of the file's main resource by their names, those in `wanted` only; null when it cannot be read.
static func read(text: String, wanted: PackedStringArray) -> Variant:
	if not text.begins_with("[gd_resource "):
		return null
	var properties: Dictionary = {}
	var section: String = ""
	var at: int = 0
	var marks_left: int = MAX_MARKS
	while at < text.length():
		var begin: String = text[at]
		if begin == "\n" or begin == "\r" or begin == " ":
			at += 1
			continue
		var place: Vector2i = _end_of(text, at, marks_left)
		var end: int = place.x
		marks_left = place.y
		if marks_left <= 0:
			return null
		if begin == "[":
			section = text.substr(at, end - at).strip_edges()
		elif section == "[resource]":
			var line: String = text.substr(at, end - at)
			var name: String = line.get_slice("=", 0).strip_edges()
			if name in wanted:
				var value: String = line.substr(line.find("=") + 1).strip_edges()
				if not _is_data(value):
					return null
				properties[name] = str_to_var(value)
		at = end + 1
	return properties


## Where an entry ends, at the first line's end outside of quotes and brackets, and how many marks are left.
static func _end_of(text: String, from: int, marks_left: int) -> Vector2i:
	var depth: int = 0
	var at: int = from
	while marks_left > 0:
		marks_left -= 1
		var mark: RegExMatch = _marks.search(text, at)
		if mark == null:
			break
		at = mark.get_end()
		match mark.get_string():
			"[", "(", "{":
				depth += 1
			"]", ")", "}":
				depth -= 1
			"\n":
				if depth <= 0:
					return Vector2i(mark.get_start(), marks_left)
	return Vector2i(text.length(), marks_left)


static func _is_data(value: String) -> bool:
	var unquoted: String = _strings.sub(value, "", true)
	if _plain.search(unquoted) == null or _depth_of(unquoted) > MAX_DEPTH:
		return false
	for word: RegExMatch in _words.search_all(_numbers.sub(unquoted, "", true)):
		if not word.get_string() in DATA_WORDS:
			return false
	return true


## How many brackets are open inside of each other.
static func _depth_of(unquoted: String) -> int:
	var depth: int = 0
	var deepest: int = 0
	for bracket: RegExMatch in _brackets.search_all(unquoted):
		depth += 1 if bracket.get_string() in "[({" else -1
		deepest = maxi(deepest, depth)
	return deepest
