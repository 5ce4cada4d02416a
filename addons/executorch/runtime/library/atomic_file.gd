@tool
extends RefCounted
## Files that are written completely or not at all: under another name, flushed, and renamed. Any thread.


## Writes a text; OK, or why it could not be written.
static func write_text(path: String, text: String) -> Error:
	return write_bytes(path, text.to_utf8_buffer())


## Writes bytes; OK, or why they could not be written. `permissions` are FileAccess.UnixPermissionFlags that the file
## has before anything is in it; 0 leaves them to the system.
static func write_bytes(path: String, bytes: PackedByteArray, permissions: int = 0) -> Error:
	var unfinished: String = unfinished_of(path)
	var file: FileAccess = FileAccess.open(unfinished, FileAccess.WRITE)
	if file == null:
		return FileAccess.get_open_error()
	if permissions != 0:
		FileAccess.set_unix_permissions(unfinished, permissions)
	file.store_buffer(bytes)
	file.flush()
	var status: Error = file.get_error()
	file.close()
	# A full disk is noticed only by the length of the written file.
	if status == OK and length_of(unfinished) != bytes.size():
		status = ERR_FILE_CANT_WRITE
	return put_in_place(unfinished, path, status)


## The path at which a file is written before it is renamed; no other process or thread uses the same name.
static func unfinished_of(path: String) -> String:
	return "%s.%d-%d.tmp" % [path, OS.get_process_id(), OS.get_thread_caller_id()]


## Renames a written file to its path when `status` is OK, else removes it. Returns OK or an error.
static func put_in_place(unfinished: String, path: String, status: Error = OK) -> Error:
	if status == OK:
		status = DirAccess.rename_absolute(
			ProjectSettings.globalize_path(unfinished), ProjectSettings.globalize_path(path)
		)
	if status != OK:
		DirAccess.remove_absolute(unfinished)
	return status


## Bytes of a file; -1 when it cannot be read.
static func length_of(path: String) -> int:
	var file: FileAccess = FileAccess.open(path, FileAccess.READ)
	return file.get_length() if file != null else -1
