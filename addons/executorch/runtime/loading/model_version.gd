@tool
extends RefCounted
## The properties of a model's resource at one moment. Never changed after it was made, so that any thread may read it
## while the resource is edited or imported anew.

## One of ExecuTorchModelDescription.State.
var state: int = 0
## `{code, cause, remedy}` of a conversion that failed.
var error: Dictionary = {}
var metadata: Dictionary = {}
## As the resource names it, for messages.
var payload_path: String = ""
## Where the program is; empty when there is none, and when its path is outside of the project.
var payload_place: String = ""
var external_paths: PackedStringArray = []
var external_places: PackedStringArray = []
var model_data: PackedByteArray = []
var memory_policy: int = 0
var memory_limit_bytes: int = 0
var optimization_level: int = 1
## Whether this project's own import made the program: its hashes can be trusted.
var is_imported: bool = false
## For messages: the file that the model came from.
var source_path: String = ""
## `{name, path, version, size, metadata}`, as sessions return it.
var description: Dictionary = {}


func has_program() -> bool:
	return not payload_path.is_empty() or not model_data.is_empty()


## Equal for two versions that run the same program.
func get_program_identity() -> Array:
	return [state, payload_place, external_places, model_data.size(), description.get("version", "")]


## Equal for two versions that also run it in the same way.
func get_identity() -> Array:
	var how: Array = [memory_policy, memory_limit_bytes, optimization_level, error, metadata.hash()]
	return get_program_identity() + how
