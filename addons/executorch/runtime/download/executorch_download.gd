class_name ExecuTorchDownload
extends RefCounted
## Downloads a model or a resource pack into [code]user://[/code] and checks its hash.
##
## The download runs in the background. It continues after a broken connection and after a restart of the game, tries
## mirrors, and puts the file at its path only when the hash is right. A program is checked and tried when it is loaded,
## like every file that this project did not import.
## [codeblock]
## var download: ExecuTorchDownload = ExecuTorchDownload.start(
##         "https://example.com/policy.pte", SHA256, "user://models/policy.pte")
## download.progressed.connect(func(received: int, total: int) -> void: bar.value = 100.0 * received / maxi(total, 1))
## if await download.wait() == null:
##     $Brain.model_path = "user://models/policy.pte"
## else:
##     print(download.get_error())
## [/codeblock]

## Emitted ten times a second at most, and once at the end. [param total] is -1 while the size is not known.
signal progressed(received: int, total: int)
## Emitted once, at the earliest in the next frame. [param error] is [code]null[/code] when the file is in place.
signal finished(error: ExecuTorchError)
## For the addon: emitted once a frame while the download runs.
signal woken

const PartialFile := preload("partial_file.gd")
const HttpExchange := preload("http_exchange.gd")
const Address := preload("address.gd")
const _MOST_BYTES: int = 2 << 30
const _STALL_SECONDS: float = 30.0
const _PROGRESS_MSEC: int = 100
# In a row without a new byte.
const _MOST_ATTEMPTS: int = 3
const _MOST_REDIRECTS: int = 5
# Of a frame.
const _READ_BUDGET_USEC: int = 4000
# A step hashes 1 MiB at most.
const _LAST_STEPS: int = 64

# Downloads under way, by the path of their partial file. They hold themselves while they run.
static var _running: Dictionary[String, ExecuTorchDownload] = {}

var _urls: PackedStringArray = []
var _sha256: String = ""
var _path: String = ""
var _headers: PackedStringArray = []
var _most_bytes: int = _MOST_BYTES
var _stall_seconds: float = _STALL_SECONDS
var _file: PartialFile
var _total: int = -1
var _error: ExecuTorchError
var _is_finished: bool = false
var _is_cancelled: bool = false
var _told_msec: int = 0


## Starts a download of [param url] to [param path], which begins with [code]user://[/code], and returns it. The hash
## [param sha256] has 64 hexadecimal digits and is required. Nothing is downloaded when a file with this hash is at the
## path already. When the same download is under way, that one is returned.
## [br][br]
## [param options]: [code]mirrors[/code] ([PackedStringArray]), further addresses, tried in their order;
## [code]headers[/code] ([PackedStringArray]), such as [code]"Authorization: Bearer TOKEN"[/code], sent to the given
## hosts and not to those they redirect to; [code]max_bytes[/code] ([int], default 2 GiB); [code]stall_seconds[/code]
## ([float], default 30), how long a server may send nothing.
## [br][br]
## Addresses begin with [code]https://[/code]; [code]http://[/code] is accepted for this machine only.
static func start(url: String, sha256: String, path: String, options: Dictionary = {}) -> ExecuTorchDownload:
	var made: ExecuTorchDownload = ExecuTorchDownload.new()
	made._urls = PackedStringArray([url]) + PackedStringArray(options.get("mirrors", []) as Array)
	made._sha256 = sha256.to_lower()
	made._path = path
	made._headers = PackedStringArray(options.get("headers", []) as Array)
	made._most_bytes = int(options.get("max_bytes", _MOST_BYTES))
	made._stall_seconds = float(options.get("stall_seconds", _STALL_SECONDS))
	made._file = PartialFile.new(path, made._sha256)
	var other: ExecuTorchDownload = _running.get(made._file.place)
	if other != null and not other._is_cancelled:
		return other
	_running[made._file.place] = made
	made._run(other)
	return made


## Waits for the end. Returns [code]null[/code] when the file is in place, else the error.
func wait() -> ExecuTorchError:
	if not _is_finished:
		await finished
	return _error


## Stops the download. What was received stays for the next one.
func cancel() -> void:
	_is_cancelled = true


## Returns whether the download has ended, with a file or an error.
func is_finished() -> bool:
	return _is_finished


## Returns the error, or [code]null[/code].
func get_error() -> ExecuTorchError:
	return _error


## Returns the path that was given.
func get_path() -> String:
	return _path


## Returns the bytes received so far, with those of earlier runs.
func get_received_bytes() -> int:
	return _file.length


## Returns the size of the file; -1 while it is not known.
func get_total_bytes() -> int:
	return _total


# Begins when `earlier`, which was cancelled and has the partial file open, has ended.
func _run(earlier: ExecuTorchDownload) -> void:
	var tree: SceneTree = Engine.get_main_loop() as SceneTree
	tree.process_frame.connect(woken.emit)
	tree.root.tree_exiting.connect(_end_with_tree)
	await _next_frame()
	if earlier != null:
		await earlier.wait()
	_error = _cancelled() if _is_cancelled else _refusal()
	if _error == null and not await _is_there_already():
		_error = await _download()
	if _error == null:
		_tell_progress(true)
	_is_finished = true
	tree.process_frame.disconnect(woken.emit)
	tree.root.tree_exiting.disconnect(_end_with_tree)
	if _running.get(_file.place) == self:
		_running.erase(_file.place)
	finished.emit(_error)


func _refusal() -> ExecuTorchError:
	if not RegEx.create_from_string("^[0-9a-f]{64}$").search(_sha256):
		return _refused("The hash '%s' is not 64 hexadecimal digits." % _sha256, "Give the file's SHA-256.")
	if not _path.begins_with("user://") or _path.simplify_path() != _path or _path.get_file().is_empty():
		return _refused("A download cannot be put at '%s'." % _path, "Give a path that begins with user://.")
	for url: String in _urls:
		if not Address.of(url).is_allowed():
			return _refused(
				"'%s' does not begin with https:// or names no host." % url,
				"Give an address such as https://example.com/policy.pte."
			)
	for header: String in _headers:
		if header.contains("\n") or header.contains("\r") or not header.contains(":"):
			return _refused("A header is not 'NAME: VALUE'.", "Give each header on one line.")
	return null


func _is_there_already() -> bool:
	if not FileAccess.file_exists(_path):
		return false
	var found: String = await PartialFile.hash_of(_path, _next_frame)
	if found != _sha256:
		return false
	_total = PartialFile.Files.length_of(_path)
	_file.length = _total
	return true


# Address by address. The last error is the download's.
func _download() -> ExecuTorchError:
	var error: ExecuTorchError = null
	for url: String in _urls:
		var attempts: int = 0
		while attempts < _MOST_ATTEMPTS:
			var before: int = _file.length
			error = await _fetch(url)
			if error == null or error.code != ExecuTorchError.Code.DOWNLOAD_FAILED:
				break
			attempts = 0 if _file.length > before else attempts + 1
			await _pause(0.2 * (attempts + 1))
		if error == null or _is_final(error):
			return error
	return error


static func _is_final(error: ExecuTorchError) -> bool:
	return error.code in [ExecuTorchError.Code.CALL_CANCELLED, ExecuTorchError.Code.FILE_NOT_WRITTEN]


# One exchange with one address, from where the partial file ends.
func _fetch(url: String) -> ExecuTorchError:
	var status: Error = await _file.open(_next_frame)
	if status != OK:
		return _not_written(status)
	var exchange: HttpExchange = HttpExchange.new(_stall_seconds)
	var address: Address = Address.of(url)
	var headers: PackedStringArray = _headers
	for _redirect: int in _MOST_REDIRECTS + 1:
		var broken: String = await _open(exchange, address, headers)
		if not broken.is_empty():
			return _failed(url, broken)
		if not exchange.is_redirect():
			return await _receive(exchange, url)
		var next: Address = address.redirected(exchange.get_header("location"))
		if not address.may_lead_to(next):
			return _failed(url, "it redirects to an address that is not https://")
		# A token is for the host that it was given for.
		headers = headers if next.has_host_of(address) else PackedStringArray()
		address = next
	return _failed(url, "it redirects more than %d times" % _MOST_REDIRECTS)


# Sends the request and waits for the head of the answer. A text says what went wrong.
func _open(exchange: HttpExchange, address: Address, headers: PackedStringArray) -> String:
	var all: PackedStringArray = headers.duplicate()
	all.append("Accept-Encoding: identity")
	if _file.length > 0:
		all.append("Range: bytes=%d-" % _file.length)
	exchange.begin(address, all)
	while not exchange.has_head():
		if _is_cancelled:
			return "cancelled"
		await _next_frame()
		exchange.poll()
		if not exchange.problem.is_empty():
			return exchange.problem
	return ""


func _receive(exchange: HttpExchange, url: String) -> ExecuTorchError:
	var code: int = exchange.get_code()
	# The server has another file than the one that was begun, or no parts of files.
	if code == 416 or (code == 206 and not exchange.continues_at(_file.length)):
		_file.clear()
		return _failed(url, "it has no part of the file that begins at what was received")
	if code != 200 and code != 206:
		return _failed(url, "the server answered %d" % code)
	if code == 200:
		_file.clear()
	var continues: bool = _file.length > 0
	_total = _file.length + exchange.get_length() if exchange.get_length() >= 0 else -1
	var error: ExecuTorchError = await _read_body(exchange, url)
	return error if error != null else _put_in_place(url, continues)


func _read_body(exchange: HttpExchange, url: String) -> ExecuTorchError:
	while not exchange.is_over():
		if _is_cancelled:
			return _cancelled()
		if maxi(_total, _file.length) > _most_bytes:
			return _too_large(url)
		var status: Error = _read_for_a_frame(exchange)
		if status != OK:
			return _not_written(status)
		_tell_progress(false)
		await _next_frame()
	if not exchange.problem.is_empty():
		return _failed(url, exchange.problem)
	var is_short: bool = _file.length != _total if _total >= 0 else not exchange.is_complete()
	return _failed(url, "the connection ended early") if is_short else null


func _read_for_a_frame(exchange: HttpExchange) -> Error:
	var began: int = Time.get_ticks_usec()
	while not exchange.is_over() and Time.get_ticks_usec() - began < _READ_BUDGET_USEC:
		var chunk: PackedByteArray = exchange.read()
		if chunk.is_empty():
			break
		var status: Error = _file.append(chunk)
		if status != OK or _file.length > _most_bytes:
			return status
	return OK


func _put_in_place(url: String, continues: bool) -> ExecuTorchError:
	if _file.length > _most_bytes:
		return _too_large(url)
	var found: String = _file.finish()
	if found != _sha256:
		_file.remove()
		if continues:  # The part that was there may be the wrong one: begin anew.
			return _failed(url, "the part that was there does not belong to it")
		var what: String = "The file of %s has the hash %s, not %s." % [Address.of(url).shown(), found, _sha256]
		var remedy: String = "Check the hash and the address; nothing was kept."
		return ExecuTorchError.create(ExecuTorchError.Code.DOWNLOAD_WRONG_HASH, what, remedy)
	var status: Error = _file.put_in_place()
	return _not_written(status) if status != OK else null


func _tell_progress(is_last: bool) -> void:
	var now: int = Time.get_ticks_msec()
	if is_last or now - _told_msec >= _PROGRESS_MSEC:
		_told_msec = now
		progressed.emit(_file.length, _total)


func _next_frame() -> void:
	await woken


# The game quits: no frame follows. What waits for one would stay in memory.
func _end_with_tree() -> void:
	_is_cancelled = true
	for _step: int in _LAST_STEPS:
		if not _is_finished:
			woken.emit()


func _pause(seconds: float) -> void:
	var until: int = Time.get_ticks_msec() + int(1000 * seconds)
	while Time.get_ticks_msec() < until and not _is_cancelled:
		await _next_frame()


func _failed(url: String, why: String) -> ExecuTorchError:
	_file.close()
	if _is_cancelled:
		return _cancelled()
	var what: String = "%s could not be downloaded: %s." % [Address.of(url).shown(), why]
	var remedy: String = "Check the address and the connection, then start the download again: it continues."
	return ExecuTorchError.create(ExecuTorchError.Code.DOWNLOAD_FAILED, what, remedy)


func _cancelled() -> ExecuTorchError:
	_file.close()
	var remedy: String = "No action needed. The next download continues."
	return ExecuTorchError.create(ExecuTorchError.Code.CALL_CANCELLED, "The download was cancelled.", remedy)


func _too_large(url: String) -> ExecuTorchError:
	_file.remove()
	var what: String = "The file of %s is larger than %d bytes." % [Address.of(url).shown(), _most_bytes]
	return ExecuTorchError.create(ExecuTorchError.Code.DOWNLOAD_TOO_LARGE, what, "Raise the option max_bytes.")


func _not_written(status: Error) -> ExecuTorchError:
	_file.close()
	var what: String = "%s could not be written: %s." % [_path, error_string(status)]
	var remedy: String = "Free space and check the permissions of the folder."
	return ExecuTorchError.create(ExecuTorchError.Code.FILE_NOT_WRITTEN, what, remedy)


static func _refused(what: String, remedy: String) -> ExecuTorchError:
	return ExecuTorchError.create(ExecuTorchError.Code.DOWNLOAD_REFUSED, what, remedy)
