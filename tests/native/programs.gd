extends "res://tests/case.gd"
## What the native library's cases share: its class, and the programs of the test project.


## A new ExecuTorchModule.
func new_module() -> Variant:
	return ClassDB.instantiate(&"ExecuTorchModule")


## A module with this program of the test project in it.
func loaded(file: String) -> Variant:
	var module: Variant = new_module()
	check_equal(module.load_from_file(program_path(file)), 0)
	return module


## Where the system has a program of the test project.
func program_path(file: String) -> String:
	return ProjectSettings.globalize_path("res://models/" + file)
