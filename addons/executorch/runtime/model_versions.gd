@tool
extends RefCounted
## Makes the versions that calls run on: the properties of a resource at one moment, with the program that its
## optimization level chooses.

const Choice := preload("loading/program_choice.gd")
const Files := preload("model_files.gd")
const ModelVersion := preload("loading/model_version.gd")
const Settings := preload("library/project_settings.gd")


## What a resource's properties say. `own_paths` may lie outside of the project. `is_foreign`: the properties are those
## of a file outside of the project, so hashes in them prove nothing.
static func describe(resource: ExecuTorchResource, own_paths: PackedStringArray, is_foreign: bool) -> ModelVersion:
	var made: ModelVersion = ModelVersion.new()
	made.state = resource.state
	made.error = resource.error
	made.memory_policy = resource.memory_policy
	made.memory_limit_bytes = resource.memory_limit_bytes
	made.source_path = resource.get_source_file_path()
	made.resource_path = resource.resource_path
	made.model_name = resource.get_model_name()
	made.programs = _programs_of(resource, own_paths)
	made.external_paths = resource.external_paths
	for path: String in made.external_paths:
		made.external_places.append(Files.place_of(path, resource.resource_path, own_paths))
	# Out of a cache, and signed with no known key: the import copied it and did not make it.
	made.is_trusted = not is_foreign and not resource.metadata.get("unproved", false)
	made.is_trusted = made.is_trusted and Array(made.external_places).all(Files.is_import)
	_choose(made, resource.optimization_level)
	return made


## The version of the same resource with another optimization level. The same one if no other program belongs to it.
static func at_level(version: ModelVersion, level: int) -> ModelVersion:
	if version.programs.size() < 2 or level == version.optimization_level:
		return version
	var made: ModelVersion = version.copy()
	_choose(made, level)
	return made


## The recipes of the programs of a resource, the main one first.
static func recipes_of(metadata: Dictionary) -> PackedStringArray:
	var recipes: PackedStringArray = [str(metadata.get("recipe", ""))]
	for variant: Dictionary in metadata.get("variants", []) as Array:
		recipes.append(str(variant.get("recipe", "")))
	return recipes


## For each program the feature tags of the only systems that run it; none when all do.
static func systems_of(metadata: Dictionary) -> Array[Array]:
	var systems: Array[Array] = [Array(metadata.get("systems", []) as Array)]
	for variant: Dictionary in metadata.get("variants", []) as Array:
		systems.append(Array(variant.get("systems", []) as Array))
	return systems


static func _programs_of(resource: ExecuTorchResource, own_paths: PackedStringArray) -> Array[Dictionary]:
	var metadata: Dictionary = resource.metadata.duplicate(true)
	var paths: Dictionary = resource.variant_paths
	var programs: Array[Dictionary] = []
	programs.append({"path": resource.payload_path, "data": resource.model_data, "metadata": metadata})
	for variant: Dictionary in metadata.get("variants", []) as Array:
		var recipe: String = str(variant.get("recipe", ""))
		var data: Variant = resource.variant_data.get(recipe, PackedByteArray())
		(
			programs
			. append(
				{
					"path": str(paths.get(recipe, "")),
					"data": data if data is PackedByteArray else PackedByteArray(),
					# What is known of the model as a whole stays; what the variant says itself goes before it.
					"metadata": metadata.merged(variant, true),
				}
			)
		)
	for program: Dictionary in programs:
		program["place"] = Files.place_of(str(program["path"]), resource.resource_path, own_paths)
		program["is_import"] = Files.is_import(str(program["place"]))
		if not (program["data"] as PackedByteArray).is_empty():
			program["is_import"] = resource.is_imported_file()
	return programs


static func _choose(version: ModelVersion, level: int) -> void:
	version.optimization_level = level
	version.chosen = 0
	if version.programs.size() > 1:
		var whole: Dictionary = version.programs[0]["metadata"]
		var recipes: PackedStringArray = recipes_of(whole)
		var allowed: PackedInt32Array = Choice.allowed_of(recipes, systems_of(whole), OS.has_feature)
		version.chosen = Choice.choose(recipes, level, str(Settings.read_here(Settings.VARIANT)), allowed)
	var program: Dictionary = version.programs[version.chosen]
	version.payload_path = program["path"]
	version.payload_place = program["place"]
	version.model_data = program["data"]
	version.metadata = program["metadata"]
	version.is_imported = version.is_trusted and program["is_import"]
	if version.chosen > 0:
		version.external_paths = PackedStringArray()
		version.external_places = PackedStringArray()
	version.description = {
		"name": version.model_name,
		"path": version.resource_path,
		"version": str((version.metadata.get("payload", {}) as Dictionary).get("sha256", "")).left(12),
		"size": Files.size_of(version),
		"metadata": version.metadata,
	}
