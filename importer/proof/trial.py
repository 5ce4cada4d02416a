"""A program is run once on made-up inputs, in a process that may crash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from importer.program import beside
from importer.program.program import read_program
from importer.proof.child_runner import Call, run_program
from importer.signature import DTYPES


def try_program(params: dict[str, Any], report: Callable[[str, float], None]) -> dict[str, Any]:
    """The metadata of the program at `path` once it has run, as a task. Raises PTE_INVALID, PROGRAM_FAILED,
    PROGRAM_CRASHED, OPERATOR_MISSING, BACKEND_MISSING and DEADLINE_EXCEEDED."""
    report("validate", 0.1)
    path = Path(params["path"])
    found = beside.described(path)
    run_program(path, read_program(path), calls_of(found)[0], deadline=params["deadline_seconds"], timing=False)
    return found


def calls_of(described: dict[str, Any]) -> tuple[list[Call], str]:
    """A call of each method that takes only tensors, and a note of the others."""
    calls, left_out = [], []
    for method in described["methods"]:
        if all(item["dtype"] in DTYPES for item in method["inputs"]):
            calls.append(Call(method["name"], inputs=method["inputs"]))
        else:
            left_out.append(method["name"])
    return calls, f"Not run: {', '.join(left_out)} has inputs that are not tensors." if left_out else ""
