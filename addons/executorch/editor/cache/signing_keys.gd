@tool
extends RefCounted
## The keys that check entries of the artifact cache, the same as importer/cache/signing_keys.py's. They belong to the
## person and are never in a project. Any thread.

const Settings := preload("res://addons/executorch/editor/shared/settings.gd")

const VARIABLE: String = "EXECUTORCH_CACHE_SIGNING_KEY"
const FILE: String = "executorch-godot/cache_signing_keys.txt"
const OWN: String = "own"
const ID_LENGTH: int = 16


## Id -> secret of 32 bytes: of the variable or else the editor setting, and of the file.
static func get_known() -> Dictionary[String, PackedByteArray]:
	var keys: Dictionary[String, PackedByteArray] = {}
	_add(keys, get_named())
	for line: String in _lines():
		_add(keys, line.get_slice(" ", 1))
	return keys


## Whether this machine has a team's key: then every entry of a cache must be signed.
static func has_team_key() -> bool:
	if not get_named().is_empty():
		return true
	for line: String in _lines():
		if line.get_slice(" ", 0) != OWN:
			return true
	return false


## The variable's key, else the editor setting's; empty when there is neither.
static func get_named() -> String:
	var named: String = OS.get_environment(VARIABLE).strip_edges()
	return named if not named.is_empty() else str(Settings.read_from_editor(Settings.CACHE_SIGNING_KEY)).strip_edges()


static func _lines() -> PackedStringArray:
	var found: PackedStringArray = []
	var text: String = FileAccess.get_file_as_string(OS.get_config_dir().path_join(FILE))
	for line: String in text.split("\n"):
		if not line.begins_with("#") and line.strip_edges().get_slice_count(" ") == 2:
			found.append(line.strip_edges())
	return found


static func _add(keys: Dictionary[String, PackedByteArray], hex: String) -> void:
	if hex.length() != 64 or not hex.is_valid_hex_number():
		return
	var secret: PackedByteArray = hex.hex_decode()
	var id: PackedByteArray = "executorch-cache-key-id".to_ascii_buffer()
	keys[Crypto.new().hmac_digest(HashingContext.HASH_SHA256, secret, id).hex_encode().left(ID_LENGTH)] = secret
