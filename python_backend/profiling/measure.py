"""Measures one method of a program, in a child process: a damaged program can crash the runtime.

The wall clock is read around calls without tracing; operators come from separate traced calls, because tracing costs
time of its own. As in the dock, sixteen of them take turns with untraced ones, which says how much.
"""

from __future__ import annotations

import os
import platform
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from importer.cache.cache_key import external_file
from importer.errors import ImporterError
from importer.jobs.child import Report
from importer.kernels import threads
from importer.program import etdump
from importer.program.delegation import backends_missing
from importer.program.external import weights_of
from python_backend.profiling import call_trace, latency, operators
from python_backend.profiling.call_trace import CallTrace

WARM_UP_CALLS = 10
TRACED_CALLS = 16
SECONDS = 2.0
"""How long the untraced calls take when their number is not given; between 30 and 5000 of them."""


@dataclass(frozen=True)
class _Measured:
    """The measurement of one method: microseconds, and the growth of the process in bytes since before the load."""

    load: dict[str, float]
    first_us: float
    samples_us: list[float]
    traced: _Traced
    resident_bytes: int
    peak_bytes: int


def measure(params: dict[str, Any], report: Report) -> dict[str, Any]:
    """The profile of `{path, method, runs, threads, inputs, etdump}`; times in microseconds, sizes in bytes."""
    from importer.program.unchanged import unchanged

    path = Path(params["path"])
    with unchanged([path]):
        return _measure(path, params, report)


def _measure(path: Path, params: dict[str, Any], report: Report) -> dict[str, Any]:
    report("read", 0.0)
    program = _described(path)
    method = _choose_method(program, params.get("method") or "")
    weights_of(path, program.get("external_tensors"))
    _check_tensors(method)
    report("load", 0.05, "importing torch")
    native = _runtime(int(params.get("threads") or threads.default_count()), report)
    from python_backend.profiling import recording

    place = params.get("inputs") or ""
    inputs = recording.read(Path(place), method["inputs"]) if place else [_generated(method)]
    measured = _measured(native, path, method, inputs, params, report)
    quieter = call_trace.quieter_half(measured.traced.calls)
    load = measured.load
    return {
        "format": 2,
        "name": path.stem,
        "path": str(path),
        "method": method["name"],
        "inputs": method["inputs"],
        "outputs": method["outputs"],
        "given": f"the inputs of {len(inputs)} recorded calls" if place else "generated inputs",
        "delegation": method.get("delegation", {}),
        "machine": _machine(native._threadpool_get_thread_count()),
        "load": {**load, "load_us": load["program_us"] + load["method_us"], "first_call_us": measured.first_us},
        "latency": latency.summarise(measured.samples_us),
        "samples_us": [round(sample, 3) for sample in measured.samples_us],
        "operators": [asdict(row) for row in operators.table(quieter)],
        "reconciliation": operators.reconciliation(
            measured.traced.untraced_us, measured.traced.traced_us, measured.traced.calls
        ),
        "trace": {
            "count": len(measured.traced.calls),
            "events": [{**asdict(event), "kind": event.kind} for event in quieter[0].events[:5000]] if quieter else [],
        },
        "memory": _memory(path, program, method, measured.resident_bytes, measured.peak_bytes),
    }


def _runtime(thread_count: int, report: Report) -> Any:
    """ExecuTorch's native module with the kernels of Godot's runtime and a pool of so many threads."""
    import torch

    torch.set_num_threads(1)
    from importer.kernels import library, runtime

    native = runtime.native()
    import executorch.kernels.quantized  # noqa: F401  (registers its kernels)

    library.load_all(lambda path: report("load", 0.05, f"loading the kernel library {path}"))
    native._unsafe_reset_threadpool(thread_count)
    return native


def _measured(
    native: Any, path: Path, method: dict[str, Any], inputs: list[list[Any]], params: dict[str, Any], report: Report
) -> _Measured:
    import psutil

    process = psutil.Process()
    before = process.memory_info().rss
    loaded, load = _load(native, path, method, traced=False)
    resident = process.memory_info().rss - before
    report("run", 0.3, "measuring")
    samples, first_us = _time_calls(loaded[1], inputs, int(params.get("runs") or 0))
    peak = process.memory_info().rss - before
    report("trace", 0.7, "tracing")
    traced = _trace(native, path, method, loaded[1], inputs, params.get("etdump") or "")
    return _Measured(load, first_us, samples, traced, resident, peak)


def _described(path: Path) -> dict[str, Any]:
    from importer.program import beside

    return beside.described(path)


def _choose_method(program: dict[str, Any], wanted: str) -> dict[str, Any]:
    methods: dict[str, dict[str, Any]] = {method["name"]: method for method in program["methods"]}
    name = wanted or ("forward" if "forward" in methods else next(iter(methods), ""))
    if name not in methods:
        cause = f"The program has no method `{name}`; it has: {', '.join(methods) or 'none'}."
        raise ImporterError("METHOD_NOT_IN_PROGRAM", cause, "Choose one of them with --method.")
    return methods[name]


def _load(native: Any, path: Path, method: dict[str, Any], traced: bool) -> tuple[tuple[Any, Any], dict[str, float]]:
    checks = native.Verification.InternalConsistency
    external = external_file(path)
    arguments = {"data_path": str(external)} if external else {}
    if missing := sorted(
        {delegate["backend"] for delegate in method["delegates"]} - set(native._get_registered_backend_names())
    ):
        raise backends_missing(missing, "load")
    name = method["name"]
    try:
        begin = time.perf_counter()
        program = native._load_program(str(path), enable_etdump=traced, program_verification=checks, **arguments)
        middle = time.perf_counter()
        method = program.load_method(name)
        end = time.perf_counter()
    except RuntimeError as error:
        cause = f"The runtime cannot load {path.name}: {error}"
        raise ImporterError("PROGRAM_NOT_LOADED", cause, "The log has what the runtime printed.") from error
    return (program, method), {"program_us": (middle - begin) * 1e6, "method_us": (end - middle) * 1e6}


def _check_tensors(method: dict[str, Any]) -> None:
    from importer.signature import DTYPES

    odd = [item["name"] for item in method["inputs"] if item["dtype"] not in DTYPES]
    if odd:
        cause = f"The method `{method['name']}` has inputs that are not tensors: {', '.join(odd)}."
        raise ImporterError("INPUTS_NOT_GENERATED", cause, "Choose another method with --method.")


def _generated(method: dict[str, Any]) -> list[Any]:
    from importer.inputs import made_up

    return made_up.make_all(method["inputs"])


def _time_calls(method: Any, inputs: list[list[Any]], runs: int) -> tuple[list[float], float]:
    """Microseconds of each call, and of the first one; the inputs take turns."""
    first = _timed(method, inputs[0])
    for turn in range(WARM_UP_CALLS):
        usual = _timed(method, inputs[turn % len(inputs)])
    count = runs or max(30, min(5000, int(SECONDS * 1e6 / max(usual, 1.0))))
    return [_timed(method, inputs[turn % len(inputs)]) for turn in range(count)], first


def _timed(method: Any, inputs: list[Any]) -> float:
    begin = time.perf_counter_ns()
    method.call(inputs, clone_outputs=False)
    return (time.perf_counter_ns() - begin) / 1000.0


@dataclass(frozen=True)
class _Traced:
    """Traced calls, and the wall time of each and of the untraced call after it."""

    calls: list[CallTrace]
    traced_us: list[float]
    untraced_us: list[float]


def _trace(
    native: Any, path: Path, method: dict[str, Any], untraced: Any, inputs: list[list[Any]], keep: str
) -> _Traced:
    # The program must live as long as its method.
    (program, traced), _ = _load(native, path, method, traced=True)
    for turn in range(WARM_UP_CALLS):
        traced.call(inputs[turn % len(inputs)], clone_outputs=False)
    traced_us, untraced_us = [], []
    # Only calls of the same moment compare on a machine that does other things too.
    for turn in range(TRACED_CALLS):
        traced_us.append(_timed(traced, inputs[turn % len(inputs)]))
        untraced_us.append(_timed(untraced, inputs[turn % len(inputs)]))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(keep) if keep else Path(folder) / "calls.etdp"
        program.write_etdump_result_to_file(str(target), str(Path(folder) / "debug.bin"))
        runs = etdump.calls(etdump.read(target))[WARM_UP_CALLS:]
    calls = [call_trace.from_run(run, method["name"], delegate_name(method)) for run in runs]
    return _Traced(calls, traced_us, untraced_us)


def _memory(
    path: Path, program: dict[str, Any], method: dict[str, Any], resident: int, peak: int
) -> dict[str, int | list[int]]:
    """Bytes in the file, with the weights outside of it, and of the process; `planned` as in a game's
    get_memory_info(): each arena."""
    outside = sum(item["size"] for item in program["payload"].get("external", []))
    size, constants = path.stat().st_size + outside, int(program.get("constant_bytes", 0)) + outside
    planned: list[int] = method["planned_memory"]
    return {
        "file": size,
        "constants": constants,
        "rest_of_file": max(0, size - constants),
        "delegates": sum(item["bytes"] for item in method["delegates"]),
        "planned": planned,
        "planned_total": sum(planned),
        "resident_after_load": resident,
        "resident_after_calls": peak,
    }


def delegate_name(method: dict[str, Any]) -> str:
    """The name of a traced delegate's backend; the dump does not say which of several it is."""
    names = sorted({item["backend"] for item in method["delegates"]})
    return names[0] if len(names) == 1 else "delegate"


def _machine(thread_count: int) -> dict[str, Any]:
    from importlib import metadata

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "threads": thread_count,
        "executorch": metadata.version("executorch"),
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    found = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return found[0] if found else platform.processor()
