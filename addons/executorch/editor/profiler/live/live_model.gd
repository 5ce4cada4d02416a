@tool
extends RefCounted
## One model of a running (or ended) game, from the messages of all its sessions.

const CallTrace := preload("res://addons/executorch/editor/profiler/data/call_trace.gd")
const RecordedInputs := preload("res://addons/executorch/editor/profiler/data/recorded_inputs.gd")
const Breakdown := preload("res://addons/executorch/editor/profiler/data/memory_breakdown.gd")
const LatencyStatistics := preload("res://addons/executorch/editor/shared/latency_statistics.gd")
const RATE_WINDOW_US: float = 2_000_000.0
const MOST_TRACES: int = 64

## Number in this editor, the model's colour.
var key: int = 0
## Debugger session, and the game's own number of the model's session that is asked for traces and inputs.
var session: int = 0
var id: int = 0
## The game's number of each living session of the model -> its facts.
var sessions: Dictionary[int, OneSession] = {}
var name: String = ""
var path: String = ""
var methods: PackedStringArray = []
var statistics: LatencyStatistics = LatencyStatistics.new(100_000)
var errors: int = 0
## Calls that the game made but that never arrived.
var lost: int = 0
## Asynchronous calls that wait, of all sessions.
var queue_depth: int:
	get:
		var sum: int = 0
		for one: OneSession in sessions.values():
			sum += one.queue_depth
		return sum
## The memory of all sessions together, in the fields of `get_memory_info()`.
var memory: Dictionary = {}
## Of a node of a task: preparations and their microseconds, decodings and theirs.
var stages: PackedInt64Array = [0, 0, 0, 0]
var traces: Array[CallTrace] = []
## The inputs since recording began; null = nothing is recorded.
var recording: RecordedInputs
## The model was freed, or its game has ended.
var ended: bool = false

## Numbers of the held calls and a few more: failed calls have numbers but no latency.
var _sequences: PackedInt64Array = []


func memory_bytes() -> int:
	return Breakdown.total(memory)


## The mean times of a task, in microseconds: `{preparation, model, decoding}`; empty when no task runs the model.
func stage_times() -> Dictionary[String, float]:
	if stages[0] == 0 and stages[2] == 0:
		return {}
	var of_model: float = statistics.summary()["mean_us"]
	return {
		"preparation": float(stages[1]) / maxi(stages[0], 1),
		"model": of_model,
		"decoding": float(stages[3]) / maxi(stages[2], 1)
	}


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


## Sets the memory of a session.
func set_memory(of_session: int, info: Dictionary) -> void:
	sessions[of_session].memory = info
	var infos: Array[Dictionary] = []
	for one: OneSession in sessions.values():
		infos.append(one.memory)
	memory = Breakdown.of_sessions(infos)


func add_session(of_session: int) -> void:
	if sessions.is_empty():
		id = of_session
	if not sessions.has(of_session):
		sessions[of_session] = OneSession.new()
	ended = false


## The model has ended with its last session.
func remove_session(of_session: int) -> void:
	sessions.erase(of_session)
	ended = sessions.is_empty()
	if of_session == id and not ended:
		id = sessions.keys()[0]


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


## A session of the model.
class OneSession:
	extends RefCounted
	var last_sequence: int = 0
	var queue_depth: int = 0
	var memory: Dictionary = {}
