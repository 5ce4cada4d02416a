extends RefCounted
## An address of the web: scheme, host, port and path.

const Address := preload("address.gd")
const _LOOPBACK: PackedStringArray = ["127.0.0.1", "localhost", "[::1]"]

static var _form: RegEx = RegEx.create_from_string(
	"^(https?)://(\\[[0-9a-fA-F:]+\\]|[^/:?#@\\s]+)(:\\d{1,5})?(/[^#\\s]*)?(#.*)?$"
)

static var _whole: RegEx = RegEx.create_from_string("^[A-Za-z][A-Za-z0-9+.-]*:")

var scheme: String = ""
var host: String = ""
var port: int = 0
## Path and query.
var path: String = "/"


## The parts of `url`; all empty when it is not an address.
static func of(url: String) -> Address:
	var made: Address = Address.new()
	var found: RegExMatch = _form.search(url)
	if found != null:
		made.scheme = found.get_string(1)
		made.host = found.get_string(2).to_lower()
		var given: String = found.get_string(3).trim_prefix(":")
		made.port = given.to_int() if not given.is_empty() else (443 if made.scheme == "https" else 80)
		made.path = found.get_string(4) if not found.get_string(4).is_empty() else "/"
	return made


## Whether what is read from there cannot be changed on its way: by TLS, or because it stays on this machine.
func is_allowed() -> bool:
	return scheme == "https" or (scheme == "http" and host in _LOOPBACK)


func is_encrypted() -> bool:
	return scheme == "https"


func has_host_of(other: Address) -> bool:
	return host == other.host and port == other.port and scheme == other.scheme


## Whether an answer of this address may lead to another one: not from the network to a server of this machine.
func may_lead_to(other: Address) -> bool:
	return other.is_allowed() and (other.is_encrypted() or not is_encrypted())


## Where the header Location of an answer leads to; it may be relative (RFC 3986, 5.2).
func redirected(location: String) -> Address:
	if _whole.search(location) != null:
		return of(location)
	if location.begins_with("//"):
		return of("%s:%s" % [scheme, location])
	var asked: String = path.get_slice("?", 0)
	var query: int = location.find("?")
	var target: String = location.left(query) if query >= 0 else location
	if target.is_empty():
		target = asked
	elif not target.begins_with("/"):
		target = asked.get_base_dir().path_join(target)
	var rest: String = location.substr(query) if query >= 0 else ""
	return of("%s://%s:%d%s%s" % [scheme, host, port, target.simplify_path(), rest])


## For messages: without the query, which may hold a secret.
func shown() -> String:
	return "%s://%s%s" % [scheme, host, path.get_slice("?", 0)]
