@tool
extends RefCounted
## Which requests are accepted: only from this machine, only from pages of this machine, only with the token.

const PATH: String = "/mcp"
const MAX_REFUSALS_PER_SECOND: int = 20
const HttpRequest = preload("http_request.gd")
const HttpResponse = preload("http_response.gd")

static var _local: RegEx = RegEx.create_from_string("^(?:127\\.0\\.0\\.1|localhost|\\[::1\\])(?::([0-9]{1,5}))?$")
static var _local_origin: RegEx = RegEx.create_from_string(
	"^https?://(?:127\\.0\\.0\\.1|localhost|\\[::1\\])(?::[0-9]{1,5})?$"
)

var port: int = 0
## Empty = every program on this machine is accepted.
var token: String = ""

var _second: int = 0
var _refusals: int = 0


## The refusal of a request whose head was read, or null.
func check(request: HttpRequest) -> HttpResponse:
	if not is_local_host(request.header("host"), port):
		return HttpResponse.text(403, "This Host is not allowed.")
	if request.headers.has("origin") and not is_local_origin(request.header("origin")):
		return HttpResponse.text(403, "This Origin is not allowed.")
	if not _has_token(request):
		return _unauthorized()
	if request.path != PATH:
		return HttpResponse.text(404, "Not found; the endpoint is %s." % PATH)
	return _check_form(request)


func _check_form(request: HttpRequest) -> HttpResponse:
	if not request.method in ["POST", "GET", "DELETE"]:
		var refusal: HttpResponse = HttpResponse.text(405, "Use POST.")
		refusal.headers["Allow"] = "POST, GET, DELETE"
		return refusal
	# A page may send other types without a preflight request, so they are refused.
	if request.method == "POST" and not _is_json(request):
		return HttpResponse.text(415, "Send application/json.")
	return null


static func is_local_host(host: String, own_port: int) -> bool:
	var found: RegExMatch = _local.search(host.to_lower())
	if found == null:
		return false
	var named: String = found.get_string(1)
	return named.is_empty() or named.to_int() == own_port


static func is_local_origin(origin: String) -> bool:
	return _local_origin.search(origin.to_lower()) != null


## Compares in constant time, so that the time does not show how much was right.
static func is_same_secret(expected: String, given: String) -> bool:
	return Crypto.new().constant_time_compare(expected.sha256_buffer(), given.sha256_buffer())


func _has_token(request: HttpRequest) -> bool:
	if token.is_empty():
		return true
	var given: String = request.header("authorization")
	if given.left(7).to_lower() != "bearer ":
		return false
	return is_same_secret(token, given.substr(7).strip_edges())


func _unauthorized() -> HttpResponse:
	var second: int = Time.get_ticks_msec() / 1000.0 as int
	if second != _second:
		_second = second
		_refusals = 0
	_refusals += 1
	if _refusals > MAX_REFUSALS_PER_SECOND:
		return HttpResponse.text(429, "Too many wrong tokens.")
	var refusal: HttpResponse = HttpResponse.text(401, "Send the token: Authorization: Bearer TOKEN")
	refusal.headers["WWW-Authenticate"] = 'Bearer realm="executorch"'
	return refusal


static func _is_json(request: HttpRequest) -> bool:
	return request.header("content-type").get_slice(";", 0).strip_edges().to_lower() == "application/json"
