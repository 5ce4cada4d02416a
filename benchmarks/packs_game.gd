class_name PacksGame
extends SceneTree
## Times how a game gets one program out of a PCK and out of a ZIP: `-- MODEL FOLDER`. Makes the packs in FOLDER.
## Prints one line `bench: {json}`, milliseconds.

const ROUNDS: int = 5
const BLOCK: int = 1 << 20


func _init() -> void:
	var arguments: PackedStringArray = OS.get_cmdline_user_args()
	var source: String = arguments[0]
	var pck: String = arguments[1].path_join("bench.pck")
	var zip: String = arguments[1].path_join("bench.zip")
	if (
		not _pack(source, pck, zip)
		or not (ProjectSettings.load_resource_pack(pck) and ProjectSettings.load_resource_pack(zip))
	):
		printerr("the packs were not made")
		quit(1)
		return
	var sha256: String = FileAccess.get_sha256(source)
	var found: Dictionary = {
		"bytes": FileAccess.get_size(source),
		"pck": _load("res://in_pck/model.pte", sha256),
		"zip": _load("res://in_zip/model.pte", sha256),
		"pck_read": _read("res://in_pck/model.pte"),
		"zip_read": _read("res://in_zip/model.pte"),
	}
	print("bench: ", JSON.stringify(found))
	quit()


func _pack(source: String, pck: String, zip: String) -> bool:
	var packer: PCKPacker = PCKPacker.new()
	if packer.pck_start(pck) != OK or packer.add_file("res://in_pck/model.pte", source) != OK or packer.flush() != OK:
		return false
	var zipper: ZIPPacker = ZIPPacker.new()
	if zipper.open(zip) != OK or zipper.start_file("in_zip/model.pte") != OK:
		return false
	return zipper.write_file(FileAccess.get_file_as_bytes(source)) == OK and zipper.close() == OK


## The fastest of some rounds, as an imported program is loaded: its hash is known and checked.
func _load(path: String, sha256: String) -> float:
	var best: float = INF
	for round_number: int in ROUNDS:
		var module: Variant = ClassDB.instantiate(&"ExecuTorchModule")
		var options: Dictionary = {"sha256": sha256}
		var begun: int = Time.get_ticks_usec()
		var status: int = module.load_from_stream(FileAccess.open(path, FileAccess.READ), options)
		if status != 0:
			printerr(module.get_last_error())
			return -1.0
		best = minf(best, (Time.get_ticks_usec() - begun) / 1000.0)
	return best


## The fastest of some rounds of reading the file once from its beginning to its end.
func _read(path: String) -> float:
	var best: float = INF
	for round_number: int in ROUNDS:
		var begun: int = Time.get_ticks_usec()
		var file: FileAccess = FileAccess.open(path, FileAccess.READ)
		while file.get_position() < file.get_length():
			file.get_buffer(mini(BLOCK, file.get_length() - file.get_position()))
		best = minf(best, (Time.get_ticks_usec() - begun) / 1000.0)
	return best
