extends "res://tests/case.gd"
## ExecuTorchDownload against a real server that breaks, lies, stalls and redirects.

const Address := preload("res://addons/executorch/runtime/download/address.gd")
const BYTES: int = 1_000_000

static var _port: int = 0
static var _sha256: String = ""
static var _count: int = 0


func before_each() -> void:
	if _port > 0:
		return
	var random: RandomNumberGenerator = RandomNumberGenerator.new()
	random.seed = 5
	var data: PackedByteArray = PackedByteArray()
	data.resize(BYTES)
	for index: int in range(0, BYTES, 8):
		data.encode_u64(index, random.randi())
	_write("user://served.bin", data)
	_sha256 = FileAccess.get_sha256("user://served.bin")
	_port = await _serve("user://served.bin")


func test_a_file_is_put_in_place() -> void:
	var heard: Array[Vector2i] = []
	var download: ExecuTorchDownload = _start("ranges")
	download.progressed.connect(func(got: int, all: int) -> void: heard.append(Vector2i(got, all)))
	check(not download.is_finished(), "it runs in the background")
	check_equal(await download.wait(), null)
	check(download.is_finished() and download.get_error() == null, "finished")
	check_equal(FileAccess.get_sha256(download.get_path()), _sha256)
	check_equal([download.get_received_bytes(), download.get_total_bytes()], [BYTES, BYTES])
	check_equal(heard[-1], Vector2i(BYTES, BYTES))
	check_equal(_left_in("user://downloads"), [download.get_path().get_file()])
	check_equal(await download.wait(), null, "a second wait returns at once")


func test_a_file_that_is_there_is_not_asked_for() -> void:
	var first: ExecuTorchDownload = _start("ranges/once")
	check_equal(await first.wait(), null)
	var again: ExecuTorchDownload = _start("ranges/once", {}, first.get_path())
	check_equal(await again.wait(), null)
	check_equal(again.get_received_bytes(), BYTES)
	check_equal(await _times_asked("/ranges/once"), 1)


func test_two_of_the_same_are_one() -> void:
	var first: ExecuTorchDownload = _start("slow/same")
	check(_start("slow/same", {}, first.get_path()) == first, "the one that runs")
	check_equal(await first.wait(), null)
	check_equal(await _times_asked("/slow/same"), 1)


func test_it_continues_after_a_break() -> void:
	var download: ExecuTorchDownload = _start("breaks/file")
	check_equal(await download.wait(), null)
	check_equal(FileAccess.get_sha256(download.get_path()), _sha256)
	check(await _times_asked("/breaks/file") > 3, "with several connections")


func test_chunks_without_a_length() -> void:
	check_equal(await _start("chunks/whole").wait(), null)
	var broken: ExecuTorchDownload = _start("chunks/breaks")
	check_equal(await broken.wait(), null)
	check_equal(FileAccess.get_sha256(broken.get_path()), _sha256)
	check_equal(await _times_asked("/chunks/breaks"), 2, "it continues, and does not blame the hash")


func test_one_that_follows_a_cancelled_one() -> void:
	var first: ExecuTorchDownload = _start("slow/follows")
	while first.get_received_bytes() == 0:
		await get_tree().process_frame
	first.cancel()
	var second: ExecuTorchDownload = _start("ranges/follows", {}, first.get_path())
	var third: ExecuTorchDownload = _start("ranges/follows", {}, first.get_path())
	check(second != first and third == second, "a cancelled one is not the one that is asked for")
	check_equal((await first.wait()).code_name, "CALL_CANCELLED")
	check_equal(await second.wait(), null)
	check_equal(FileAccess.get_sha256(first.get_path()), _sha256)
	var before_it_began: ExecuTorchDownload = _start("slow/never")
	before_it_began.cancel()
	check_equal((await before_it_began.wait()).code_name, "CALL_CANCELLED")
	check_equal(await _times_asked("/slow/never"), 0)


func test_it_continues_where_an_earlier_one_ended() -> void:
	var download: ExecuTorchDownload = _start("slow/ended")
	await wait_until(func() -> bool: return download.get_received_bytes() > 0, 20.0)
	download.cancel()
	check_equal((await download.wait()).code_name, "CALL_CANCELLED")
	check(not FileAccess.file_exists(download.get_path()), "not in place")
	var before: int = download.get_received_bytes()
	check(before > 0 and before < BYTES, "a part: %d" % before)
	var next: ExecuTorchDownload = _start("ranges/ended", {}, download.get_path())
	check_equal(await next.wait(), null)
	check_equal(FileAccess.get_sha256(next.get_path()), _sha256)


func test_a_server_without_parts_begins_anew() -> void:
	for way: String in ["whole", "lies_about_the_part"]:
		var path: String = _next_path()
		_write(path + ".%s.part" % _sha256.left(16), PackedByteArray([1, 2, 3]))
		var download: ExecuTorchDownload = _start(way, {}, path)
		check_equal(await download.wait(), null, way)
		check_equal(FileAccess.get_sha256(path), _sha256)


func test_a_part_of_another_file_is_thrown_away() -> void:
	var path: String = _next_path()
	_write(path + ".%s.part" % _sha256.left(16), PackedByteArray([1, 2, 3]))
	check_equal(await _start("ranges/part", {}, path).wait(), null)
	check_equal(FileAccess.get_sha256(path), _sha256)
	check_equal(await _times_asked("/ranges/part"), 2)


func test_addresses_beside_the_first_one() -> void:
	check_equal(await _start("moved_beside/deep").wait(), null)
	var from: Address = Address.of("https://example.com:8443/a/b/c.pte?x=1")
	var places: Dictionary[String, String] = {
		"d.pte": "https://example.com/a/b/d.pte",
		"../d.pte": "https://example.com/a/d.pte",
		"/d.pte": "https://example.com/d.pte",
		"?y=2": "https://example.com/a/b/c.pte",
		"//example.org/d": "https://example.org/d",
		"http://127.0.0.1/d": "http://127.0.0.1/d",
	}
	for location: String in places:
		check_equal(from.redirected(location).shown(), places[location], location)
	check_equal([from.redirected("d.pte").port, from.redirected("//example.org/d").port], [8443, 443])
	check_equal(from.redirected("?y=2").path, "/a/b/c.pte?y=2")
	check(not from.may_lead_to(from.redirected("http://127.0.0.1/d")), "from the network to this machine")
	check(from.may_lead_to(from.redirected("//example.org/d")), "to another host")
	check(Address.of("http://127.0.0.1/a").may_lead_to(Address.of("http://localhost/a")), "on this machine")


func test_a_wrong_file_leaves_nothing() -> void:
	var download: ExecuTorchDownload = _start("lies")
	check_equal((await download.wait()).code_name, "DOWNLOAD_WRONG_HASH")
	check(
		not _left_in("user://downloads").any(
			func(file: String) -> bool: return file.begins_with(download.get_path().get_file())
		),
		"nothing is kept"
	)


func test_mirrors_are_tried_in_their_order() -> void:
	var mirrors: PackedStringArray = [_url("lies/m"), _url("ranges/m")]
	var download: ExecuTorchDownload = _start("missing/m", {"mirrors": mirrors})
	check_equal(await download.wait(), null)
	check_equal(await _times_asked("/lies/m"), 1)
	check_equal(await _times_asked("/missing/m"), 3)


func test_a_busy_server_is_asked_again() -> void:
	check_equal(await _start("busy/file").wait(), null)


func test_what_a_server_may_not_do() -> void:
	var ways: Dictionary[String, String] = {
		"missing": "404",
		"circle/file": "redirects more than 5 times",
		"moved_outside": "not https://",
		"stalls": "sent nothing for",
	}
	for way: String in ways:
		var error: ExecuTorchError = await _start(way, {"stall_seconds": 0.3}).wait()
		check_equal(error.code_name, "DOWNLOAD_FAILED", way)
		check(error.cause.contains(ways[way]), error.cause)
	var large: ExecuTorchDownload = _start("endless", {"max_bytes": 300_000})
	check_equal((await large.wait()).code_name, "DOWNLOAD_TOO_LARGE")
	var told: ExecuTorchDownload = _start("ranges", {"max_bytes": BYTES - 1})
	check_equal((await told.wait()).code_name, "DOWNLOAD_TOO_LARGE")
	check_equal(await _start("ranges", {"max_bytes": BYTES}).wait(), null)


func test_a_token_goes_to_its_host_only() -> void:
	var options: Dictionary = {"headers": PackedStringArray(["Authorization: Bearer abc"])}
	check_equal(await _start("needs_token", options).wait(), null)
	check_equal(await _start("moved", options).wait(), null, "the same host")
	check_equal(await _start("moved_away", options).wait(), null, "another host does not see it")
	check_equal((await _start("needs_token/x").wait()).code_name, "DOWNLOAD_FAILED")


func test_what_is_refused() -> void:
	var url: String = _url("ranges")
	var refused: Array[ExecuTorchDownload] = [
		ExecuTorchDownload.start("http://example.com/a.pte", _sha256, "user://a.pte"),
		ExecuTorchDownload.start("https://example.com:secret@example.com/a.pte", _sha256, "user://a.pte"),
		ExecuTorchDownload.start("file:///etc/passwd", _sha256, "user://b.pte"),
		ExecuTorchDownload.start(url, "abc", "user://c.pte"),
		ExecuTorchDownload.start(url, _sha256, "res://d.pte"),
		ExecuTorchDownload.start(url, _sha256, "user://../e.pte"),
		ExecuTorchDownload.start(url, _sha256, "user://f.pte", {"headers": ["A: b\r\nC: d"]}),
	]
	for download: ExecuTorchDownload in refused:
		check_equal((await download.wait()).code_name, "DOWNLOAD_REFUSED")
	var folder: ExecuTorchDownload = ExecuTorchDownload.start(url, _sha256, "user://served.bin/g.pte")
	check_equal((await folder.wait()).code_name, "FILE_NOT_WRITTEN")


func test_a_downloaded_program_runs() -> void:
	var program: PackedByteArray = (load("res://models/linear_portable.pte") as ExecuTorchResource).get_model_data()
	_write("user://program.pte", program)
	var port: int = await _serve("user://program.pte")
	var sha256: String = FileAccess.get_sha256("user://program.pte")
	var path: String = _next_path() + ".pte"
	var url: String = "http://127.0.0.1:%d/ranges" % port
	check_equal(await ExecuTorchDownload.start(url, sha256, path).wait(), null)
	var node: ExecuTorchNode = ExecuTorchNode.new()
	node.model_path = path
	add_child(node)
	check_near(node.predict([1.0]), [5.0])
	node.free()


func _start(way: String, options: Dictionary = {}, path: String = "") -> ExecuTorchDownload:
	return ExecuTorchDownload.start(_url(way), _sha256, path if not path.is_empty() else _next_path(), options)


func _url(way: String) -> String:
	return "http://127.0.0.1:%d/%s" % [_port, way]


func _next_path() -> String:
	_count += 1
	return "user://downloads/file%d" % _count


func _left_in(folder: String) -> Array:
	return Array(DirAccess.get_files_at(folder))


func _write(path: String, bytes: PackedByteArray) -> void:
	DirAccess.make_dir_recursive_absolute(path.get_base_dir())
	var file: FileAccess = FileAccess.open(path, FileAccess.WRITE)
	file.store_buffer(bytes)
	file.close()


# How often the server was asked for this path.
func _times_asked(path: String) -> int:
	var request: HTTPRequest = HTTPRequest.new()
	add_child(request)
	request.request(_url("count?") + path)
	var answer: Array = await request.request_completed
	request.queue_free()
	return (answer[3] as PackedByteArray).get_string_from_utf8().to_int()


# Starts a server for a file and returns its port. It ends with this process.
func _serve(path: String) -> int:
	var port_file: String = ProjectSettings.globalize_path(path + ".port")
	var script: String = OS.get_environment("EXECUTORCH_CHECKOUT").path_join("tests/download/server.py")
	var served: String = ProjectSettings.globalize_path(path)
	var python: String = OS.get_environment("EXECUTORCH_PYTHON")
	OS.create_process(python, [script, served, port_file, str(OS.get_process_id())])
	await wait_until(func() -> bool: return FileAccess.file_exists(port_file), 30.0)
	return FileAccess.get_file_as_string(port_file).to_int()
