@tool
extends RefCounted
## The properties of a model's resource at one moment. Never changed after it was made, so that any thread may read it
## while the resource is edited or imported anew.

## One of ExecuTorchModelDescription.State.
var state: int = 0
## `{code, cause, remedy}` of a conversion that failed.
var error: Dictionary = {}
## Of the program that runs: for a variant, with what the variant's own entry says.
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
## All programs of the resource, the main one first: `{path, place, data, metadata, is_import}`.
var programs: Array[Dictionary] = []
## The index of the program that runs.
var chosen: int = 0
## Whether hashes in the metadata were written by this project's own import.
var is_trusted: bool = false
var resource_path: String = ""
var model_name: String = ""


func has_program() -> bool:
	return not payload_path.is_empty() or not model_data.is_empty()


## Equal for two versions that run the same program.
func get_program_identity() -> Array:
	return [state, payload_place, external_places, model_data.size(), description.get("version", "")]


## Equal for two versions that also run it in the same way.
func get_identity() -> Array:
	var how: Array = [memory_policy, memory_limit_bytes, optimization_level, error, metadata.hash()]
	return get_program_identity() + how


## A new version with the same values, to be changed by its maker.
func copy() -> RefCounted:
	var made: RefCounted = (get_script() as GDScript).new()
	for property: Dictionary in get_property_list():
		if int(property["usage"]) & PROPERTY_USAGE_SCRIPT_VARIABLE:
			made.set(property["name"] as String, get(property["name"] as String))
	return made
