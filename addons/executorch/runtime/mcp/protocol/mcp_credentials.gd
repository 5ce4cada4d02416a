@tool
extends RefCounted
## The token that clients must send, and the file in which other programs of this user find a running server. Both are
## in the user's data folder, outside any project, and readable by the user only.

const FOLDER: String = "executorch-godot/mcp"
const TOKEN_FILE: String = "token"
const FORMAT: int = 1
const OWNER_ONLY: int = FileAccess.UNIX_READ_OWNER | FileAccess.UNIX_WRITE_OWNER
const OWNER_FOLDER: int = OWNER_ONLY | FileAccess.UNIX_EXECUTE_OWNER
const AtomicFile = preload("../../library/atomic_file.gd")

static var _hexadecimal: RegEx = RegEx.create_from_string("^[0-9a-f]{64}$")


static func folder() -> String:
	return OS.get_data_dir().path_join(FOLDER)


## The user's token, made at the first call. "" when it cannot be stored.
static func load_or_make_token() -> String:
	var path: String = folder().path_join(TOKEN_FILE)
	var known: String = FileAccess.get_file_as_string(path).strip_edges() if FileAccess.file_exists(path) else ""
	if _hexadecimal.search(known) != null:
		return known
	var made: String = Crypto.new().generate_random_bytes(32).hex_encode()
	return made if _write_private(path, made + "\n") == OK else ""


## Writes the discovery file. `server` has `port`, `token`, `name`, `kind` ("editor" or "game"), `allow_write`. Returns
## its path, or "".
static func announce(server: Dictionary) -> String:
	var project: String = ProjectSettings.globalize_path("res://") if OS.has_feature("editor") else ""
	var content: Dictionary = {
		"format": FORMAT,
		"url": "http://127.0.0.1:%d/mcp" % server["port"],
		"pid": OS.get_process_id(),
		"project": project.trim_suffix("/"),
		"started": int(Time.get_unix_time_from_system()),
	}
	content.merge(server)
	var path: String = folder().path_join("%d-%d.json" % [OS.get_process_id(), server["port"]])
	return path if _write_private(path, JSON.stringify(content, "  ", false) + "\n") == OK else ""


static func withdraw(path: String) -> void:
	if not path.is_empty() and FileAccess.file_exists(path):
		DirAccess.remove_absolute(path)


static func _write_private(path: String, text: String) -> Error:
	var error: Error = DirAccess.make_dir_recursive_absolute(path.get_base_dir())
	if error != OK:
		return error
	FileAccess.set_unix_permissions(path.get_base_dir(), OWNER_FOLDER)
	return AtomicFile.write_bytes(path, text.to_utf8_buffer(), OWNER_ONLY)
