"""Runs a program in a process of its own: `python -m importer.runner FOLDER`. A crash here is an error of the model.

The folder has request.json {payload, external, calls: [{method, inputs: [dtype and shape] | count, load}], timing} and
maybe samples.pt (a list of lists of tensors, one for each call); it gets response.json and outputs.pt.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

_TIMING_SECONDS = 0.15
_TRACED_CALLS = 4  # the first only warms up


def run(folder: Path) -> None:
    """Answer the request of a folder. What fails is in the response with the step and ExecuTorch's error text."""
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    response: dict[str, Any] = {"step": "start"}
    try:
        _run(folder, request, response)
        response["step"] = "done"
    except Exception as error:
        response["error"] = f"{type(error).__name__}: {error}"
    (folder / "response.json").write_text(json.dumps(response), encoding="utf-8")


def _run(folder: Path, request: dict[str, Any], response: dict[str, Any]) -> None:
    import torch

    # After a fork torch's own threads are gone; ExecuTorch makes a pool of its own.
    torch.set_num_threads(1)
    from executorch.extension.pybindings import _C

    response["step"] = "libraries"
    before = set(_C._get_registered_backend_names())
    load_libraries()
    response["step"] = "registered"
    missing = sorted(set(request["operators"]) - shipped_operators())
    if missing:
        response["missing_operators"] = missing
        return
    available = set(_C._get_registered_backend_names())
    brought = available - before
    unknown = sorted(set(request["backends"]) - (available & SHIPPED_BACKENDS) - brought)
    if unknown:
        response["missing_backends"] = unknown
        return
    response["step"] = "load"
    external = request["external"]
    arguments = {"data_path": external[0]} if external else {}
    checks = _C.Verification.InternalConsistency
    program: Any = None
    methods: dict[str, Any] = {}

    def loaded(name: str) -> Any:
        nonlocal program
        if program is None:
            program = _C._load_program(request["payload"], program_verification=checks, **arguments)
        if name not in methods:
            response["step"] = f"load_method {name}"
            methods[name] = program.load_method(name)
        return methods[name]

    calls = request["calls"]
    samples = torch.load(folder / "samples.pt", weights_only=True) if (folder / "samples.pt").exists() else None
    outputs: list[list[Any]] = [[] for _ in calls]
    fill_new_memory(True)
    load = 0
    for index, call in sorted(enumerate(calls), key=lambda item: item[1]["load"]):
        if call["load"] != load:
            # First the old one goes: its memory must not serve the new one.
            methods.clear()
            program, load = None, call["load"]
        method = loaded(call["method"])
        response["step"] = f"run {call['method']} (call {index + 1} of {len(calls)})"
        inputs = samples[index] if samples is not None else _random_inputs(call["inputs"], index)
        outputs[index] = [value for value in method.call(inputs) if isinstance(value, torch.Tensor)]
    fill_new_memory(False)
    if samples is not None:
        torch.save(outputs, folder / "outputs.pt")
    response["microseconds"] = {}
    for index, call in enumerate(calls):
        name = call["method"]
        if request["timing"] and name not in response["microseconds"]:
            method = loaded(name)
            response["step"] = f"time {name}"
            inputs = samples[index] if samples is not None else _random_inputs(call["inputs"], index)
            response["microseconds"][name] = median_microseconds(lambda m=method, i=inputs: m.call(i))
            response["step"] = f"trace {name}"
            response.setdefault("nanoseconds", {})[name] = _trace(folder, request["payload"], name, inputs, arguments)


def _trace(folder: Path, payload: str, name: str, inputs: list[Any], arguments: dict[str, str]) -> dict[str, int]:
    """Where the time of some calls goes; on a program of its own, as recording costs time. Empty when it cannot be
    recorded: the program has already run."""
    from executorch.extension.pybindings import _C

    from importer import call_times

    checks = _C.Verification.InternalConsistency
    try:
        program = _C._load_program(payload, enable_etdump=True, program_verification=checks, **arguments)
        method = program.load_method(name)
        for _ in range(_TRACED_CALLS):
            method.call(inputs)
        program.write_etdump_result_to_file(str(folder / "calls.etdp"), str(folder / "debug.bin"))
    except RuntimeError:
        return {}
    return call_times.read(folder / "calls.etdp")


_M_PERTURB = -6  # of glibc's malloc.h


def fill_new_memory(on: bool) -> None:
    """Let allocations of this process begin with a pattern in place of zeros, so that a kernel which reads memory that
    it never wrote is always wrong and not by chance right. Only with glibc; elsewhere nothing happens."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_PERTURB, 165 if on else 0)


# Paths of the kernel and backend libraries that the game itself loads (executorch/runtime/libraries), as PATH has them.
LIBRARIES = "EXECUTORCH_LIBRARIES"


def load_libraries() -> None:
    """Load what the game will have beside the shipped kernels. An OSError names the library."""
    for path in os.environ.get(LIBRARIES, "").split(os.pathsep):
        if path:
            ctypes.CDLL(path)


# The backends that the Godot runtime is built with.
SHIPPED_BACKENDS = {"XnnpackBackend"}


def shipped_operators() -> set[str]:
    """The operators that the Godot runtime has: kernels_optimized and kernels_quantized, the same libraries as here,
    and what the game's own libraries have registered."""
    import executorch.kernels.quantized  # noqa: F401  (registers its kernels)
    from executorch.extension.pybindings import _C

    return set(_C._get_operator_names())


def median_microseconds(call: Any) -> float:
    """The median time of a call, from as many as fit into a moment."""
    times: list[float] = []
    began = time.perf_counter()
    while not times or (time.perf_counter() - began < _TIMING_SECONDS and len(times) < 200):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1e6


def _random_inputs(specs: list[dict[str, Any]], index: int) -> list[Any]:
    from importer.samples import from_metadata

    return next(iter(from_metadata(specs, 20 + index)))


if __name__ == "__main__":
    run(Path(sys.argv[1]))
