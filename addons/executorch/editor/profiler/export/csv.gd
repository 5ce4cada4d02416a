@tool
extends RefCounted
## Tables as comma separated values (RFC 4180, UTF-8, a header line).

const OperatorTotals := preload("res://addons/executorch/editor/profiler/data/operator_totals.gd")
const BenchmarkResult := preload("res://addons/executorch/editor/profiler/benchmark/benchmark_result.gd")
const LatencyStatistics := preload("res://addons/executorch/editor/shared/latency_statistics.gd")


static func operators(totals: OperatorTotals) -> String:
	var lines: PackedStringArray = [",".join(OperatorTotals.COLUMNS)]
	for row: Dictionary in totals.rows:
		var cells: PackedStringArray = []
		for column: String in OperatorTotals.COLUMNS:
			cells.append(cell(row[column]))
		lines.append(",".join(cells))
	return "\r\n".join(lines) + "\r\n"


## One line for each measured call.
static func durations(result: BenchmarkResult) -> String:
	var lines: PackedStringArray = ["model,threads,call,duration_us"]
	for place: int in result.threads.size():
		for index: int in result.durations_us[place].size():
			var duration: String = cell(result.durations_us[place][index])
			lines.append("%s,%d,%d,%s" % [cell(result.name), result.threads[place], index + 1, duration])
	return "\r\n".join(lines) + "\r\n"


## One line for each call that is held.
static func latencies(model: String, statistics: LatencyStatistics) -> String:
	var lines: PackedStringArray = ["model,time_us,duration_us"]
	for index: int in statistics.held:
		var at: String = cell(statistics.time_us(index))
		lines.append("%s,%s,%s" % [cell(model), at, cell(statistics.duration_us(index))])
	return "\r\n".join(lines) + "\r\n"


static func cell(value: Variant) -> String:
	if value is float:
		return String.num(value as float, 6)
	var text: String = str(value)
	if text.contains(",") or text.contains('"') or text.contains("\n") or text.contains("\r"):
		return '"%s"' % text.replace('"', '""')
	return text
