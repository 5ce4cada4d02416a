@tool
extends "res://tests/editor/views.gd"
## The artifact cache inside of a project, and what it forgets.

const Settings := preload("res://addons/executorch/editor/shared/settings.gd")
const Artifact := preload("res://addons/executorch/editor/cache/artifact.gd")
const Steps := preload("res://addons/executorch/editor/cache/conversion_steps.gd")
const Links := preload("res://addons/executorch/editor/watching/links.gd")
const Job := preload("res://addons/executorch/editor/jobs/job.gd")
const FOLDER: String = "res://model_cache"
const PATH: String = "res://models/followed_by_test.pt"


func test_a_cache_in_the_project_is_not_imported() -> void:
	var before: Variant = ProjectSettings.get_setting(Settings.CACHE_PATH)
	ProjectSettings.set_setting(Settings.CACHE_PATH, FOLDER)
	Settings.make_cache_folder()
	check(FileAccess.file_exists(FOLDER.path_join(".gdignore")), "Godot would import the programs in it")
	check_equal(Settings.get_cache_limit(), 2048 << 20)
	var outside: String = ProjectSettings.globalize_path("res://").path_join("../executorch_outside").simplify_path()
	ProjectSettings.set_setting(Settings.CACHE_PATH, outside)
	Settings.make_cache_folder()
	check(not DirAccess.dir_exists_absolute(Settings.get_cache_folder()), "a folder outside is the importer's")
	ProjectSettings.set_setting(Settings.CACHE_PATH, before)
	DirAccess.remove_absolute(FOLDER.path_join(".gdignore"))
	DirAccess.remove_absolute(FOLDER)


func test_only_the_last_version_of_a_followed_file_stays_in_the_cache() -> void:
	var before: Variant = ProjectSettings.get_setting(Settings.CACHE_PATH)
	ProjectSettings.set_setting(Settings.CACHE_PATH, FOLDER)
	var cache: String = Settings.get_cache_folder()
	var links: Links = Links.new(find_jobs())
	links.set("_targets", {PATH: "/somewhere/checkpoint.pt"})
	var keys: PackedStringArray = []
	for version: int in 3:
		keys.append(str(version).sha256_text())
		var folder: String = _folder_of(cache, keys[version])
		DirAccess.make_dir_recursive_absolute(folder)
		for file: String in [Artifact.METADATA, Artifact.PAYLOAD]:
			FileAccess.open(folder.path_join(file), FileAccess.WRITE).store_string("{}")
		links.call("_on_finished", _done(PATH, keys[version]))
		links.call("_on_finished", _done("res://models/other.pt", "other"))
	check_equal(keys.duplicate().size(), 3)
	for version: int in 3:
		check_equal(
			DirAccess.dir_exists_absolute(_folder_of(cache, keys[version])), version == 2, "version %d" % version
		)
	Artifact.remove(cache, keys[2])
	for version: int in 3:
		DirAccess.remove_absolute(_folder_of(cache, keys[version]).get_base_dir())
	DirAccess.remove_absolute(FOLDER)
	ProjectSettings.set_setting(Settings.CACHE_PATH, before)


func test_a_link_in_the_place_of_an_entry_is_not_emptied() -> void:
	var cache: String = ProjectSettings.globalize_path("res://.godot/linked_cache")
	var outside: String = OS.get_cache_dir().path_join("executorch_outside")
	var key: String = "ab".repeat(32)
	DirAccess.make_dir_recursive_absolute(outside)
	DirAccess.make_dir_recursive_absolute(cache.path_join("ab"))
	var file: FileAccess = FileAccess.open(outside.path_join("letter.txt"), FileAccess.WRITE)
	file.store_string("dear")
	file.close()
	var place: DirAccess = DirAccess.open(cache.path_join("ab"))
	if not place.is_link(key):
		check_equal(place.create_link(outside, cache.path_join("ab").path_join(key)), OK)
	Artifact.remove(cache, key)
	check(FileAccess.file_exists(outside.path_join("letter.txt")), "what a link leads to was removed")


func test_an_installed_artifact_counts_as_used() -> void:
	var cache: String = Settings.get_cache_folder()
	var key: String = Steps.prepare("res://models/convnet.pt2", {}, cache)["key"]
	var folder: String = Artifact.find(cache, key)["folder"]
	OS.execute("touch", ["-d", "2020-01-01", folder])
	var before: int = FileAccess.get_modified_time(folder)
	check(not Artifact.install(cache, key, "user://installed_by_test").has("error"), "installed")
	check(FileAccess.get_modified_time(folder) > before, "the limit would take it first")


func _folder_of(cache: String, key: String) -> String:
	return cache.path_join(key.left(2)).path_join(key)


func _done(path: String, key: String) -> Job:
	var job: Job = Job.new()
	job.path = path
	job.key = key
	job.end_with(Job.State.DONE)
	return job
