@tool
extends RefCounted
## Facts of a model, read from its metadata. Every field of the metadata may be absent.

const LibraryCheck := preload("library_check.gd")
const OperatorNames := preload("operator_names.gd")
## Kinds whose names are spelt in a way of their own.
const KINDS: Dictionary[String, String] = {
	"pte": "ExecuTorch program", "torchscript": "TorchScript", "onnx": "ONNX", "safetensors": "safetensors"
}

var metadata: Dictionary = {}


func _init(known: Dictionary = {}) -> void:
	metadata = known


## The model's name in the metadata, or else the file's name.
func get_name(path: String) -> String:
	var named: String = str(metadata.get("name", ""))
	return named if not named.is_empty() else path.get_file().get_basename()


## The kind of the source file as the metadata names it; empty when unknown.
func get_kind_id() -> String:
	return str(get_section("source").get("kind", ""))


## "Exported program", "State dict"; empty when unknown.
func get_kind() -> String:
	var kind: String = get_kind_id()
	return KINDS.get(kind, kind.capitalize())


func get_recipe() -> String:
	return str(metadata.get("recipe", ""))


## "macOS and iOS": the only systems that run the program; empty when all do.
func get_systems() -> String:
	var tags: Variant = metadata.get("systems", [])
	var names: PackedStringArray = []
	for tag: Variant in tags as Array if tags is Array else []:
		names.append(LibraryCheck.platform_of(str(tag)))
	return " and ".join(names)


## Whether the program's results were compared with those of the PyTorch model.
func is_proved() -> bool:
	return not get_section("accuracy").is_empty()


## Bytes of the file that the person gave; 0 when unknown.
func get_source_bytes() -> int:
	return int(get_section("source").get("size", 0))


## Bytes of the program and its external weights; 0 when unknown.
func get_payload_bytes() -> int:
	var bytes: int = int(get_section("payload").get("size", 0))
	for file: Variant in get_section("payload").get("external", []) as Array:
		bytes += int((file as Dictionary).get("size", 0))
	return bytes


## The warning about the results of a model that was converted, `{title, cause, remedy, needs_samples}`, or empty.
func get_warning() -> Dictionary:
	if metadata.get("unproved", false):
		return {
			"title": "Not verified",
			"cause":
			(
				"This conversion is not signed with a key of this machine. The program was checked and tried in a child "
				+ "process, but its results were not compared with those of the PyTorch model."
			),
			"remedy": "Import the file again on a machine with Python.",
		}
	var systems: String = get_systems()
	if not systems.is_empty() and not is_proved():
		return {
			"title": "Not proved",
			"cause":
			(
				(
					"The program runs on %s only. Its results were not compared with those of the PyTorch model, and its time is "
					+ "not known."
				)
				% systems
			),
			"remedy":
			(
				"Compare the results on such a device. For all other systems, import with the recipe auto and %s as a variant."
				% get_recipe()
			),
		}
	var uncalibrated: PackedStringArray = []
	for variant: Dictionary in get_variants():
		var calibration: Variant = variant.get("calibration", {})
		if calibration is Dictionary and (calibration as Dictionary).get("made_up", false):
			uncalibrated.append(str(variant.get("recipe", "")))
	var is_main: bool = get_section("calibration").get("made_up", false)
	if not is_main and uncalibrated.is_empty():
		return {}
	var of: String = "" if is_main else " of the variant %s" % ", ".join(uncalibrated)
	return {
		"title": "Not calibrated",
		"cause": "The int8 ranges%s come from made-up inputs. On real inputs the results may be far off." % of,
		"remedy":
		"Choose a folder with 20 to 200 real inputs (images, .npy or .npz). The model is then converted again.",
		"needs_samples": true,
	}


func get_methods() -> Array[Dictionary]:
	return _dictionaries("methods")


## What is known of each variant.
func get_variants() -> Array[Dictionary]:
	return _dictionaries("variants")


func get_method_names() -> PackedStringArray:
	var names: PackedStringArray = []
	for method: Dictionary in get_methods():
		names.append(str(method.get("name", "")))
	return names


## A method by its name; empty when there is none.
func get_method(method_name: String) -> Dictionary:
	for method: Dictionary in get_methods():
		if method.get("name", "") == method_name:
			return method
	return {}


## A dictionary of the metadata such as "accuracy"; empty when absent.
func get_section(section: String) -> Dictionary:
	var found: Variant = metadata.get(section, {})
	return found if found is Dictionary else {}


## Who runs the operators of a method: `[{label, count, delegated, is_opaque}]`, delegates first. The operators of an
## opaque delegate cannot be counted; its count is that of its programs.
func get_delegation(method: Dictionary) -> Array[Dictionary]:
	var parts: Array[Dictionary] = []
	var by_backend: Dictionary = {}
	var opaque: Dictionary = {}
	for delegate: Variant in method.get("delegates", []) as Array:
		var backend: String = str((delegate as Dictionary).get("backend", ""))
		var count: int = _sum((delegate as Dictionary).get("operators", {}))
		by_backend[backend] = int(by_backend.get(backend, 0)) + maxi(count, 1)
		if count == 0:
			opaque[backend] = true
	for backend: String in by_backend:
		var title: String = get_backend_title(backend)
		var is_opaque: bool = opaque.has(backend)
		parts.append({"label": title, "count": by_backend[backend], "delegated": true, "is_opaque": is_opaque})
	var kernels: int = _sum(method.get("operators", {}))
	if kernels > 0:
		parts.append({"label": "Kernels", "count": kernels, "delegated": false, "is_opaque": false})
	return parts


## Share of the operators that a delegate runs, 0 to 1; -1 when unknown.
func get_delegated_share(method: Dictionary) -> float:
	var delegation: Variant = method.get("delegation", {})
	if delegation is Dictionary and (delegation as Dictionary).get("opaque", false):
		return -1.0
	if delegation is Dictionary and (delegation as Dictionary).has("share"):
		return float((delegation as Dictionary)["share"])
	var delegated: int = 0
	var total: int = 0
	for part: Dictionary in get_delegation(method):
		total += int(part["count"])
		delegated += int(part["count"]) if part["delegated"] else 0
	return float(delegated) / total if total > 0 else -1.0


## Operators that no delegate took: `[{operator, count, reason}]`, most calls first.
func get_left_behind(method: Dictionary) -> Array[Dictionary]:
	var rows: Array[Dictionary] = []
	var delegation: Variant = method.get("delegation", {})
	if delegation is Dictionary and (delegation as Dictionary).has("left_behind"):
		for row: Variant in (delegation as Dictionary)["left_behind"] as Array:
			if row is Dictionary:
				rows.append(row)
	elif not (method.get("delegates", []) as Array).is_empty():
		var operators: Dictionary = method.get("operators", {})
		for operator: String in operators:
			rows.append({"operator": operator, "count": int(operators[operator]), "reason": ""})
	rows.sort_custom(func(a: Dictionary, b: Dictionary) -> bool: return int(a.get("count", 0)) > int(b.get("count", 0)))
	return rows


## The memory of a method: `[{label, bytes, detail}]`.
func get_memory(method: Dictionary) -> Array[Dictionary]:
	var weights: int = int(metadata.get("constant_bytes", 0))
	var delegates: int = 0
	for delegate: Variant in method.get("delegates", []) as Array:
		delegates += int((delegate as Dictionary).get("bytes", 0))
	var program: int = maxi(get_payload_bytes() - weights - delegates, 0)
	var parts: Array[Dictionary] = []
	var buffers: Array = method.get("planned_memory", [])
	for index: int in buffers.size():
		var title: String = "Planned memory" if buffers.size() == 1 else "Planned buffer %d" % index
		parts.append({"label": title, "bytes": int(buffers[index]), "detail": "Activations between the operators."})
	parts.append({"label": "Weights", "bytes": weights, "detail": "Weights that the program's own operators use."})
	var of_delegates: String = "What delegates such as XNNPACK get: their instructions and the weights that they use."
	parts.append({"label": "Delegates", "bytes": delegates, "detail": of_delegates})
	parts.append({"label": "Program", "bytes": program, "detail": "Instructions and tables of the program."})
	return parts.filter(func(part: Dictionary) -> bool: return int(part["bytes"]) > 0)


## The sum of the parts of get_memory, in bytes.
func get_memory_total(method: Dictionary) -> int:
	var total: int = 0
	for part: Dictionary in get_memory(method):
		total += int(part["bytes"])
	return total


func _dictionaries(field: String) -> Array[Dictionary]:
	var found: Array[Dictionary] = []
	for entry: Variant in metadata.get(field, []) as Array:
		if entry is Dictionary:
			found.append(entry)
	return found


## "float32[1, 3, 224, 224]"-like text of a tensor's shape; a dimension that may change is a range.
static func shape_text(tensor: Dictionary) -> String:
	var shape: Array = tensor.get("shape", [])
	var ranges: Array = tensor.get("ranges", [])
	var words: PackedStringArray = []
	for index: int in shape.size():
		var range_of: Array = ranges[index] if index < ranges.size() and ranges[index] is Array else []
		if range_of.size() == 2 and int(range_of[0]) != int(range_of[1]):
			words.append("%d–%d" % [int(range_of[0]), int(range_of[1])])
		else:
			words.append(str(int(shape[index])))
	return "scalar" if words.is_empty() else " × ".join(words)


## "XNNPACK" for "XnnpackBackend".
static func get_backend_title(backend: String) -> String:
	return OperatorNames.backend_title(backend)


static func _sum(counts: Dictionary) -> int:
	var total: int = 0
	for count: Variant in counts.values():
		total += int(count)
	return total
