"""Runs a program in its own process: `importer/jobs/start.py proof FOLDER`. A crash is an error of the model.

The folder has request.json {payload, external, calls: [{method, inputs: [dtype and shape] | count, load}], timing} and
maybe samples.pt (a list of lists of tensors, one for each call); it gets response.json and outputs.pt.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import time
from pathlib import Path
from typing import Any

from importer.errors import ImporterError, broken_package
from importer.program import etdump

_TIMING_SECONDS = 0.15
_TRACED_CALLS = 4  # the first only warms up


def run(folder: Path) -> None:
    """Answer the request of a folder. The response has an error's step and ExecuTorch's text."""
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    response: dict[str, Any] = {"step": "start"}
    try:
        _run(folder, request, response)
        response["step"] = "done"
    except Exception as error:
        if known := error if isinstance(error, ImporterError) else broken_package(error, "validate"):
            response["known"] = known.data()
        response["error"] = f"{type(error).__name__}: {error}"
    _write(folder, response)


def _write(folder: Path, response: dict[str, Any]) -> None:
    (folder / "response.json").write_text(json.dumps(response), encoding="utf-8")


def _run(folder: Path, request: dict[str, Any], response: dict[str, Any]) -> None:
    import torch

    # A fork does not have torch's own threads; ExecuTorch makes a pool of its own.
    torch.set_num_threads(1)
    if not _is_complete(folder, request, response):
        return
    response["threads"] = _use_threads_of_a_game()
    response["step"] = "load"
    calls = request["calls"]
    samples = torch.load(folder / "samples.pt", weights_only=True) if (folder / "samples.pt").exists() else None
    inputs = samples if samples is not None else [_made_up(call["inputs"], index) for index, call in enumerate(calls)]
    loads = _Loads(request, response)
    fill_new_memory(True)
    outputs = _call_all(calls, inputs, samples is None, loads, response)
    fill_new_memory(False)
    if samples is not None:
        torch.save(outputs, folder / "outputs.pt")
    response["microseconds"] = {}
    if request["timing"]:
        first = {call["method"]: given for call, given in zip(reversed(calls), reversed(inputs), strict=True)}
        _measure(folder, first, loads, response)


def _measure(folder: Path, first: dict[str, Any], loads: _Loads, response: dict[str, Any]) -> None:
    """Times of each method with the inputs of its first call; then where they go."""
    for name, given in first.items():
        response["microseconds"][name] = _time(loads, name, given, response)
    loads.forget()  # the program of the trace has weights of its own
    for name, given in first.items():
        response["step"] = f"trace {name}"
        runs = _trace(folder, loads, name, given)
        response.setdefault("nanoseconds", {})[name] = etdump.times_by_operator(runs)
        response.setdefault("longest", {})[name] = etdump.longest_instruction(runs)


def _time(loads: _Loads, name: str, given: Any, response: dict[str, Any]) -> float:
    method = loads.method(name)
    response["step"] = f"time {name}"
    return median_microseconds(lambda: method.call(given))


def _is_complete(folder: Path, request: dict[str, Any], response: dict[str, Any]) -> bool:
    """Whether the Godot runtime has all operators and backends of the program; the response lists the missing ones."""
    from importer.kernels import library, runtime

    native = runtime.native()
    before = set(native._get_registered_backend_names())
    library.load_all(lambda path: _write(folder, {"step": "library", "library": str(path)}))
    response["step"] = "registered"
    if missing := sorted(set(request["operators"]) - shipped_operators()):
        response["missing_operators"] = missing
        return False
    available = set(native._get_registered_backend_names())
    brought = available - before
    if unknown := sorted(set(request["backends"]) - (available & SHIPPED_BACKENDS) - brought):
        response["missing_backends"] = unknown
        return False
    return True


def _use_threads_of_a_game() -> int:
    """Before the first load: a loaded program keeps the pool that it was loaded with."""
    from importer.kernels import runtime, threads

    runtime.native()._unsafe_reset_threadpool(threads.default_count())
    return int(runtime.native()._threadpool_get_thread_count())


class _Loads:
    """The program, loaded at its first use and again after `forget`."""

    def __init__(self, request: dict[str, Any], response: dict[str, Any]) -> None:
        self._payload = request["payload"]
        self._external = {"data_path": request["external"][0]} if request["external"] else {}
        self._response = response
        self._program: Any = None
        self._methods: dict[str, Any] = {}

    def method(self, name: str) -> Any:
        if self._program is None:
            self._program = self.program()
        if name not in self._methods:
            self._response["step"] = f"load_method {name}"
            self._methods[name] = self._program.load_method(name)
        return self._methods[name]

    def program(self, enable_etdump: bool = False) -> Any:
        """A load of its own."""
        from importer.kernels.runtime import native

        checks = native().Verification.InternalConsistency
        return native()._load_program(
            self._payload, enable_etdump=enable_etdump, program_verification=checks, **self._external
        )

    def forget(self) -> None:
        """Free the loaded program, so that the next load does not reuse its memory."""
        self._methods.clear()
        self._program = None


def _call_all(
    calls: list[dict[str, Any]], inputs: list[Any], made_up: bool, loads: _Loads, response: dict[str, Any]
) -> list[list[Any]]:
    import torch

    outputs: list[list[Any]] = [[] for _ in calls]
    load = 0
    for index, call in sorted(enumerate(calls), key=lambda item: item[1]["load"]):
        if call["load"] != load:
            loads.forget()
            load = call["load"]
        method = loads.method(call["method"])
        response["step"] = f"run {call['method']} (call {index + 1} of {len(calls)})"
        try:
            results = method.call(inputs[index])
        except RuntimeError:
            if not made_up:
                raise
            inputs[index] = [torch.ones_like(value) for value in inputs[index]]  # a divisor may not be 0
            results = method.call(inputs[index])
        outputs[index] = [value for value in results if isinstance(value, torch.Tensor)]
    return outputs


def _trace(folder: Path, loads: _Loads, name: str, inputs: list[Any]) -> list[etdump.Run]:
    """Where the time of some calls goes; on a program of its own, as recording costs time. Empty when it cannot be
    recorded: the program has already run."""
    from importer.errors import ImporterError

    try:
        program = loads.program(enable_etdump=True)
        method = program.load_method(name)
        for _ in range(_TRACED_CALLS):
            method.call(inputs)
        program.write_etdump_result_to_file(str(folder / "calls.etdp"), str(folder / "debug.bin"))
        return etdump.read(folder / "calls.etdp")
    except (RuntimeError, ImporterError):
        return []


_M_PERTURB = -6  # of glibc's malloc.h


def fill_new_memory(on: bool) -> None:
    """Let allocations of this process begin with a pattern in place of zeros, so that a kernel which reads memory that
    it never wrote is always wrong and not by chance right. Only with glibc; elsewhere nothing happens."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_PERTURB, 165 if on else 0)


# The backends that the Godot runtime is built with.
SHIPPED_BACKENDS = {"XnnpackBackend"}


def shipped_operators() -> set[str]:
    """The operators that Godot's runtime provides: kernels_optimized and kernels_quantized, the same libraries as here,
    and what the game's own libraries have registered."""
    from importer.kernels.runtime import native

    names = native()
    import executorch.kernels.quantized  # noqa: F401  (registers its kernels)

    return set(names._get_operator_names())


def median_microseconds(call: Any) -> float:
    """The median time of a call, from as many as fit into a moment."""
    times: list[float] = []
    began = time.perf_counter()
    while not times or (time.perf_counter() - began < _TIMING_SECONDS and len(times) < 200):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1e6


def _made_up(specs: list[dict[str, Any]], index: int) -> list[Any]:
    from importer.inputs import made_up

    return list(made_up.make_all(specs, index))
