@tool
extends RefCounted
## What the screens call an operator: the same in the inspector, the graph and the profiler.


## "mean" of "aten::mean.out", and of "native_call_mean.out" as the tracer calls it; "XNNPACK" of a delegate's call.
static func title(full_name: String, backend: String = "") -> String:
	if full_name == "DELEGATE_CALL":
		return backend_title(backend)
	return full_name.trim_prefix("aten::").trim_prefix("native_call_").trim_suffix(".out")


## "XNNPACK" of "XnnpackBackend".
static func backend_title(backend: String) -> String:
	return "XNNPACK" if backend == "XnnpackBackend" else backend.trim_suffix("Backend")
