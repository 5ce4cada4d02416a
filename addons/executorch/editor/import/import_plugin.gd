@tool
extends EditorImportPlugin
## What the addon's import plugins have in common.


func _get_resource_type() -> String:
	return "Resource"


func _get_format_version() -> int:
	return 1


func _get_priority() -> float:
	return 1.0


func _get_import_order() -> int:
	return IMPORT_ORDER_DEFAULT


func _can_import_threaded() -> bool:
	return false
