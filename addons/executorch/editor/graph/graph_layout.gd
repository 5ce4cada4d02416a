@tool
extends RefCounted
## Places boxes in columns along the flow of the tensors: a box stands right of all that it depends on, and as level
## with them as the others in its column allow.

const SWEEPS: int = 6
## An edge that passes this many columns or fewer keeps space free in each of them, so that boxes do not stand on it.
const LONGEST_KEPT_FREE: int = 40
const LANE_HEIGHT: float = 12.0


## The upper left corner of each box. `edges` are pairs (from, to) of box indices with from < to; `gap` lies between
## columns and rows.
static func place(sizes: PackedVector2Array, edges: Array[Vector2i], gap: Vector2) -> PackedVector2Array:
	var before: Array[PackedInt32Array] = _lists(sizes.size())
	var after: Array[PackedInt32Array] = _lists(sizes.size())
	for edge: Vector2i in edges:
		before[edge.y].append(edge.x)
		after[edge.x].append(edge.y)
	var columns: Array[PackedInt32Array] = _columns(sizes.size(), before, after)
	var shown: int = sizes.size()
	sizes = sizes.duplicate()
	_add_lanes(columns, sizes, before, after)
	var count: int = sizes.size()
	var places: PackedVector2Array = []
	places.resize(count)
	var x: float = 0.0
	for column: PackedInt32Array in columns:
		var width: float = 0.0
		var y: float = 0.0
		for box: int in column:
			places[box] = Vector2(x, y)
			y += sizes[box].y + gap.y
			width = maxf(width, sizes[box].x)
		x += width + gap.x
	for sweep: int in SWEEPS:
		var neighbours: Array[PackedInt32Array] = before if sweep % 2 == 0 else after
		var order: Array = range(columns.size()) if sweep % 2 == 0 else range(columns.size() - 1, -1, -1)
		for index: int in order:
			columns[index] = _settle(columns[index], places, sizes, neighbours, gap.y)
	return places.slice(0, shown)


## Boxes by column: one more than the furthest box that they need, and inputs right before their first use.
static func _columns(
	count: int, before: Array[PackedInt32Array], after: Array[PackedInt32Array]
) -> Array[PackedInt32Array]:
	var depth: PackedInt32Array = []
	depth.resize(count)
	var deepest: int = 0
	for box: int in count:
		for source: int in before[box]:
			depth[box] = maxi(depth[box], depth[source] + 1)
		deepest = maxi(deepest, depth[box])
	for box: int in range(count - 1, -1, -1):
		if before[box].is_empty() and not after[box].is_empty():
			var nearest: int = deepest
			for target: int in after[box]:
				nearest = mini(nearest, depth[target] - 1)
			depth[box] = nearest
	var columns: Array[PackedInt32Array] = _lists(deepest + 1)
	for box: int in count:
		columns[depth[box]].append(box)
	return columns


## Puts an empty box into each column that an edge passes, and leads the edge through them.
static func _add_lanes(
	columns: Array[PackedInt32Array],
	sizes: PackedVector2Array,
	before: Array[PackedInt32Array],
	after: Array[PackedInt32Array]
) -> void:
	var column_of: PackedInt32Array = []
	column_of.resize(sizes.size())
	for index: int in columns.size():
		for box: int in columns[index]:
			column_of[box] = index
	for from: int in column_of.size():
		for position: int in after[from].size():
			var to: int = after[from][position]
			var span: int = column_of[to] - column_of[from]
			if span < 2 or span > LONGEST_KEPT_FREE:
				continue
			var previous: int = from
			for column: int in range(column_of[from] + 1, column_of[to]):
				var lane: int = sizes.size()
				sizes.append(Vector2(0.0, LANE_HEIGHT))
				columns[column].append(lane)
				before.append(PackedInt32Array([previous]))
				after.append(PackedInt32Array())
				if previous == from:
					after[from][position] = lane
				else:
					after[previous].append(lane)
				previous = lane
			after[previous].append(to)
			before[to][before[to].find(from)] = previous


## Orders a column by the mean height of its neighbours and moves each box as near to it as the one above allows.
static func _settle(
	column: PackedInt32Array,
	places: PackedVector2Array,
	sizes: PackedVector2Array,
	neighbours: Array[PackedInt32Array],
	gap: float
) -> PackedInt32Array:
	var wanted: Dictionary = {}
	for box: int in column:
		var sum: float = 0.0
		for other: int in neighbours[box]:
			sum += places[other].y + sizes[other].y * 0.5
		var middle: float = places[box].y + sizes[box].y * 0.5
		wanted[box] = sum / neighbours[box].size() if not neighbours[box].is_empty() else middle
	var sorted: Array = Array(column)
	sorted.sort_custom(func(a: int, b: int) -> bool: return wanted[a] < wanted[b] or (wanted[a] == wanted[b] and a < b))
	var free_from: float = -INF
	var drift: float = 0.0
	for box: int in sorted:
		var y: float = maxf(float(wanted[box]) - sizes[box].y * 0.5, free_from)
		drift += y + sizes[box].y * 0.5 - float(wanted[box])
		places[box].y = y
		free_from = y + sizes[box].y + gap
	# Boxes were only moved down; half of the distance is taken back, so that a column stays centred on its neighbours.
	for box: int in sorted:
		places[box].y -= drift / sorted.size()
	return PackedInt32Array(sorted)


static func _lists(count: int) -> Array[PackedInt32Array]:
	var lists: Array[PackedInt32Array] = []
	for index: int in count:
		lists.append(PackedInt32Array())
	return lists
