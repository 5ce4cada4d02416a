@tool
extends RefCounted
## Names, defaults and editing hints of the project settings that a running game reads. The editor's own settings file
## adds those that only the editor reads.

const NUM_THREADS: String = "executorch/runtime/num_threads"
const VARIANT: String = "executorch/runtime/variant"
const LOG_LEVEL: String = "executorch/runtime/log_level"
const LIBRARIES: String = "executorch/runtime/libraries"
const POOL_LIMIT: String = "executorch/runtime/memory_pool_limit_bytes"
const PACKED_WEIGHTS_LEAST: String = "executorch/runtime/packed_weights_least_bytes"
const PACKED_WEIGHTS_LIMIT: String = "executorch/runtime/packed_weights_limit_bytes"
const TRIAL_SECONDS: String = "executorch/runtime/trial_seconds"
const MAIN_THREAD_TRIAL_SECONDS: String = "executorch/runtime/trial_seconds_on_main_thread"
const MONITORS: String = "executorch/runtime/monitors"
const MCP_ALLOW_IN_RELEASE: String = "executorch/mcp/allow_in_release"
const MCP_ALLOW_WRITE: String = "executorch/mcp/allow_write"

## Recipes of variants; see importer/options.py.
const VARIANTS: String = (
	"portable,xnnpack_fp32,xnnpack_fp16,xnnpack_int8_dynamic,xnnpack_int8_static,"
	+ "xnnpack_int8_static_per_tensor,xnnpack_int8_int4"
)

## Name to [default, hint, hint text]. A default of [] is an empty PackedStringArray, which no constant can hold.
const ALL: Dictionary[String, Array] = {
	NUM_THREADS: [0, PROPERTY_HINT_RANGE, "0,64,1,or_greater"],
	VARIANT: ["", PROPERTY_HINT_ENUM_SUGGESTION, VARIANTS],
	LOG_LEVEL: [1, PROPERTY_HINT_ENUM, "Silent,Errors,Information,Debug"],
	LIBRARIES: [[], PROPERTY_HINT_NONE, ""],
	POOL_LIMIT: [0, PROPERTY_HINT_RANGE, "0,1073741824,1,or_greater"],
	PACKED_WEIGHTS_LEAST: [16777216, PROPERTY_HINT_RANGE, "0,1073741824,1,or_greater"],
	PACKED_WEIGHTS_LIMIT: [2147483648, PROPERTY_HINT_RANGE, "0,17179869184,1,or_greater"],
	TRIAL_SECONDS: [20, PROPERTY_HINT_RANGE, "0,600,1,or_greater,suffix:s"],
	MAIN_THREAD_TRIAL_SECONDS: [5, PROPERTY_HINT_RANGE, "1,600,1,or_greater,suffix:s"],
	MONITORS: [true, PROPERTY_HINT_NONE, ""],
	MCP_ALLOW_IN_RELEASE: [false, PROPERTY_HINT_NONE, ""],
	MCP_ALLOW_WRITE: [false, PROPERTY_HINT_NONE, ""],
}


## The value of one of these settings, or its default.
static func read(setting: String) -> Variant:
	return ProjectSettings.get_setting(setting, default_of(setting))


## The same with the overrides of feature tags, such as `executorch/runtime/variant.mobile`.
static func read_here(setting: String) -> Variant:
	# Godot warns of a setting that is not in the project's file, although an override of it may be.
	if not ProjectSettings.has_setting(setting):
		ProjectSettings.set_setting(setting, default_of(setting))
	return ProjectSettings.get_setting_with_override(setting)


## The paths on this machine of the kernel libraries that the game loads.
static func get_kernel_libraries() -> PackedStringArray:
	var paths: PackedStringArray = []
	for path: String in read(LIBRARIES) as PackedStringArray:
		paths.append(ProjectSettings.globalize_path(path))
	return paths


static func default_of(setting: String) -> Variant:
	var default: Variant = ALL[setting][0]
	return PackedStringArray() if default is Array else default
