@tool
extends RefCounted
## One entry of the artifact cache, and its way into `.godot/imported`. Files are renamed into place. Any thread.
##
## Others may write into a cache: an entry is signed, every byte is hashed while it is copied, and no link is followed.

const AtomicFile := preload("res://addons/executorch/runtime/library/atomic_file.gd")
const Native := preload("res://addons/executorch/runtime/library/native_library.gd")
const Signature := preload("entry_signature.gd")
const SigningKeys := preload("signing_keys.gd")

const METADATA: String = "metadata.json"
const PAYLOAD: String = "model.pte"
const MAX_METADATA: int = 16 * 1024 * 1024
const BLOCK: int = 1 << 20
## Fields of the metadata that are not whole numbers even when they look so.
const REAL_FIELDS: PackedStringArray = ["accuracy", "timings", "share", "tolerance", "constants"]
## Why an entry that is there is not used: a machine with Python converts the model again.
const REFUSALS: PackedStringArray = [
	"CACHE_DAMAGED",
	"CACHE_ENTRY_FOREIGN",
	"CACHE_ENTRY_LINKED",
	"CACHE_ENTRY_MISPLACED",
	"CACHE_ENTRY_UNSIGNED",
	"CACHE_SIGNATURE_WRONG",
]
## Refusals that only say that no known key signed the entry.
const UNPROVED: PackedStringArray = ["CACHE_ENTRY_FOREIGN", "CACHE_ENTRY_UNSIGNED"]


## The signed entry of a key: `{folder, metadata}`; empty when there is none; `{error}` when the entry is refused.
static func find(cache: String, key: String) -> Dictionary:
	var keys: Dictionary[String, PackedByteArray] = SigningKeys.get_known()
	var main: String = cache.path_join(key.left(2)).path_join(key)
	var refused: Dictionary = {}
	# This machine's own entry may be beside one that another person signed.
	for folder: String in _places(main, keys):
		var found: Dictionary = _read(cache, folder, key, keys)
		if found.has("metadata"):
			return found
		if refused.is_empty():
			refused = found
	return refused


## Copies an entry's files beside `save_path` and hashes the copied bytes. Returns
## `{metadata, payload_path, external_paths, variant_paths}` or `{error: {code, cause, remedy}}`.
static func install(cache: String, key: String, save_path: String) -> Dictionary:
	var found: Dictionary = find(cache, key)
	if found.is_empty():
		return _damaged(cache.path_join(key.left(2)).path_join(key), METADATA)
	return found if found.has("error") else _copy(cache, found, save_path)


## Whether an entry that was refused may be installed by `install_unproved`. Not where a team's key is known: there
## everything is signed.
static func may_try(refusal: Dictionary) -> bool:
	return str(refusal.get("code", "")) in UNPROVED and not SigningKeys.has_team_key()


## For a machine without Python: installs an entry that no known key signed, after its program was checked and tried in
## a child process. The metadata says so in `unproved`, and each load checks and tries it again. May take a while.
static func install_unproved(cache: String, key: String, save_path: String) -> Dictionary:
	var folder: String = cache.path_join(key.left(2)).path_join(key)
	var found: Dictionary = _read_unproved(cache, folder)
	var installed: Dictionary = found if found.has("error") else _copy(cache, found, save_path)
	if installed.has("error"):
		return installed
	var native: RefCounted = Native.statics()
	var error: Dictionary = {}
	if native == null:
		var missing: ExecuTorchError = Native.missing_error()
		error = {"code": missing.code_name, "cause": missing.cause, "remedy": missing.remedy}
	elif (installed["external_paths"] as PackedStringArray).is_empty():
		for program: String in [installed["payload_path"]] + (installed["variant_paths"] as Dictionary).values():
			var verdict: Dictionary = native.verify_file(ProjectSettings.globalize_path(program))
			if not verdict["ok"] and error.is_empty():
				error = {"code": verdict["name"], "cause": verdict["cause"], "remedy": verdict["remedy"]}
	if error.is_empty():
		(installed["metadata"] as Dictionary)["unproved"] = true
		return installed
	for file: String in files_of(installed):
		DirAccess.remove_absolute(file)
	return {"error": error}


## The files that `install` wrote.
static func files_of(installed: Dictionary) -> Array:
	var files: Array = [installed["payload_path"]] + Array(installed["external_paths"] as PackedStringArray)
	return files + (installed["variant_paths"] as Dictionary).values()


## Bytes of the programs and weights of what `find` returned.
static func get_size(found: Dictionary) -> int:
	var size: int = 0
	for name: String in found["hashes"] as Dictionary:
		size += AtomicFile.length_of(str(found["folder"]).path_join(name))
	return size


## Removes an entry that has a successor, from a cache that belongs to this project alone.
static func remove(cache: String, key: String) -> void:
	var folder: String = cache.path_join(key.left(2)).path_join(key)
	if not ProjectSettings.localize_path(folder).begins_with("res://"):
		return
	if not _refuse_links(cache, [folder.get_base_dir(), folder]).is_empty():  # what it leads to is not an entry
		return
	# An entry without metadata does not count.
	DirAccess.remove_absolute(folder.path_join(METADATA))
	for file: String in (
		DirAccess.get_files_at(folder) if DirAccess.dir_exists_absolute(folder) else PackedStringArray()
	):
		DirAccess.remove_absolute(folder.path_join(file))
	DirAccess.remove_absolute(folder)


## Removes the files of former artifacts of `save_path` that `keep` does not name.
static func remove_former(save_path: String, keep: PackedStringArray) -> void:
	var folder: String = save_path.get_base_dir()
	for file: String in DirAccess.get_files_at(folder):
		var path: String = folder.path_join(file)
		var is_payload: bool = file.get_extension() in ["pte", "ptd", "tmp"]
		if is_payload and file.begins_with(save_path.get_file() + ".") and not path in keep:
			DirAccess.remove_absolute(path)


static func _places(main: String, keys: Dictionary[String, PackedByteArray]) -> PackedStringArray:
	var places: PackedStringArray = [main]
	for id: String in keys:
		places.append("%s.%s" % [main, id])
	return places


static func _read(cache: String, folder: String, key: String, keys: Dictionary[String, PackedByteArray]) -> Dictionary:
	var linked: Dictionary = _refuse_links(cache, [folder.get_base_dir(), folder])
	if not linked.is_empty() or not DirAccess.dir_exists_absolute(folder):
		return linked
	linked = _refuse_links(cache, [folder.path_join(Signature.FILE), folder.path_join(METADATA)])
	if not linked.is_empty():
		return linked
	var signed: PackedByteArray = _read_small(folder.path_join(Signature.FILE), Signature.MAX_BYTES)
	if signed.is_empty():
		if FileAccess.file_exists(folder.path_join(Signature.FILE)):
			return _damaged(folder, Signature.FILE)
		return Signature.refuse(
			"CACHE_ENTRY_UNSIGNED", "The cache entry %s has no signature, so its origin is unknown." % key
		)
	var checked: Dictionary = Signature.check(key, signed, keys)
	if checked.has("error"):
		return checked
	var content: PackedByteArray = _read_small(folder.path_join(METADATA), MAX_METADATA)
	var files: Dictionary = checked["files"]
	if _sha256(content) != files.get(METADATA):
		return _damaged(folder, METADATA)
	var found: Dictionary = _parse(folder, content)
	var hashes: Dictionary = found.get("hashes", {})
	for name: String in hashes:
		if files.get(name) != hashes[name]:
			return _damaged(folder, name)
	return found


static func _read_unproved(cache: String, folder: String) -> Dictionary:
	var linked: Dictionary = _refuse_links(cache, [folder.get_base_dir(), folder, folder.path_join(METADATA)])
	return linked if not linked.is_empty() else _parse(folder, _read_small(folder.path_join(METADATA), MAX_METADATA))


## `{folder, metadata, hashes: {name: sha256}}` or `{error}`.
static func _parse(folder: String, content: PackedByteArray) -> Dictionary:
	var parser: JSON = JSON.new()
	if parser.parse(content.get_string_from_utf8()) != OK or not parser.data is Dictionary:
		return _damaged(folder, METADATA)
	var metadata: Dictionary = _with_integers(parser.data)
	if not metadata.get("payload") is Dictionary:
		return _damaged(folder, METADATA)
	var payload: Dictionary = metadata["payload"]
	var hashes: Dictionary = {PAYLOAD: payload.get("sha256")}
	var external: Variant = payload.get("external", [])
	if not external is Array:
		return _damaged(folder, METADATA)
	var files: Array = (external as Array).duplicate()
	var variants: Variant = metadata.get("variants", [])
	for variant: Variant in variants as Array if variants is Array else [null]:
		var is_known: bool = variant is Dictionary and str((variant as Dictionary).get("recipe")).is_valid_filename()
		files.append((variant as Dictionary).get("payload") if is_known else null)
	for entry: Variant in files:
		var file: String = str((entry as Dictionary).get("file", "")) if entry is Dictionary else ""
		if not file.is_valid_filename() or file.begins_with(".") or hashes.has(file):
			return _damaged(folder, METADATA)
		hashes[file] = (entry as Dictionary).get("sha256")
	if not hashes.values().all(Signature.is_hash):
		return _damaged(folder, METADATA)
	return {"folder": folder, "metadata": metadata, "hashes": hashes}


static func _copy(cache: String, found: Dictionary, save_path: String) -> Dictionary:
	var hashes: Dictionary = found["hashes"]
	# The hash is part of the name: the file that is in use stays untouched until its successor is complete.
	var prefix: String = "%s.%s" % [save_path, str(hashes[PAYLOAD]).left(12)]
	var external_paths: PackedStringArray = []
	var recipes: Dictionary = {}
	for variant: Dictionary in (found["metadata"] as Dictionary).get("variants", []) as Array:
		recipes[variant["payload"]["file"]] = variant["recipe"]
	var variant_paths: Dictionary = {}
	for name: String in hashes:
		var target: String = prefix + ".pte"
		if recipes.has(name):
			target = "%s.%s.%s.pte" % [save_path, str(hashes[name]).left(12), recipes[name]]
			variant_paths[recipes[name]] = target
		elif name != PAYLOAD:
			target = "%s.%d.ptd" % [prefix, external_paths.size()]
			external_paths.append(target)
		var from: String = str(found["folder"]).path_join(name)
		var refused: Dictionary = _refuse_links(cache, [from])
		var error: Dictionary = refused.get("error", {})
		if error.is_empty():
			error = _copy_checked(from, target, str(hashes[name]))
		if not error.is_empty():
			return {"error": error}
	_note_use(str(found["folder"]))
	return {
		"metadata": found["metadata"],
		"payload_path": prefix + ".pte",
		"external_paths": external_paths,
		"variant_paths": variant_paths,
	}


## The cache's limit uses the time of an entry's folder, which changes with its files. A file could be a link.
static func _note_use(folder: String) -> void:
	var mark: String = folder.path_join(".used")
	if DirAccess.make_dir_absolute(mark) == OK:
		DirAccess.remove_absolute(mark)


static func _copy_checked(from: String, to: String, sha256: String) -> Dictionary:
	if FileAccess.file_exists(to) and FileAccess.get_sha256(to) == sha256:
		return {}
	var source: FileAccess = FileAccess.open(from, FileAccess.READ)
	if source == null:
		return _damaged(from.get_base_dir(), from.get_file())["error"]
	var unfinished: String = AtomicFile.unfinished_of(to)
	var target: FileAccess = FileAccess.open(unfinished, FileAccess.WRITE)
	if target == null:
		return _not_written(to, error_string(FileAccess.get_open_error()))
	var hashing: HashingContext = HashingContext.new()
	var status: Error = hashing.start(HashingContext.HASH_SHA256)
	var length: int = source.get_length()
	while status == OK and source.get_position() < length:
		var block: PackedByteArray = source.get_buffer(BLOCK)
		if block.is_empty():
			status = ERR_FILE_CANT_READ
		else:
			status = hashing.update(block)
			target.store_buffer(block)
			status = target.get_error() if status == OK else status
	target.close()
	var is_whole: bool = status == OK and hashing.finish().hex_encode() == sha256
	if status == OK and not is_whole:
		DirAccess.remove_absolute(unfinished)
		return _damaged(from.get_base_dir(), from.get_file())["error"]
	# A full disk is noticed only by the length of the written file.
	if not is_whole or AtomicFile.length_of(unfinished) != length:
		status = status if status != OK else ERR_OUT_OF_MEMORY
	status = AtomicFile.put_in_place(unfinished, to, status)
	return {} if status == OK else _not_written(to, _reason(status))


static func _refuse_links(cache: String, paths: PackedStringArray) -> Dictionary:
	var root: DirAccess = DirAccess.open(cache)
	for path: String in paths:
		if root != null and root.is_link(path):
			return Signature.refuse(
				"CACHE_ENTRY_LINKED",
				"%s in the cache is a link; links are not followed there." % path,
				"Remove the link, and find out who made it."
			)
	return {}


## A file's bytes; empty when it is not there or larger than `limit`.
static func _read_small(path: String, limit: int) -> PackedByteArray:
	var file: FileAccess = FileAccess.open(path, FileAccess.READ)
	return file.get_buffer(file.get_length()) if file != null and file.get_length() <= limit else PackedByteArray()


static func _sha256(content: PackedByteArray) -> String:
	var hashing: HashingContext = HashingContext.new()
	hashing.start(HashingContext.HASH_SHA256)
	if not content.is_empty():
		hashing.update(content)
	return hashing.finish().hex_encode()


static func _reason(status: Error) -> String:
	return "the disk may be full" if status == ERR_OUT_OF_MEMORY else error_string(status)


static func _damaged(folder: String, file: String) -> Dictionary:
	return Signature.refuse(
		"CACHE_DAMAGED", "%s of the cache entry %s is missing or is not what was stored." % [file, folder]
	)


static func _not_written(path: String, detail: String) -> Dictionary:
	return {
		"code": "FILE_NOT_WRITTEN",
		"cause": "%s cannot be written: %s." % [path, detail],
		"remedy": "Free some disk space or make the folder writable, and import the file again.",
	}


## JSON has one kind of number; sizes and counts are whole.
static func _with_integers(value: Variant) -> Variant:
	if value is float and (value as float) == floorf(value as float) and absf(value as float) < 9.0e15:
		return int(value)
	if value is Array:
		return (value as Array).map(_with_integers)
	if value is Dictionary:
		var changed: Dictionary = {}
		for key: String in value as Dictionary:
			changed[key] = value[key] if key in REAL_FIELDS else _with_integers(value[key])
		return changed
	return value
