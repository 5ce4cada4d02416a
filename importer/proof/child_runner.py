"""Reloads a written program in a child process and runs it. No torch here unless it is there already."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from importer.errors import ImporterError
from importer.kernels import library
from importer.program.delegation import backends_missing
from importer.program.etdump import Longest
from importer.program.external import weights_of
from importer.program.program import Program

if sys.platform != "win32":
    from importer import posix

_START = Path(__file__).parents[1] / "jobs" / "start.py"
_CODES = {
    "0x1": "Internal", "0x2": "InvalidState", "0x10": "NotSupported", "0x12": "InvalidArgument",
    "0x14": "OperatorMissing",
    "0x20": "NotFound", "0x21": "MemoryAllocationFailed", "0x22": "AccessFailed", "0x23": "InvalidProgram",
    "0x24": "InvalidExternalData", "0x30": "DelegateInvalidCompatibility",
}  # fmt: skip


# What to use in place of an operator that the runtime does not provide.
_INSTEAD = {
    "aten::_embedding_bag_forward_only.out": "In place of nn.EmbeddingBag use nn.Embedding, with the same weights, and "
    "the mean or sum of its result over the words.",
}


_UNHANDLED = re.compile(r"Unhandled dtype (\w+) for (\S+)")
_NOISE = ("cpuinfo", "torchao", "Warning", "warn")
_REASONS = ("Check failed", "Expected", "xpected", "nsupported", "failed", "issing", "nvalid", "not ")


@dataclass
class Call:
    """One call of a method: tensors to give it, or the inputs' metadata when they should be random. load: calls with
    another number are made on another load of the program, one load after the other."""

    method: str
    tensors: list[Any] | None = None
    inputs: list[dict[str, Any]] = field(default_factory=list)
    load: int = 0


@dataclass
class Result:
    """outputs: a list of tensors for each call (empty for random inputs). microseconds: method -> median time.
    nanoseconds: method -> where the time of some traced calls went, see importer/program/etdump.py. longest: method ->
    its longest instruction. threads: how many computed what was measured."""

    outputs: list[list[Any]]
    microseconds: dict[str, float]
    log: str
    nanoseconds: dict[str, dict[str, int]] = field(default_factory=dict)
    longest: dict[str, Longest] = field(default_factory=dict)
    threads: int = 0


def run_program(
    payload: Path, program: Program, calls: list[Call], *, deadline: float = 300, timing: bool = True
) -> Result:
    """Run calls on a payload, load by load and in order. Raises PROGRAM_CRASHED, PROGRAM_FAILED, BROKEN_PACKAGE,
    LIBRARY_NOT_LOADED, OPERATOR_MISSING, BACKEND_MISSING, EXTERNAL_WEIGHTS_MISSING and DEADLINE_EXCEEDED."""
    with tempfile.TemporaryDirectory(prefix="executorch-validate-") as name:
        folder = Path(name)
        external = weights_of(payload, program.external_keys)
        request = {
            "payload": str(payload),
            "external": [str(external)] if external else [],
            "operators": sorted({operator for method in program.methods for operator in method.operators}),
            "backends": sorted({delegate.backend for method in program.methods for delegate in method.delegates}),
            "calls": [{"method": call.method, "inputs": call.inputs, "load": call.load} for call in calls],
            "timing": timing,
        }
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        if any(call.tensors is not None for call in calls):
            import torch

            torch.save([call.tensors for call in calls], folder / "samples.pt")
        status = _run_child(folder, deadline)
        log = _log(folder)
        response = _response(folder)
        step = str(response.get("step", "start"))
        if step == "library":
            reason = "it does not end" if status is None else f"the process that loads it ends ({_status_text(status)})"
            raise library.not_loaded(response.get("library", ""), reason, log)
        if status is None:
            cause = f"Running the program took more than {deadline:.0f} seconds."
            raise ImporterError("DEADLINE_EXCEEDED", cause, "Raise the option 'deadline_seconds'.", "validate", log)
        if status != 0 or not response:
            cause = f"The program crashed the process that ran it ({_status_text(status)})."
            remedy = (
                "The file may be damaged or need another version of ExecuTorch; export it again, or use another recipe."
            )
            raise ImporterError("PROGRAM_CRASHED", cause, remedy, "validate", log)
        _check(response, step, log)
        outputs = []
        if (folder / "outputs.pt").exists():
            import torch

            outputs = torch.load(folder / "outputs.pt", weights_only=True)
        return Result(
            outputs,
            response.get("microseconds", {}),
            log,
            response.get("nanoseconds", {}),
            {name: Longest(*found) for name, found in response.get("longest", {}).items()},
            response.get("threads", 0),
        )


def _check(response: dict[str, Any], step: str, log: str) -> None:
    if known := response.get("known"):
        raise ImporterError(known["code"], known["cause"], known["remedy"], "validate", known["log"])
    if names := response.get("missing_operators"):
        cause = f"The program needs operators that Godot's runtime does not provide: {', '.join(names)}."
        otherwise = (
            "Write the model without them, or name the library that has them in the project setting "
            "executorch/runtime/libraries."
        )
        remedy = " ".join(_INSTEAD[name] for name in names if name in _INSTEAD) or otherwise
        raise ImporterError("OPERATOR_MISSING", cause, remedy, "validate", log)
    if names := response.get("missing_backends"):
        raise backends_missing(names, "validate", log)
    if (error := response.get("error")) and (found := _UNHANDLED.search(log)):
        dtype, kernel = found.group(1).lower(), found.group(2)
        cause = f"ExecuTorch's kernel {kernel} does not compute {dtype}, which the model uses."
        remedy = f"Let the model use another dtype in place of {dtype}, such as int32 or float32: `.to(torch.int32)`."
        raise ImporterError("PROGRAM_FAILED", cause, remedy, "validate", log)
    if error:
        codes = [
            f"{code} {name}" for code, name in _CODES.items() if f"{code}" in error.split() or f"error: {code}" in error
        ]
        first = error.splitlines()[0][:300]
        what = f" ({codes[-1]})" if codes else ""
        cause = f"ExecuTorch refused the program at '{step}'{what}: {first}{_own_line(log)}"
        remedy = (
            "The log has ExecuTorch's own message; try another recipe, or write this part of the model differently."
        )
        raise ImporterError("PROGRAM_FAILED", cause, remedy, "validate", log)


def _own_line(log: str) -> str:
    """ExecuTorch's reason, which only its log has."""
    lines = [line.strip() for line in log.splitlines() if not any(word in line for word in _NOISE)]
    reasons = [line for line in lines if any(word in line for word in _REASONS)]
    return f" ({reasons[0].rpartition('] ')[2][:300]})" if reasons else ""


def _run_child(folder: Path, deadline: float) -> int | None:
    """The child's exit status, or nothing when it took too long."""
    # A fork of a process that has torch starts in milliseconds instead of seconds; in a sandbox nothing else can start.
    if sys.platform == "linux":
        return posix.wait_for(posix.fork(partial(_run_forked, folder)), deadline)
    return _run_spawned(folder, deadline)


def _run_spawned(folder: Path, deadline: float) -> int | None:
    with (folder / "log.txt").open("wb") as log:
        command = [sys.executable, str(_START), "proof", str(folder)]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            return child.wait(deadline)
        except subprocess.TimeoutExpired:
            return None
        finally:
            child.kill()
            child.wait()


def _run_forked(folder: Path) -> None:
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    # ExecuTorch's binding writes to Python's streams, which need not be those two descriptors.
    sys.stdout = sys.stderr = os.fdopen(log, "w", 1, errors="backslashreplace")
    from importer.proof import child_main

    child_main.run(folder)


def _response(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / "response.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _log(folder: Path) -> str:
    try:
        return (folder / "log.txt").read_bytes()[-20_000:].decode("utf-8", "replace")
    except OSError:
        return ""


def _status_text(status: int) -> str:
    if status < 0:
        try:
            return signal.Signals(-status).name
        except ValueError:
            return f"signal {-status}"
    return f"exit status {status}"
