@tool
extends RefCounted
## Whether the addon has a native library for what an export is made for.

const EXTENSION: String = "res://addons/executorch/executorch.gdextension"
## Godot's feature tags of platforms, with their names.
const PLATFORMS: Dictionary[String, String] = {
	"linux": "Linux",
	"windows": "Windows",
	"macos": "macOS",
	"android": "Android",
	"ios": "iOS",
	"visionos": "visionOS",
	"web": "Web",
}
const ARCHITECTURES: PackedStringArray = [
	"x86_64", "arm64", "universal", "x86_32", "arm32", "wasm32", "rv64", "ppc64", "loongarch64"
]


## Why an export with these feature tags has no library of the addon; empty when it has one.
static func find_missing(features: PackedStringArray, extension: String = EXTENSION) -> String:
	var file: ConfigFile = ConfigFile.new()
	file.load(extension)
	var keys: PackedStringArray = []
	if file.has_section("libraries"):
		keys = file.get_section_keys("libraries")
	var there: PackedStringArray = []
	for key: String in keys:
		var tags: PackedStringArray = key.split(".")
		var place: String = extension.get_base_dir().path_join(str(file.get_value("libraries", key)))
		if not FileAccess.file_exists(place):
			continue
		if Array(tags).all(func(tag: String) -> bool: return tag in features):
			return ""
		var name: String = name_of(tags)
		if name not in there:
			there.append(name)
	var wanted: String = name_of(features)
	var has: String = ", ".join(there) if not there.is_empty() else "no platform"
	return "The export for %s has no ExecuTorch library: the addon has libraries for %s." % [wanted, has]


## "macOS" of the feature tag of a platform.
static func platform_of(tag: String) -> String:
	return PLATFORMS.get(tag, tag)


## "Linux x86_64" of feature tags.
static func name_of(tags: PackedStringArray) -> String:
	var words: PackedStringArray = []
	for tag: String in PLATFORMS:
		if tag in tags:
			words.append(PLATFORMS[tag])
	for tag: String in ARCHITECTURES:
		if tag in tags:
			words.append(tag)
	return " ".join(words) if not words.is_empty() else "this preset"
