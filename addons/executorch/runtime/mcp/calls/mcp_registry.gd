@tool
extends RefCounted
## The server's tools, resources and prompts. A table is replaced, never changed, so that any thread may read it.

signal list_changed(kind: String)

const TOOLS: String = "tools"
const RESOURCES: String = "resources"
const TEMPLATES: String = "resourceTemplates"
const PROMPTS: String = "prompts"

const _VARIABLE: String = "\\{([A-Za-z_][A-Za-z0-9_]*)\\}"

## refresh.call(registry): updates the resources before they are listed.
var refresh: Callable = Callable()

var _tables: Dictionary[String, Dictionary] = {TOOLS: {}, RESOURCES: {}, TEMPLATES: {}, PROMPTS: {}}
var _mutex: Mutex = Mutex.new()


## Entries by name (by URI for resources), in the order in which they were added.
func get_table(kind: String) -> Dictionary:
	_mutex.lock()
	var table: Dictionary = _tables[kind]
	_mutex.unlock()
	return table


func get_entry(kind: String, entry_name: String) -> Dictionary:
	return get_table(kind).get(entry_name, {})


## An entry has `definition` (as it is listed), `callable`, `threaded`, `write` and `time_limit_seconds`.
func put(kind: String, entry_name: String, entry: Dictionary) -> void:
	if kind == TEMPLATES:
		entry["pattern"] = _pattern_of(entry_name)
	_mutex.lock()
	var table: Dictionary = _tables[kind].duplicate()
	table[entry_name] = entry
	_tables[kind] = table
	_mutex.unlock()
	list_changed.emit(_notified_kind(kind))


func remove(kind: String, entry_name: String) -> bool:
	_mutex.lock()
	var table: Dictionary = _tables[kind].duplicate()
	var found: bool = table.erase(entry_name)
	_tables[kind] = table
	_mutex.unlock()
	if found:
		list_changed.emit(_notified_kind(kind))
	return found


## The template that a URI fits and its variables: `{entry, variables}`, or empty.
func match_template(uri: String) -> Dictionary:
	var table: Dictionary = get_table(TEMPLATES)
	for template: String in table:
		var pattern: RegEx = table[template]["pattern"]
		var found: RegExMatch = pattern.search(uri)
		if found != null:
			var variables: Dictionary = {}
			for variable: String in found.names:
				variables[variable] = found.get_string(variable).uri_decode()
			return {"entry": table[template], "variables": variables}
	return {}


static func _pattern_of(template: String) -> RegEx:
	var variable: RegEx = RegEx.create_from_string(_VARIABLE)
	var pattern: String = "^"
	var at: int = 0
	for found: RegExMatch in variable.search_all(template):
		pattern += _literal(template.substr(at, found.get_start() - at)) + "(?<%s>[^/?#]+)" % found.get_string(1)
		at = found.get_end()
	return RegEx.create_from_string(pattern + _literal(template.substr(at)) + "$")


static func _literal(text: String) -> String:
	return "\\Q%s\\E" % text.replace("\\E", "") if not text.is_empty() else ""


static func _notified_kind(kind: String) -> String:
	return RESOURCES if kind == TEMPLATES else kind
