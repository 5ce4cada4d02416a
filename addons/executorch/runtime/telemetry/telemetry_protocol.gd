@tool
extends RefCounted
## The messages between a running game and the editor, over Godot's debugger connection. Both ends read them here.
##
## game to editor, after "executorch:"
##   hello   [VERSION, frame budget in µs]
##   model   [id, {name, path, methods: PackedStringArray}]
##   calls   [now in µs, frames since the last batch, [[id, log: PackedFloat64Array, queue depth], ...]]
##           log: LOG_STRIDE numbers a call: sequence, begin in µs, duration in µs, index of its method, error
##   memory  [now in µs, [[id, the result of get_memory_info()], ...]]
##   trace   [id, a call of get_profile()]
##   inputs  [id, calls that were too large, [an entry of take_recorded_inputs(), ...]]
##   stages  [id, preparations, their µs, decodings, their µs]; of a node of a task, since the last batch
##   gone    [id]
## editor to game; each begins with a number that grows, because Godot may reverse messages that arrive together
##   describe  [number]                           say hello and all models again
##   trace     [number, id, threshold in µs]      trace calls and send those that take longer;
##                                                0 = send the next one and stop, negative = stop
##   record    [number, id, calls]                send the inputs of the next calls; 0 = stop

const VERSION: int = 3
const PREFIX: String = "executorch"
const LOG_STRIDE: int = 5
## Calls that the native log of a model holds between two batches.
const LOG_CAPACITY: int = 8192
const MOST_MODELS: int = 64
## Godot's debugger connection does not accept messages of 8 MiB; a call whose inputs are larger is not sent.
const MOST_MESSAGE_BYTES: int = 4 << 20
