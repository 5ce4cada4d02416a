extends "res://tests/case.gd"
## Resources and programs from outside of the project: their data is read, and nothing of them runs before it was tried.

const ResourceBinary := preload("res://addons/executorch/runtime/loading/resource_binary.gd")
const ResourceText := preload("res://addons/executorch/runtime/loading/resource_text.gd")
const CANARY: String = "user://canary.txt"
const SCRIPT: String = """
@tool
extends Resource
func _init() -> void:
	FileAccess.open(\\"user://canary.txt\\", FileAccess.WRITE).store_string(\\"it ran\\")
"""
const HEAD: String = '[gd_resource type="Resource" format=3]\n\n'
const EMBEDDED: String = '[sub_resource type="GDScript" id="1"]\nscript/source = "%s"\n\n'


func test_a_resource_with_a_script_runs_nothing() -> void:
	expect_error("PAYLOAD_MISSING")
	expect_error("MODEL_EMPTY")
	for body: String in [
		'[resource]\nscript = SubResource("1")\nstate = 2\n',
		'[resource]\nmetadata = {"a": SubResource("1")}\n',
		'[resource]\nmetadata = {"a": Object(GDScript,"script/source":"%s")}\n' % SCRIPT,
		'[resource]\nmetadata = {"a": Resource("res://models/linear.pt")}\n',
		_in_comments(),
		"[resource]\nmetadata = {%s}\n" % ('"a": %s%s' % ["[".repeat(200_000), "]".repeat(200_000)]),
		"[resource]\nmetadata = {%s}\n" % ('"a": %s%s' % ["Array(".repeat(5000), ")".repeat(5000)]),
		"[resource]\nstate = %s\n" % "[]".repeat(1_200_000),
	]:
		_write("user://hostile.tres", (HEAD + EMBEDDED % SCRIPT + body).to_utf8_buffer())
		var model: ExecuTorchResource = ExecuTorchResource.new()
		check_equal(model.load_from_file("user://hostile.tres"), FAILED, body)
		check(not ExecuTorchRuntime.new().load_model_from_file("user://hostile.tres"), body)
		var node: ExecuTorchNode = ExecuTorchNode.new()
		node.model_path = "user://hostile.tres"
		check(not node.load_model(), body)
		node.free()
	# A path that begins like one of the project.
	var around: String = (
		"res://.."
		+ ProjectSettings.globalize_path("user://hostile.tres").trim_prefix(
			ProjectSettings.globalize_path("res://").trim_suffix("/").get_base_dir()
		)
	)
	check_equal(ExecuTorchResource.new().load_from_file(around), FAILED)
	check(not FileAccess.file_exists(CANARY), "its script did not run")


## In Godot's text format a semicolon begins a comment, in which a quote begins no text: a reader that does not know it
## takes what is between two comments for a text.
func _in_comments() -> String:
	var parts: PackedStringArray = [
		"Object(Node, ", '"script": ', "Object(GDScript, ", '"script/source": "%s"' % SCRIPT, "))"
	]
	parts[3] = parts[3].replace("extends Resource", "extends Node")
	var hidden: String = ""
	for part: String in parts:
		hidden += part if part.contains('"') else '; "\n%s; "\n' % part
	return '[resource]\nmetadata = {"a": %s}\n' % hidden


func test_a_packed_resource_that_is_much_larger_than_its_file_is_refused() -> void:
	var block: PackedByteArray = []
	block.resize(1 << 16)
	var packed: PackedByteArray = block.compress(FileAccess.COMPRESSION_ZSTD)
	var blocks: int = 20_000
	var data: PackedByteArray = "RSCC".to_ascii_buffer()
	data.resize(16 + (blocks + 1) * 4)
	data.encode_u32(4, FileAccess.COMPRESSION_ZSTD)
	data.encode_u32(8, block.size())
	data.encode_u32(12, blocks * block.size())
	for index: int in blocks:
		data.encode_u32(16 + index * 4, packed.size())
	for index: int in blocks:
		data.append_array(packed)
	var before: int = OS.get_static_memory_peak_usage()
	check_equal(ResourceBinary.read(data, ["metadata"]), null)
	check(OS.get_static_memory_peak_usage() - before < 256 << 20, "it was unpacked")


func test_a_binary_resource_with_a_script_runs_nothing() -> void:
	expect_error("MODEL_EMPTY")
	var script: GDScript = GDScript.new()
	script.source_code = SCRIPT.c_unescape()
	var hostile: Resource = Resource.new()
	check_equal(script.reload(), OK)
	hostile.set_script(script)
	DirAccess.remove_absolute(CANARY)
	check_equal(ResourceSaver.save(hostile, "user://hostile.res", ResourceSaver.FLAG_BUNDLE_RESOURCES), OK)
	var model: ExecuTorchResource = ExecuTorchResource.new()
	check_equal(model.load_from_file(ProjectSettings.globalize_path("user://hostile.res")), FAILED)
	check(not FileAccess.file_exists(CANARY), "its script did not run")


func test_saved_resources_are_read() -> void:
	var source: ExecuTorchResource = _model("linear.pt")
	check_equal(source.save_to_file("user://saved.tres"), OK)
	check_equal(source.save_to_file("user://saved.res"), OK)
	var packed: ExecuTorchResource = load("user://saved.res")
	check_equal(ResourceSaver.save(packed, "user://packed.res", ResourceSaver.FLAG_COMPRESS), OK)
	for path: String in ["user://saved.tres", "user://saved.res", "user://packed.res"]:
		var model: ExecuTorchResource = ExecuTorchResource.new()
		check_equal(model.load_from_file(ProjectSettings.globalize_path(path)), OK, path)
		check_near(model.forward_array([2.0]), [7.0])
		check_equal(model.metadata.hash(), packed.metadata.hash(), path)
		check_equal(model.get_model_data(), source.get_model_data(), path)


func test_a_program_beside_its_resource() -> void:
	expect_error("PATH_NOT_ALLOWED")
	var source: ExecuTorchResource = _model("linear.pt")
	var folder: String = ProjectSettings.globalize_path("user://artifact")
	DirAccess.make_dir_recursive_absolute(folder)
	_write("user://artifact/model.pte", source.get_model_data())
	var text: String = HEAD + '[resource]\npayload_path = "%s"\nmetadata = {\n"name": "lin] = [ear"\n}\n'
	_write("user://artifact/model.tres", (text % "model.pte").to_utf8_buffer())
	var model: ExecuTorchResource = ExecuTorchResource.new()
	check_equal(model.load_from_file(folder.path_join("model.tres")), OK)
	check_near(model.forward_array([2.0]), [7.0])
	check_equal(model.get_model_name(), "lin] = [ear")
	for outside: String in ["../saved.pte", "/etc/passwd", "sub/../../saved.pte"]:
		_write("user://artifact/outside.tres", (text % outside).to_utf8_buffer())
		check_equal(model.load_from_file(folder.path_join("outside.tres")), FAILED, outside)
		check_equal(model.get_last_error().code_name, "PATH_NOT_ALLOWED", outside)


func test_damaged_resources_are_refused() -> void:
	var source: ExecuTorchResource = _model("linear.pt")
	check_equal(source.save_to_file("user://whole.res"), OK)
	var whole: PackedByteArray = FileAccess.get_file_as_bytes("user://whole.res")
	var wanted: PackedStringArray = ["metadata", "model_data", "state"]
	check(ResourceBinary.read(whole, wanted) is Dictionary, "the whole file is read")
	var random: RandomNumberGenerator = RandomNumberGenerator.new()
	random.seed = 7
	for turn: int in 400:
		var damaged: PackedByteArray = whole.duplicate()
		for change: int in 3:
			damaged[random.randi_range(4, whole.size() - 1)] = random.randi_range(0, 255)
		ResourceBinary.read(damaged, wanted)
		ResourceBinary.read(whole.slice(0, random.randi_range(0, whole.size())), wanted)
	for text: String in [
		"", "[gd_resource ", '[gd_resource ]\n[resource]\nstate = "', "[gd_resource ]\n[resource]\nstate"
	]:
		ResourceText.read(text, wanted)


## Anybody can write the hash of a program beside it.
func test_a_hash_from_outside_does_not_vouch() -> void:
	var source: ExecuTorchResource = _model("linear.pt")
	_write("user://with_hash.pte", _untried(source.get_model_data()))
	var text: String = HEAD + '[resource]\npayload_path = "with_hash.pte"\nmetadata = {"payload": {"sha256": "%s"}}\n'
	_write("user://with_hash.tres", (text % FileAccess.get_sha256("user://with_hash.pte")).to_utf8_buffer())
	var before: int = _remembered()
	var model: ExecuTorchResource = ExecuTorchResource.new()
	check_equal(model.load_from_file("user://with_hash.tres"), OK)
	check_equal(_remembered(), before + 1, "the program was tried")
	check_equal((source.duplicate() as ExecuTorchResource).load_model(), OK)
	check_equal(_remembered(), before + 1, "what this project imported is not tried")
	expect_error("HASH_MISMATCH")
	_write("user://with_hash.tres", (text % "0".repeat(64)).to_utf8_buffer())
	check_equal(model.load_from_file("user://with_hash.tres"), FAILED)
	check_equal(model.get_last_error().code_name, "HASH_MISMATCH")


## Nor when it comes by way of a model that this project imported.
func test_a_hash_from_outside_borrows_no_trust() -> void:
	var imported: ExecuTorchResource = _model("linear.pt")
	check_equal(imported.load_model(), OK)
	var other: PackedByteArray = _untried(_model("policy.pt2").get_model_data())
	_write("user://other.pte", other)
	var bytes: String = ", ".join(Array(other).map(str))
	var text: String = HEAD + "[resource]\nstate = 2\nmodel_data = PackedByteArray(%s)\n" % bytes
	text += 'metadata = {"payload": {"sha256": "%s"}}\n' % FileAccess.get_sha256("user://other.pte")
	_write("user://embedded.tres", text.to_utf8_buffer())
	var before: int = _remembered()
	check_equal(imported.load_from_file("user://embedded.tres"), OK)
	check_equal(_remembered(), before + 1, "a program inside of a foreign resource was tried")

	var whole: ExecuTorchResource = _model("external_weights.pte")
	_write("user://weights.ptd", _untried(FileAccess.get_file_as_bytes(whole.external_paths[0])))
	text = HEAD + '[resource]\nstate = 2\npayload_path = "%s"\n' % whole.payload_path
	text += 'external_paths = PackedStringArray("weights.ptd")\nmetadata = {"payload": {"sha256": "%s", "external": '
	text += '[{"sha256": "%s"}]}}\n'
	text %= [FileAccess.get_sha256(whole.payload_path), FileAccess.get_sha256("user://weights.ptd")]
	_write("user://weights.tres", text.to_utf8_buffer())
	var model: ExecuTorchResource = ExecuTorchResource.new()
	check_equal(model.load_from_file("user://weights.tres"), OK)
	check_equal(_remembered(), before + 2, "foreign weights of the project's own program were tried")
	check_near(model.forward_array([2.0]), [7.0])


func test_a_refusal_is_remembered() -> void:
	expect_error("STRUCTURE_INVALID")
	var good: PackedByteArray = _model("linear.pt").get_model_data()
	var random: RandomNumberGenerator = RandomNumberGenerator.new()
	random.seed = 3
	var model: ExecuTorchResource = ExecuTorchResource.new()
	for turn: int in 300:
		var bad: PackedByteArray = good.duplicate()
		for change: int in 6:
			bad[random.randi_range(16, 600)] = random.randi_range(0, 255)
		_write("user://refused.pte", bad)
		expect_error("refused.pte")
		if model.load_from_file("user://refused.pte") != OK and model.get_last_error().code_name == "STRUCTURE_INVALID":
			break
	var first: ExecuTorchError = model.get_last_error()
	check(first.cause.contains("refused"), first.cause)
	check_equal(model.load_from_file("user://refused.pte"), FAILED)
	check(model.get_last_error() == first, "the same verdict, not another trial")


## The same with some bytes more at its end: what was tried in another test is not tried again.
func _untried(bytes: PackedByteArray) -> PackedByteArray:
	bytes.append_array(Crypto.new().generate_random_bytes(8))
	return bytes


func _write(path: String, bytes: PackedByteArray) -> void:
	var file: FileAccess = FileAccess.open(path, FileAccess.WRITE)
	file.store_buffer(bytes)
	file.close()


func _remembered() -> int:
	return FileAccess.get_file_as_string("user://executorch_tried_files.txt").split("\n", false).size()


func _model(file: String) -> ExecuTorchResource:
	return load("res://models/" + file)


## Times of change have whole seconds, and a mended file may have the size of the damaged one.
func test_a_mended_file_is_not_refused() -> void:
	expect_error("STRUCTURE_INVALID")
	var whole: ExecuTorchResource = _model("external_weights.pte")
	var weights: PackedByteArray = FileAccess.get_file_as_bytes(whole.external_paths[0])
	var damaged: PackedByteArray = weights.duplicate()
	damaged.encode_u64(24, 1 << 40)
	var model: ExecuTorchResource = ExecuTorchResource.new()
	model.payload_path = whole.payload_path
	model.external_paths = ["user://mended.ptd"]
	model.state = ExecuTorchResource.State.READY
	_write("user://mended.ptd", damaged)
	check_equal(model.forward_array([2.0]).size(), 0)
	check_equal(model.get_last_error().code_name, "STRUCTURE_INVALID")
	_write("user://mended.ptd", weights)
	check_equal(model.load_model(), OK)
	check_near(model.forward_array([2.0]), [7.0])
