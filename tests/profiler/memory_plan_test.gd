@tool
extends "res://tests/case.gd"
## The planned arenas, and memory over time.

const MemoryPlan := preload("res://addons/executorch/editor/profiler/data/memory_plan.gd")
const MemoryHistory := preload("res://addons/executorch/editor/profiler/live/memory_history.gd")
const Breakdown := preload("res://addons/executorch/editor/profiler/data/memory_breakdown.gd")


func test_bytes_in_use_by_instruction() -> void:
	var plan: MemoryPlan = (
		MemoryPlan
		. from_metadata(
			{
				"planned_memory": [128, 64],
				"memory_plan":
				{
					"instructions": ["a", "b", "c"],
					"tensors":
					[
						[0, 0, 64, 0, 1, "float32", [1, 16], 3],
						[0, 64, 64, 1, 2, "float32", [16], 4],
						[1, 0, 16, 2, 2, "int8", [], 5]
					],
				},
			}
		)
	)
	check_equal(plan.size(), 3)
	check_equal(plan.steps(), 3)
	check_equal(plan.live_bytes(), PackedInt64Array([64, 128, 80]))
	check_equal(plan.shapes[0], "1×16")
	check_equal(plan.total_bytes(), 192)
	check_equal(plan.peak_bytes(), 128)
	check_equal(plan.bases(), PackedInt64Array([0, 128]))


func test_what_does_not_fit_is_left_out() -> void:
	var tensors: Array = [
		[0, 100, 64, 0, 1, "float32", [], 1],
		[3, 0, 4, 0, 1, "float32", [], 1],
		[0, 0, 4, 5, 1, "float32", [], 1],
		[0, -4, 4, 0, 1, "float32", [], 1],
		["x"],
		7,
		[0, 0, 4, 0, 1e12, "float32", [], 1],
	]
	var plan: MemoryPlan = MemoryPlan.from_metadata({"planned_memory": [128], "memory_plan": {"tensors": tensors}})
	check_equal(plan.size(), 0)
	check_equal(plan.left_out, tensors.size())
	check_equal(MemoryPlan.from_metadata({}).size(), 0)


func test_a_long_session_is_thinned() -> void:
	var history: MemoryHistory = MemoryHistory.new(100)
	for index: int in 1000:
		var bytes: Dictionary[int, int] = {0: index}
		if index > 500:
			bytes[1] = 5
		history.record(index, bytes)
	check(history.times.size() <= 100, "%d moments" % history.times.size())
	check_near(history.times[0], 0.0, 0.0, "the beginning is kept")
	check_near(history.times[-1], 999.0, 0.0)
	check_equal(history.series(0).size(), history.times.size())
	check_equal(history.series(1).size(), history.times.size())
	check_equal(history.series(1)[-1], 5)


func test_parts_of_malformed_information_are_zero() -> void:
	check_equal(Breakdown.total({"program": "x", "planned": 7, "delegate": -4}), 0)
	check_equal(
		Breakdown.total({"program": 1, "planned": [2, 3], "method_allocator_used": 4, "delegate": 5, "constants": 100}),
		15
	)
	var shares: PackedFloat64Array = Breakdown.shares({"program": 1, "planned": [2], "delegate": 1})
	check_near(shares, [0.25, 0.25, 0.5, 0.0, 0.0], 1e-9)
	check_near(Breakdown.shares({}), [0.0, 0.0, 0.0, 0.0, 0.0], 0.0)
