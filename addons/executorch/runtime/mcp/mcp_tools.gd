@tool
extends RefCounted
## placeholder until the runtime is there


static func add_to(_registry: RefCounted) -> void:
	pass
