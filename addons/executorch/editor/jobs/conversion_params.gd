@tool
extends RefCounted
## The parameters of the backend's `convert`.

const Options := preload("res://addons/executorch/editor/shared/import_options.gd")
const Settings := preload("res://addons/executorch/editor/shared/settings.gd")


## The parameters for a file with these import options; `prepared` is the result of conversion_steps.gd.
static func make(path: String, options: Dictionary, prepared: Dictionary) -> Dictionary:
	Settings.make_cache_folder()
	return {
		"source": ProjectSettings.globalize_path(path),
		"project": ProjectSettings.globalize_path("res://").trim_suffix("/"),
		"cache": Settings.get_cache_folder(),
		"cache_limit_bytes": Settings.get_cache_limit(),
		"key": prepared["key"],
		"options": Options.get_changed(options),
		"display_path": path,
		"allow_pickle": Settings.is_trusted(str(prepared["sha256"])),
		"trusted_factories": Settings.get_trusted_factories(),
	}
