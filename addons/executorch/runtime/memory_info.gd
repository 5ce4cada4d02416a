@tool
extends RefCounted
## The native library's report of a session's memory, and the totals that a game needs.

const _STATIC: int = 1


## `info` with `allocated_bytes`, `available_bytes`, `total_bytes` and `is_static`.
static func described(info: Dictionary) -> Dictionary:
	var machine: Dictionary = OS.get_memory_info()
	var limit: int = info.get("limit", 0)
	var unused: int = info.get("unused", 0)
	var allocated: int = int(info.get("total", 0)) - unused
	info["allocated_bytes"] = allocated
	info["total_bytes"] = limit if limit > 0 else int(machine["physical"])
	info["available_bytes"] = unused if limit > 0 else int(machine["available"])
	info["is_static"] = int(info.get("policy", 0)) == _STATIC
	return info
