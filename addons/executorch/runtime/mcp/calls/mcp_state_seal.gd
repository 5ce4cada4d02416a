@tool
extends RefCounted
## Signs the state that a client stores between the rounds of one request, so that it can neither change it nor use it
## for another request.

const LIFETIME_SECONDS: int = 900
const Access = preload("../http/mcp_access.gd")
const JsonText = preload("../json/json_text.gd")

var _key: PackedByteArray = Crypto.new().generate_random_bytes(32)


## `purpose` names the request that the state belongs to.
func seal(state: Dictionary, purpose: String) -> String:
	var content: Dictionary = {
		"state": state,
		"purpose": purpose.sha256_text(),
		"until": int(Time.get_unix_time_from_system()) + LIFETIME_SECONDS,
		"nonce": Crypto.new().generate_random_bytes(8).hex_encode(),
	}
	var payload: String = Marshalls.utf8_to_base64(JsonText.encode(content))
	return payload + "." + _sign(payload)


## `{state}`, or empty when the text was not sealed here for this purpose, or too long ago.
func open(text: String, purpose: String) -> Dictionary:
	var payload: String = text.get_slice(".", 0)
	if text.get_slice_count(".") != 2 or not Access.is_same_secret(_sign(payload), text.get_slice(".", 1)):
		return {}
	var decoded: Dictionary = JsonText.decode(Marshalls.base64_to_raw(payload), 64)
	if not decoded.get("value") is Dictionary:
		return {}
	var content: Dictionary = decoded["value"]
	if content["purpose"] != purpose.sha256_text() or content["until"] < Time.get_unix_time_from_system():
		return {}
	return {"state": content["state"]}


func _sign(payload: String) -> String:
	return Crypto.new().hmac_digest(HashingContext.HASH_SHA256, _key, payload.to_ascii_buffer()).hex_encode()
