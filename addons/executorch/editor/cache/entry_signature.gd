@tool
extends RefCounted
## The signature of a cache entry, checked as in importer/cache/entry_signature.py. Any thread.

const FILE: String = "signature.json"
const MAX_BYTES: int = 64 * 1024
const FORMAT: int = 1
const REMEDY: String = "Convert the model again with Python. Remove the entry if you do not know where it is from."


## The signed files of the entry `key`, if one of `keys` signed it: `{files: {name: sha256}}` or `{error}`.
static func check(key: String, content: PackedByteArray, keys: Dictionary[String, PackedByteArray]) -> Dictionary:
	var said: Dictionary = _parse(content)
	if said.is_empty():
		return refuse("CACHE_DAMAGED", "%s of the cache entry %s cannot be read." % [FILE, key])
	if said["key"] != key:
		var other: String = str(said["key"]).left(12)
		var cause: String = "The cache entry %s was signed for %s: its files belong to another model."
		return refuse("CACHE_ENTRY_MISPLACED", cause % [key.left(12), other])
	var signatures: Dictionary = said["signatures"]
	var crypto: Crypto = Crypto.new()
	var is_known: bool = false
	for id: String in keys:
		if signatures.has(id):
			is_known = true
			var mac: PackedByteArray = crypto.hmac_digest(HashingContext.HASH_SHA256, keys[id], _statement(said))
			if crypto.constant_time_compare(mac, str(signatures[id]).hex_decode()):
				return {"files": said["files"]}
	if is_known:
		return refuse("CACHE_SIGNATURE_WRONG", "The cache entry %s was changed after it was signed." % key)
	var foreign: String = "The cache entry %s was signed with a key that this machine does not have." % key
	return refuse("CACHE_ENTRY_FOREIGN", foreign, "Ask the team for its key. " + REMEDY)


static func refuse(code: String, cause: String, remedy: String = REMEDY) -> Dictionary:
	return {"error": {"code": code, "cause": cause, "remedy": remedy}}


## Whether a text is the hexadecimal form of 32 bytes as Python and Godot write it.
static func is_hash(text: Variant) -> bool:
	if not text is String or (text as String).length() != 64:
		return false
	return (text as String).is_valid_hex_number() and (text as String).to_lower() == text


static func _statement(said: Dictionary) -> PackedByteArray:
	var lines: PackedStringArray = []
	var files: Dictionary = said["files"]
	for name: String in files:
		lines.append("%s=%s" % [name, files[name]])
	lines.sort()
	return ("executorch-cache-entry\n%s\n%s" % [said["key"], "\n".join(lines)]).to_utf8_buffer()


static func _parse(content: PackedByteArray) -> Dictionary:
	var parser: JSON = JSON.new()
	if content.size() > MAX_BYTES or parser.parse(content.get_string_from_utf8()) != OK:
		return {}
	if not parser.data is Dictionary:
		return {}
	var said: Dictionary = parser.data
	if said.get("format") != float(FORMAT) or not is_hash(said.get("key")):
		return {}
	if not said.get("files") is Dictionary or not said.get("signatures") is Dictionary:
		return {}
	var files: Dictionary = said["files"]
	var pattern: RegEx = RegEx.create_from_string("\\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}\\z")
	for name: Variant in files:
		if pattern.search(str(name)) == null or not is_hash(files[name]):
			return {}
	var signatures: Dictionary = said["signatures"]
	for id: Variant in signatures:
		if not is_hash(signatures[id]):
			return {}
	return said
