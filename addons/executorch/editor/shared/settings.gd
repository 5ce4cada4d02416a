@tool
extends RefCounted
## The settings that only the editor reads: those of the project, and those of the editor on this machine. Games have
## runtime/library/project_settings.gd.

const OfGames := preload("res://addons/executorch/runtime/library/project_settings.gd")
const AtomicFile := preload("res://addons/executorch/runtime/library/atomic_file.gd")

const IGNORE: String = ".gdignore"
const CACHE_PATH: String = "executorch/import/cache_path"
const CACHE_LIMIT: String = "executorch/import/cache_limit_megabytes"
const TRUSTED_PICKLES: String = "executorch/import/trusted_pickles"
const TRUSTED_FACTORIES: String = "executorch/import/trusted_factories"
const RELOAD_MODELS: String = "executorch/editor/reload_models_in_running_game"
const DEFAULT_CACHE_PATH: String = "res://.godot/executorch_cache"

const INTERPRETER: String = "executorch/python/interpreter"
const CACHE_SIGNING_KEY: String = "executorch/import/cache_signing_key"
const WITHOUT_SANDBOX: String = "executorch/python/without_sandbox"
const MCP_RUN_IN_EDITOR: String = "executorch/mcp/run_in_editor"
const MCP_PORT: String = "executorch/mcp/port"
const MCP_ALLOW_WRITE: String = "executorch/mcp/allow_write_in_editor"

## Name to [default, hint, hint text]. A default of [] is an empty PackedStringArray, which no constant can hold.
const OF_PROJECT: Dictionary[String, Array] = {
	CACHE_PATH: [DEFAULT_CACHE_PATH, PROPERTY_HINT_GLOBAL_DIR, ""],
	CACHE_LIMIT: [2048, PROPERTY_HINT_RANGE, "0,1048576,1,or_greater,suffix:MB"],
	TRUSTED_PICKLES: [[], PROPERTY_HINT_NONE, ""],
	TRUSTED_FACTORIES: [[], PROPERTY_HINT_NONE, ""],
	RELOAD_MODELS: [true, PROPERTY_HINT_NONE, ""],
}
## The same for the editor's own settings.
const OF_EDITOR: Dictionary[String, Array] = {
	INTERPRETER: ["", PROPERTY_HINT_GLOBAL_FILE, ""],
	CACHE_SIGNING_KEY: ["", PROPERTY_HINT_PASSWORD, ""],
	WITHOUT_SANDBOX: [false, PROPERTY_HINT_NONE, ""],
	MCP_RUN_IN_EDITOR: [false, PROPERTY_HINT_NONE, ""],
	MCP_PORT: [0, PROPERTY_HINT_RANGE, "0,65535,1"],
	MCP_ALLOW_WRITE: [false, PROPERTY_HINT_NONE, ""],
}


## Registers the settings, so that the settings windows show them with their defaults.
static func register() -> void:
	for setting: String in OF_PROJECT:
		_register_in_project(setting, OF_PROJECT[setting])
	for setting: String in OfGames.ALL:
		_register_in_project(setting, OfGames.ALL[setting])
	var settings: EditorSettings = EditorInterface.get_editor_settings()
	for setting: String in OF_EDITOR:
		var default: Variant = OF_EDITOR[setting][0]
		if not settings.has_setting(setting):
			settings.set_setting(setting, default)
		settings.set_initial_value(setting, default, false)
		settings.add_property_info(_describe(setting, default, OF_EDITOR[setting]))


## The value of an editor setting, or its default while the settings are not registered.
static func read_from_editor(setting: String) -> Variant:
	var settings: EditorSettings = EditorInterface.get_editor_settings()
	return settings.get_setting(setting) if settings.has_setting(setting) else OF_EDITOR[setting][0]


static func write_to_editor(setting: String, value: Variant) -> void:
	EditorInterface.get_editor_settings().set_setting(setting, value)


## The artifact cache's folder, as the system names it.
static func get_cache_folder() -> String:
	return ProjectSettings.globalize_path(str(ProjectSettings.get_setting(CACHE_PATH, DEFAULT_CACHE_PATH)))


## The size limit of the cache in bytes; 0 = no limit. The entries that were not used for the longest time are removed.
static func get_cache_limit() -> int:
	return int(ProjectSettings.get_setting(CACHE_LIMIT, OF_PROJECT[CACHE_LIMIT][0])) << 20


## Makes the cache's folder. In the project it gets a `.gdignore`: Godot would import the programs in it.
static func make_cache_folder() -> void:
	var folder: String = get_cache_folder()
	if not folder.contains("://") and ProjectSettings.localize_path(folder).begins_with("res://"):
		DirAccess.make_dir_recursive_absolute(folder)
		if not FileAccess.file_exists(folder.path_join(IGNORE)):
			AtomicFile.write_text(folder.path_join(IGNORE), "")


## Whether the project allows the code in the pickle with this hash.
static func is_trusted(sha256: String) -> bool:
	return sha256 in (ProjectSettings.get_setting(TRUSTED_PICKLES, PackedStringArray()) as PackedStringArray)


## Allows the code in the pickle with this hash, in this project.
static func trust_pickle(sha256: String) -> void:
	if sha256.is_empty() or is_trusted(sha256):
		return
	var trusted: PackedStringArray = ProjectSettings.get_setting(TRUSTED_PICKLES, PackedStringArray())
	trusted.append(sha256)
	ProjectSettings.set_setting(TRUSTED_PICKLES, trusted)
	ProjectSettings.save()


## SHA-256 of the factories that the project allows to use the network and other folders.
static func get_trusted_factories() -> Array:
	return Array(ProjectSettings.get_setting(TRUSTED_FACTORIES, PackedStringArray()) as PackedStringArray)


static func _register_in_project(setting: String, entry: Array) -> void:
	var default: Variant = PackedStringArray() if entry[0] is Array else entry[0]
	if not ProjectSettings.has_setting(setting):
		ProjectSettings.set_setting(setting, default)
	ProjectSettings.set_initial_value(setting, default)
	ProjectSettings.set_as_basic(setting, true)
	ProjectSettings.add_property_info(_describe(setting, default, entry))


static func _describe(setting: String, default: Variant, entry: Array) -> Dictionary:
	return {"name": setting, "type": typeof(default), "hint": entry[1], "hint_string": entry[2]}
