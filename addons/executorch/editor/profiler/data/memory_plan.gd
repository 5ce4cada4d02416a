@tool
extends RefCounted
## Where each tensor is in the planned arenas, and from which to which instruction it is used; from a method's entry in
## the metadata (`memory_plan`, `planned_memory`). Entries that do not fit into their arena are left out and counted.

## Bytes of each arena.
var arenas: PackedInt64Array = []
## Operator or backend of each instruction.
var instructions: PackedStringArray = []
var arena_of: PackedInt32Array = []
var offsets: PackedInt64Array = []
var sizes: PackedInt64Array = []
var first: PackedInt32Array = []
var last: PackedInt32Array = []
var dtypes: PackedStringArray = []
var shapes: PackedStringArray = []
var values: PackedInt32Array = []
## Malformed entries, and tensors that the metadata itself left out.
var left_out: int = 0


static func from_metadata(method: Dictionary) -> RefCounted:
	var plan := new()
	var planned: Variant = method.get("planned_memory", [])
	for bytes: Variant in _as_array(planned):
		if bytes is int or bytes is float:
			plan.arenas.append(int(bytes))
	var source: Variant = method.get("memory_plan")
	if source is Dictionary:
		for instruction: Variant in _as_array((source as Dictionary).get("instructions", [])):
			plan.instructions.append(str(instruction))
		for entry: Variant in _as_array((source as Dictionary).get("tensors", [])):
			if not entry is Array or not plan._add(entry as Array):
				plan.left_out += 1
		var missing: Variant = (source as Dictionary).get("tensors_left_out", 0)
		plan.left_out += int(missing) if missing is int or missing is float else 0
	return plan


func size() -> int:
	return sizes.size()


## Number of instructions of the call.
func steps() -> int:
	var result: int = instructions.size()
	for end: int in last:
		result = maxi(result, end + 1)
	return result


func total_bytes() -> int:
	var sum: int = 0
	for bytes: int in arenas:
		sum += bytes
	return sum


## First address of each arena when they lie one after the other.
func bases() -> PackedInt64Array:
	var result: PackedInt64Array = []
	var sum: int = 0
	for bytes: int in arenas:
		result.append(sum)
		sum += bytes
	return result


## The most bytes in use at any instruction.
func peak_bytes() -> int:
	var most: int = 0
	for bytes: int in live_bytes():
		most = maxi(most, bytes)
	return most


## Bytes in use at every instruction, all arenas together.
func live_bytes() -> PackedInt64Array:
	var change: PackedInt64Array = []
	change.resize(steps() + 1)
	for index: int in size():
		change[first[index]] += sizes[index]
		change[last[index] + 1] -= sizes[index]
	var live: PackedInt64Array = []
	var now: int = 0
	for step: int in steps():
		now += change[step]
		live.append(now)
	return live


func operator_at(step: int) -> String:
	return instructions[step] if step >= 0 and step < instructions.size() else ""


func _add(entry: Array) -> bool:
	if entry.size() < 8:
		return false
	for place: int in 5:
		if not (entry[place] is int or entry[place] is float) or float(entry[place]) < 0.0:
			return false
	var arena: int = int(entry[0])
	var offset: int = int(entry[1])
	var bytes: int = int(entry[2])
	if arena >= arenas.size() or offset + bytes > arenas[arena] or int(entry[4]) < int(entry[3]):
		return false
	if int(entry[4]) > 1_000_000:
		return false
	arena_of.append(arena)
	offsets.append(offset)
	sizes.append(bytes)
	first.append(int(entry[3]))
	last.append(int(entry[4]))
	dtypes.append(str(entry[5]))
	var lengths: PackedStringArray = []
	for length: Variant in _as_array(entry[6]):
		lengths.append(str(int(length)) if length is float or length is int else str(length))
	shapes.append("×".join(lengths))
	values.append(int(entry[7]) if entry[7] is int or entry[7] is float else -1)
	return true


static func _as_array(value: Variant) -> Array:
	return Array(value) if typeof(value) >= TYPE_ARRAY else []
