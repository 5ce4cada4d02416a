@tool
extends RefCounted
## Two benchmark results side by side.

const BenchmarkResult := preload("res://addons/executorch/editor/profiler/benchmark/benchmark_result.gd")
## A change smaller than this share is noise of the machine.
const NOISE: float = 0.03
const LATENCIES: PackedStringArray = ["p50_us", "p90_us", "p99_us", "mean_us", "min_us", "max_us"]


## Rows `{metric, kind, this, other, change, verdict}` for one number of threads. kind: time or rate; `other` and
## `change` are NAN without a counterpart; change is a share; verdict 1 = better, -1 = worse, 0 = noise.
static func rows(result: BenchmarkResult, other: BenchmarkResult, threads: int) -> Array[Dictionary]:
	var place: int = result.place_of(threads)
	if place < 0:
		return []
	var other_place: int = other.place_of(threads) if other != null else -1
	var now: Dictionary = result.summary(place)
	var before: Dictionary = other.summary(other_place) if other_place >= 0 else {}
	var table: Array[Dictionary] = []
	for metric: String in LATENCIES:
		table.append(
			_row(metric.trim_suffix("_us"), "time", now[metric] as float, before.get(metric, NAN) as float, false)
		)
	var other_rate: float = before.get("calls_per_second", NAN)
	table.append(_row("calls/s", "rate", now["calls_per_second"] as float, other_rate, true))
	table.append(_row("load", "time", result.load_us, other.load_us if other != null else NAN, false))
	return table


## How a row's number compares with the other one, such as "7.4× faster"; empty without a counterpart.
static func words_of(row: Dictionary) -> String:
	if is_nan(row["change"] as float):
		return ""
	if row["verdict"] == 0:
		return "the same"
	var ratio: float = float(row["this"]) / float(row["other"])
	var times: float = maxf(ratio, 1.0 / ratio)
	var is_rate: bool = row["kind"] == "rate"
	var better: String = "more" if is_rate else "faster"
	var worse: String = "fewer" if is_rate else "slower"
	var decimals: int = 0 if times >= 9.95 else 1 if times >= 1.95 else 2
	return "%.*f× %s" % [decimals, times, better if row["verdict"] == 1 else worse]


static func _row(metric: String, kind: String, now: float, before: float, more_is_better: bool) -> Dictionary:
	var change: float = now / before - 1.0 if before > 0.0 else NAN
	var verdict: int = 0
	if not is_nan(change) and absf(change) > NOISE:
		verdict = 1 if (change > 0.0) == more_is_better else -1
	return {"metric": metric, "kind": kind, "this": now, "other": before, "change": change, "verdict": verdict}
