@tool
extends RefCounted
## Reads the properties of a `.res` file without loading it: ResourceLoader would run a script that is embedded in it.
## The format is that of Godot 4's ResourceFormatSaverBinary.

const MAX_DEPTH: int = 64
const MAX_BYTES: int = 1 << 31
## A resource that is packed better than this holds nothing but repetition.
const SMALL_BYTES: int = 64 << 20
const MAX_RATIO: int = 200
const _USES_UIDS: int = 2
const _HAS_SCRIPT_CLASS: int = 8
const _RESERVED_BYTES: int = 11 * 4

var _bytes: StreamPeerBuffer = StreamPeerBuffer.new()
var _strings: PackedStringArray = []
var _real_bytes: int = 4
var _base: int = 0
var _failed: bool = false
var _depth: int = 0
# The number of a type in the file to its reader.
var _readers: Dictionary[int, Callable] = {
	1: _nothing,
	2: _bool,
	3: _int,
	4: _float,
	5: _text,
	24: _skip_object,
	26: _dictionary,
	30: _array,
	31: _packed_bytes,
	32: _packed_int32,
	33: _packed_float32,
	34: _packed_strings,
	40: _int64,
	41: _double,
	44: _string_name,
	48: _packed_int64,
	49: _packed_float64,
}


## The properties of the file's main resource by their names, those in `wanted` only; null when it cannot be read.
static func read(data: PackedByteArray, wanted: PackedStringArray) -> Variant:
	var reader: RefCounted = new()
	if data.size() < 16 or data.slice(0, 4).get_string_from_ascii() != "RSCC":
		return reader._read(data, wanted)
	# Positions in a compressed file are those of the decompressed data, without the magic number before it.
	reader._base = 4
	return reader._read(_unpacked(data), wanted)


## The bytes of a file that was saved compressed. Empty when they cannot be unpacked.
static func _unpacked(data: PackedByteArray) -> PackedByteArray:
	var mode: int = data.decode_u32(4)
	var block: int = data.decode_u32(8)
	var total: int = data.decode_u32(12)
	var count: int = floori(float(total) / maxi(block, 1)) + 1
	var place: int = 16 + count * 4
	var whole: PackedByteArray = "RSRC".to_ascii_buffer()
	if total > SMALL_BYTES + MAX_RATIO * data.size():
		return PackedByteArray()
	if total > MAX_BYTES or block < 1 or place > data.size() or mode > FileAccess.COMPRESSION_GZIP:
		return PackedByteArray()
	for index: int in count:
		var size: int = data.decode_u32(16 + index * 4)
		var part: PackedByteArray = data.slice(place, place + size)
		var length: int = mini(block, total - index * block)
		if length > 0:
			whole.append_array(part.decompress(length, mode))
		place += size
	return whole


func _read(data: PackedByteArray, wanted: PackedStringArray) -> Variant:
	_bytes.data_array = data
	if data.size() < 64 or data.slice(0, 4).get_string_from_ascii() != "RSRC":
		return null
	_bytes.seek(4)
	var is_big_endian: bool = _number() != 0
	_real_bytes = 8 if _number() != 0 else 4
	_skip(3 * 4)
	_text()
	_skip(8)
	var flags: int = _number()
	_skip(8)
	if flags & _HAS_SCRIPT_CLASS:
		_text()
	_skip(_RESERVED_BYTES)
	for index: int in _count(4):
		_strings.append(_text())
	for index: int in _count(8):
		_text()
		_text()
		_skip(8 if flags & _USES_UIDS else 0)
	var main: int = -1
	for index: int in _count(12):
		_text()
		main = _bytes.get_64() if _has(8) else -1
	if is_big_endian or _failed or main < 0 or main + _base >= data.size():
		return null
	_bytes.seek(main + _base)
	_text()
	var properties: Dictionary = {}
	for index: int in _count(8):
		var name: String = _name()
		var value: Variant = _value()
		if name in wanted:
			properties[name] = value
	if _failed:
		return null
	return properties


func _value() -> Variant:
	var kind: int = _number()
	if not _readers.has(kind) or _depth >= MAX_DEPTH:
		_failed = true
	if _failed:
		return null
	_depth += 1
	var value: Variant = (_readers[kind] as Callable).call()
	_depth -= 1
	return value


func _nothing() -> Variant:
	return null


func _bool() -> bool:
	return _number() != 0


func _int() -> int:
	return _bytes.get_32() if _has(4) else 0


func _int64() -> int:
	return _bytes.get_64() if _has(8) else 0


func _float() -> float:
	return _double() if _real_bytes == 8 else _float32()


func _float32() -> float:
	return _bytes.get_float() if _has(4) else 0.0


func _double() -> float:
	return _bytes.get_double() if _has(8) else 0.0


func _string_name() -> StringName:
	return StringName(_text())


func _dictionary() -> Dictionary:
	var dictionary: Dictionary = {}
	for index: int in _count(8):
		var key: Variant = _value()
		dictionary[key] = _value()
		if _failed:
			break
	return dictionary


func _array() -> Array:
	var array: Array = []
	for index: int in _count(4):
		array.append(_value())
		if _failed:
			break
	return array


func _packed_bytes() -> PackedByteArray:
	var count: int = _count(1)
	var bytes: PackedByteArray = _raw(count)
	_skip((4 - count % 4) % 4)
	return bytes


func _packed_int32() -> PackedInt32Array:
	return _raw(_count(4) * 4).to_int32_array()


func _packed_int64() -> PackedInt64Array:
	return _raw(_count(8) * 8).to_int64_array()


func _packed_float32() -> PackedFloat32Array:
	return _raw(_count(4) * 4).to_float32_array()


func _packed_float64() -> PackedFloat64Array:
	return _raw(_count(8) * 8).to_float64_array()


func _packed_strings() -> PackedStringArray:
	var strings: PackedStringArray = []
	for index: int in _count(4):
		strings.append(_text())
	return strings


## The script, and whatever else is an object: never loaded.
func _skip_object() -> Variant:
	match _number():
		0:
			pass
		1:
			_text()
			_text()
		2, 3:
			_number()
		_:
			_failed = true
	return null


func _name() -> String:
	var index: int = _number()
	if index & 0x80000000:
		return _raw(index & 0x7FFFFFFF).get_string_from_utf8()
	if index >= _strings.size():
		_failed = true
		return ""
	return _strings[index]


func _text() -> String:
	return _raw(_number()).get_string_from_utf8()


## How many entries of at least `bytes` each follow; 0 when the file is too short for them.
func _count(bytes: int) -> int:
	var count: int = _number() & 0x7FFFFFFF
	return count if _has(count * bytes) else 0


func _number() -> int:
	return _bytes.get_u32() if _has(4) else 0


func _raw(size: int) -> PackedByteArray:
	if size == 0 or not _has(size):
		return PackedByteArray()
	return _bytes.get_data(size)[1]


func _skip(size: int) -> void:
	if _has(size):
		_bytes.seek(_bytes.get_position() + size)


func _has(size: int) -> bool:
	_failed = _failed or size < 0 or _bytes.get_position() + size > _bytes.get_size()
	return not _failed
