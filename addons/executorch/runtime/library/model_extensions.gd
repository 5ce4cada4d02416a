@tool
extends RefCounted
## The extensions of the files that hold models: the only list in GDScript. importer/sources/file_kind.py has Python's.

const ALL: PackedStringArray = ["pt", "pt2", "pth", "ckpt", "safetensors", "onnx", "pte"]
## The same for a file dialog.
const FILTER: String = "*.pt,*.pt2,*.pth,*.ckpt,*.safetensors,*.onnx,*.pte"


## Whether a path ends like a model file.
static func is_model(path: String) -> bool:
	return path.get_extension().to_lower() in ALL
