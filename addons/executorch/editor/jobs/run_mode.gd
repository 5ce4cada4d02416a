@tool
extends RefCounted
## Whether a person uses this editor, or a program waits for it to end.

const MAX_COMMAND_LINE_BYTES: int = 1 << 16

static var _known: bool = false
static var _waits: bool = false


## True for `--import`, exports and `--headless --quit`: conversions are waited for, and a failure ends the process with
## status 1.
static func waits() -> bool:
	if not _known:
		_waits = _find_out()
		_known = true
	return _waits


static func _find_out() -> bool:
	for argument: String in OS.get_cmdline_args():
		if argument.begins_with("--export-"):
			return true
	var arguments: PackedStringArray = _read_command_line()
	if arguments.has("--import"):
		return true
	var quits: bool = arguments.has("--quit") or arguments.has("--quit-after")
	return quits and DisplayServer.get_name() == "headless"


## The whole command line: Godot hides `--import` and `--quit` from scripts.
static func _read_command_line() -> PackedStringArray:
	var file: FileAccess = FileAccess.open("/proc/self/cmdline", FileAccess.READ)
	if file != null:
		var bytes: PackedByteArray = file.get_buffer(MAX_COMMAND_LINE_BYTES)
		for index: int in bytes.size():
			bytes[index] = 0x0A if bytes[index] == 0 else bytes[index]
		return bytes.get_string_from_utf8().split("\n", false)
	if DisplayServer.get_name() != "headless":
		return PackedStringArray()
	var output: Array = []
	if OS.get_name() == "Windows":
		var query: String = "(Get-CimInstance Win32_Process -Filter 'ProcessId=%d').CommandLine" % OS.get_process_id()
		OS.execute("powershell", ["-NoProfile", "-Command", query], output)
	else:
		OS.execute("ps", ["-o", "args=", "-p", str(OS.get_process_id())], output)
	return "".join(PackedStringArray(output)).replace("\n", " ").split(" ", false)
