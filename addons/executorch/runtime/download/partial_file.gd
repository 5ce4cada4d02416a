extends RefCounted
## The part of a download that has arrived, beside its later path, with a running hash. It stays until the download is
## complete: the next one continues it.

const Files := preload("../library/atomic_file.gd")
const _CHUNK_BYTES: int = 1 << 20

## The path of the partial file. It names the hash: a part of another version is never continued.
var place: String
var length: int = 0

var _target: String
var _file: FileAccess
var _hash: HashingContext


func _init(target: String, sha256: String) -> void:
	_target = target
	place = "%s.%s.part" % [target, sha256.left(16).validate_filename()]


## The SHA-256 of a file; `next_frame` is awaited between its pieces.
static func hash_of(path: String, next_frame: Callable) -> String:
	var context: HashingContext = HashingContext.new()
	context.start(HashingContext.HASH_SHA256)
	var file: FileAccess = FileAccess.open(path, FileAccess.READ)
	if file != null:
		await _hash_rest(file, context, next_frame)
	return context.finish().hex_encode()


## Opens what is there and hashes it, a piece a frame.
func open(next_frame: Callable) -> Error:
	DirAccess.make_dir_recursive_absolute(_target.get_base_dir())
	var is_new: bool = not FileAccess.file_exists(place)
	_file = FileAccess.open(place, FileAccess.WRITE_READ if is_new else FileAccess.READ_WRITE)
	if _file == null:
		return FileAccess.get_open_error()
	_start_hash()
	await _hash_rest(_file, _hash, next_frame)
	length = _file.get_position()
	return OK


func append(bytes: PackedByteArray) -> Error:
	_file.store_buffer(bytes)
	if _file.get_error() != OK:
		return ERR_FILE_CANT_WRITE
	_hash.update(bytes)
	length += bytes.size()
	return OK


## Begins anew, with an empty file.
func clear() -> void:
	_file.resize(0)
	_file.seek(0)
	length = 0
	_start_hash()


## The SHA-256 of all that arrived.
func finish() -> String:
	_file.flush()
	return _hash.finish().hex_encode()


## Renames the file to its path. A full disk is noticed only by the length of the written file.
func put_in_place() -> Error:
	close()
	if Files.length_of(place) != length:
		return ERR_FILE_CANT_WRITE
	return DirAccess.rename_absolute(ProjectSettings.globalize_path(place), ProjectSettings.globalize_path(_target))


func remove() -> void:
	close()
	DirAccess.remove_absolute(place)
	length = 0


func close() -> void:
	_file = null


func _start_hash() -> void:
	_hash = HashingContext.new()
	_hash.start(HashingContext.HASH_SHA256)


static func _hash_rest(file: FileAccess, context: HashingContext, next_frame: Callable) -> void:
	while file.get_position() < file.get_length():
		context.update(file.get_buffer(_CHUNK_BYTES))
		await next_frame.call()
