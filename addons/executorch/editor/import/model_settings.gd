@tool
extends RefCounted
## The project and editor settings of the addon, with what the settings windows show of them.

const CACHE_PATH: String = "executorch/import/cache_path"
const TRUSTED_PICKLES: String = "executorch/import/trusted_pickles"
const DEFAULT_CACHE_PATH: String = "res://.godot/executorch_cache"
const INTERPRETER: String = "executorch/python/interpreter"

## name, default, hint, hint text
const PROJECT_SETTINGS: Array[Array] = [
	[CACHE_PATH, DEFAULT_CACHE_PATH, PROPERTY_HINT_GLOBAL_DIR, ""],
	[TRUSTED_PICKLES, [], PROPERTY_HINT_NONE, ""],
	["executorch/runtime/num_threads", 0, PROPERTY_HINT_RANGE, "0,64,1,or_greater"],
	["executorch/runtime/log_level", 1, PROPERTY_HINT_ENUM, "Silent,Errors,Information,Debug"],
	["executorch/runtime/libraries", [], PROPERTY_HINT_NONE, ""],
	["executorch/runtime/memory_pool_limit_bytes", 0, PROPERTY_HINT_RANGE, "0,1073741824,1,or_greater"],
	["executorch/runtime/trial_seconds", 20, PROPERTY_HINT_RANGE, "0,600,1,or_greater,suffix:s"],
	["executorch/runtime/monitors", true, PROPERTY_HINT_NONE, ""],
]


## Makes the settings known, so that they are shown with their defaults.
static func register() -> void:
	for setting: Array in PROJECT_SETTINGS:
		var name: String = setting[0]
		# A packed array is no constant expression.
		var default: Variant = PackedStringArray() if setting[1] is Array else setting[1]
		if not ProjectSettings.has_setting(name):
			ProjectSettings.set_setting(name, default)
		ProjectSettings.set_initial_value(name, default)
		ProjectSettings.set_as_basic(name, true)
		ProjectSettings.add_property_info(
			{"name": name, "type": typeof(default), "hint": setting[2], "hint_string": setting[3]}
		)
	var settings: EditorSettings = EditorInterface.get_editor_settings()
	if not settings.has_setting(INTERPRETER):
		settings.set_setting(INTERPRETER, "")
	settings.set_initial_value(INTERPRETER, "", false)
	settings.add_property_info({"name": INTERPRETER, "type": TYPE_STRING, "hint": PROPERTY_HINT_GLOBAL_FILE})


## The artifact cache's folder, as the system names it.
static func get_cache_folder() -> String:
	return ProjectSettings.globalize_path(str(ProjectSettings.get_setting(CACHE_PATH, DEFAULT_CACHE_PATH)))


## Whether the project says that the pickled code in the file with this hash may run.
static func is_trusted(sha256: String) -> bool:
	return sha256 in (ProjectSettings.get_setting(TRUSTED_PICKLES, PackedStringArray()) as PackedStringArray)
