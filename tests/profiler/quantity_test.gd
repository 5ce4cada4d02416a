@tool
extends "res://tests/case.gd"
## Numbers as people read them.

const Quantity := preload("res://addons/executorch/editor/shared/quantity.gd")


func test_one_has_no_s() -> void:
	check_equal([Quantity.number_of(1, "call"), Quantity.number_of(2, "call")], ["1 call", "2 calls"])


func test_times() -> void:
	check_equal(Quantity.time(0.0), "0")
	check_equal(Quantity.time(0.84), "840 ns")
	check_equal(Quantity.time(12.34), "12.3 µs")
	check_equal(Quantity.time(4563.2), "4.56 ms")
	check_equal(Quantity.time(1.2e6), "1.20 s")


func test_exact_times() -> void:
	check_equal(Quantity.exact_time(4563.217), "4,563.217 µs")
	check_equal(Quantity.exact_time(0.9996), "1.000 µs", "not 0.999")
	check_equal(Quantity.exact_time(-1.4), "-1.400 µs", "a delegate's own time")
	check_equal(Quantity.exact_time(-0.0001), "0.000 µs")


func test_counts_and_sizes() -> void:
	check_equal(Quantity.count(24.0), "24")
	check_equal(Quantity.count(2.5), "2.50")
	check_equal(Quantity.size(1536.0), "1.50 KiB")
	check_equal(Quantity.exact_size(80864), "79.0 KiB (80,864 B)")
	check_equal(Quantity.percent(0.475), "47.5%")
