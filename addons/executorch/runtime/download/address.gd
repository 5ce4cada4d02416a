extends RefCounted
## An address of the web: scheme, host, port and path.

const Address := preload("address.gd")
const _LOOPBACK: PackedStringArray = ["127.0.0.1", "localhost", "[::1]"]

static var _form: RegEx = RegEx.create_from_string(
	"^(https?)://(\\[[0-9a-fA-F:]+\\]|[^/:?#@\\s]+)(:\\d{1,5})?(/[^#\\s]*)?(#.*)?$"
)

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


## Where the header Location of an answer leads to.
func redirected(location: String) -> Address:
	if location.begins_with("/") and not location.begins_with("//"):
		return of("%s://%s:%d%s" % [scheme, host, port, location])
	return of(location)


## For messages: without the query, which may hold a secret.
func shown() -> String:
	return "%s://%s%s" % [scheme, host, path.get_slice("?", 0)]
