@tool
extends RefCounted
## NumPy's `.npz`: arrays by name, as packed arrays with a shape. Dtypes of Godot's packed arrays are written and read;
## other files give an empty Dictionary. Nothing in such a file can run.

const AtomicFile := preload("res://addons/executorch/runtime/library/atomic_file.gd")
const MOST_BYTES: int = 256 << 20
const MOST_DIMENSIONS: int = 16
const MAGIC: PackedByteArray = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]
const SIZES: Dictionary[String, int] = {"<f4": 4, "<f8": 8, "<i4": 4, "<i8": 8, "|u1": 1, "|b1": 1}


## Writes `{name: {data: a packed array, shape: Array, dtype}}`; false when the file cannot be written.
static func write(path: String, arrays: Dictionary) -> bool:
	var packer: ZIPPacker = ZIPPacker.new()
	var unfinished: String = AtomicFile.unfinished_of(path)
	if packer.open(unfinished) != OK:
		return false
	var is_whole: bool = true
	for name: String in arrays:
		var bytes: PackedByteArray = _to_npy(arrays[name] as Dictionary)
		is_whole = (
			is_whole
			and packer.start_file(name + ".npy") == OK
			and packer.write_file(bytes) == OK
			and packer.close_file() == OK
		)
	is_whole = packer.close() == OK and is_whole
	return AtomicFile.put_in_place(unfinished, path, OK if is_whole else ERR_FILE_CANT_WRITE) == OK


## `{name: {data, shape}}` (with dtype for truth values), empty when the file is not a `.npz` or has a dtype that no
## packed array can hold.
static func read(path: String) -> Dictionary:
	var reader: ZIPReader = ZIPReader.new()
	var file: FileAccess = FileAccess.open(path, FileAccess.READ)
	if file == null or file.get_length() > MOST_BYTES or file.get_32() != 0x04034b50 or reader.open(path) != OK:
		return {}
	var arrays: Dictionary = {}
	for name: String in reader.get_files():
		var array: Dictionary = _from_npy(reader.read_file(name))
		if array.is_empty():
			return {}
		arrays[name.trim_suffix(".npy")] = array
	return arrays


static func _to_npy(array: Dictionary) -> PackedByteArray:
	var lengths: String = ""
	for length: int in array["shape"]:
		lengths += "%d, " % length
	var kind: String = "|b1" if array.get("dtype") == "bool" else _kind_of(array["data"])
	var header: String = "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }" % [kind, lengths]
	# Magic, version, length and header are a multiple of 64 bytes long.
	header = header.rpad(ceili((header.length() + 11) / 64.0) * 64 - 11) + "\n"
	var bytes: PackedByteArray = MAGIC.duplicate()
	bytes.append_array([1, 0, header.length() & 0xff, header.length() >> 8])
	bytes.append_array(header.to_ascii_buffer())
	bytes.append_array(_bytes_of(array["data"]))
	return bytes


static func _from_npy(bytes: PackedByteArray) -> Dictionary:
	if bytes.size() < 12 or bytes.slice(0, 6) != MAGIC:
		return {}
	var begin: int = 10 if bytes[6] == 1 else 12
	var length: int = bytes.decode_u16(8) if begin == 10 else bytes.decode_u32(8)
	var header: String = bytes.slice(begin, begin + length).get_string_from_ascii()
	var kind: String = header.get_slice("'descr':", 1).get_slice("'", 1)
	if not SIZES.has(kind) or not header.contains("'fortran_order': False"):
		return {}
	var shape: Array = []
	var count: int = 1
	for word: String in header.get_slice("'shape': (", 1).get_slice(")", 0).split(",", false):
		if not word.strip_edges().is_empty():
			shape.append(word.to_int())
			count *= word.to_int()
	var data: PackedByteArray = bytes.slice(begin + length)
	if shape.size() > MOST_DIMENSIONS or count < 0 or count * SIZES[kind] != data.size():
		return {}
	var array: Dictionary = {"data": _packed_of(kind, data), "shape": shape}
	if kind == "|b1":
		array["dtype"] = "bool"
	return array


static func _kind_of(data: Variant) -> String:
	match typeof(data):
		TYPE_PACKED_FLOAT64_ARRAY:
			return "<f8"
		TYPE_PACKED_INT32_ARRAY:
			return "<i4"
		TYPE_PACKED_INT64_ARRAY:
			return "<i8"
		TYPE_PACKED_BYTE_ARRAY:
			return "|u1"
	return "<f4"


static func _bytes_of(data: Variant) -> PackedByteArray:
	match typeof(data):
		TYPE_PACKED_BYTE_ARRAY:
			return data
		TYPE_PACKED_FLOAT64_ARRAY:
			return (data as PackedFloat64Array).to_byte_array()
		TYPE_PACKED_INT32_ARRAY:
			return (data as PackedInt32Array).to_byte_array()
		TYPE_PACKED_INT64_ARRAY:
			return (data as PackedInt64Array).to_byte_array()
	return (data as PackedFloat32Array).to_byte_array()


static func _packed_of(kind: String, bytes: PackedByteArray) -> Variant:
	match kind:
		"<f8":
			return bytes.to_float64_array()
		"<i4":
			return bytes.to_int32_array()
		"<i8":
			return bytes.to_int64_array()
		"<f4":
			return bytes.to_float32_array()
	return bytes
