@tool
extends RefCounted
## One model of a running (or ended) game: what its messages said.

const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const RecordedInputs := preload("res://addons/executorch/editor/profiler/data/recorded_inputs.gd")
const Breakdown := preload("res://addons/executorch/editor/profiler/data/memory_breakdown.gd")
const RATE_WINDOW_US: float = 2_000_000.0
const MOST_TRACES: int = 64

## Number in this editor, the model's colour.
var key: int = 0
## Debugger session, and the game's own number of the model.
var session: int = 0
var id: int = 0
var name: String = ""
var path: String = ""
var methods: PackedStringArray = []
var statistics: ExecuTorchLatencyStatistics = ExecuTorchLatencyStatistics.new(100_000)
var errors: int = 0
## Calls that the game made but that never arrived.
var lost: int = 0
var last_sequence: int = 0
var queue_depth: int = 0
var memory: Dictionary = {}
var traces: Array[CallTrace] = []
## What the game gave the model since it was asked to tell; null = it was not asked.
var recording: RecordedInputs
## The model was freed, or its game has ended.
var ended: bool = false

## Numbers of the held calls and a few more: failed calls have numbers but no latency.
var _sequences: PackedInt64Array = []


func memory_bytes() -> int:
	return Breakdown.total(memory)


## Calls per second over the two seconds before `now_us`.
func rate(now_us: float) -> float:
	var from: float = maxf(now_us - RATE_WINDOW_US, statistics.first_time_us())
	var span: float = now_us - from
	return (statistics.held - statistics.index_at(from)) / span * 1e6 if span > 0.0 and not ended else 0.0


## Time in this model per second of the game over the last two seconds, 0 to 1 for each thread that calls it.
func load_share(now_us: float) -> float:
	var from: int = statistics.index_at(now_us - RATE_WINDOW_US)
	var sum: float = 0.0
	for index: int in range(from, statistics.held):
		sum += statistics.duration_us(index)
	var span: float = now_us - maxf(now_us - RATE_WINDOW_US, statistics.first_time_us())
	return sum / span if span > 0.0 and not ended else 0.0


## The game's own number of a held call, 0 when it is not known any more.
func sequence_at(index: int) -> int:
	var place: int = index - (statistics.held - _sequences.size())
	return _sequences[place] if place >= 0 and place < _sequences.size() else 0


## Adds a call that went well.
func add_call(sequence: int, at_us: float, duration_us: float) -> void:
	statistics.record(at_us, duration_us)
	_sequences.append(sequence)
	if _sequences.size() >= 2 * statistics.capacity:
		_sequences = _sequences.slice(_sequences.size() - statistics.held)


## The trace of the call with the game's number `sequence`, null when it was not traced.
func trace_of(sequence: int) -> CallTrace:
	for trace: CallTrace in traces:
		if trace.sequence == sequence:
			return trace
	return null


func add_trace(trace: CallTrace) -> void:
	traces.append(trace)
	if traces.size() > MOST_TRACES:
		traces.pop_front()
