"""Builds the metadata of a model: docs/architecture.md, "Metadata". No torch."""

from __future__ import annotations

import math
from importlib import metadata as packages
from pathlib import Path
from typing import Any

from importer.program.delegation import add_times, report
from importer.program.memory_plan import plan
from importer.program.program import Method, Program, Tensor
from importer.signature import TensorSpec

FORMAT = 1
OWN_KERNELS = "godot_executorch::"
"""How the operators of our own kernels begin."""


def of_program(
    program: Program,
    inputs: dict[str, list[TensorSpec]] | None = None,
    outputs: dict[str, list[TensorSpec]] | None = None,
    nanoseconds: dict[str, dict[str, int]] | None = None,
    value_names: dict[str, dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """The parts that a `.pte` says itself, with the source's names and ranges, the measured times and the names of
    values inside of the graphs where given."""
    methods = [method for method in program.methods if not method.is_constant]
    constants = {method.name: _finite(method.constant) for method in program.methods if method.is_constant}
    found: dict[str, Any] = {
        "methods": [
            _method(method, (inputs or {}).get(method.name), (outputs or {}).get(method.name)) for method in methods
        ],
        "constant_bytes": program.constant_bytes,
    }
    if names := sorted({name for method in methods for name in method.operators if name.startswith(OWN_KERNELS)}):
        found["own_kernels"] = names
    for described in found["methods"]:
        if names_inside := (value_names or {}).get(described["name"]):
            described["value_names"] = names_inside
        add_times(described["delegation"], (nanoseconds or {}).get(described["name"], {}))
    if constants:
        found["constants"] = constants
    if program.external_keys:
        found["external_tensors"] = len(program.external_keys)
    return found


def inspect(path: Path) -> dict[str, Any]:
    """Everything that can be read from a `.pte` in milliseconds, without torch and without its weights."""
    from importer.program.program import read_program

    program = read_program(path)
    return {
        "format": FORMAT,
        "name": path.stem,
        "payload": {"size": program.size},
        "program_version": program.version,
        **of_program(program),
    }


def versions() -> dict[str, str]:
    """The versions of the packages that made the program."""
    found = {}
    for name in ("torch", "executorch", "torchao"):
        try:
            found[name] = packages.version(name)
        except packages.PackageNotFoundError:
            continue
    return found


def _method(method: Method, inputs: list[TensorSpec] | None, outputs: list[TensorSpec] | None) -> dict[str, Any]:
    return {
        "name": method.name,
        "inputs": _tensors(method.inputs, inputs),
        "outputs": _tensors(method.outputs, outputs),
        "planned_memory": method.planned_memory,
        "operators": method.operators,
        "delegates": [
            {"backend": item.backend, "calls": item.calls, "operators": item.operators, "bytes": item.bytes}
            for item in method.delegates
        ],
        "delegation": report(method),
        "memory_plan": plan(method),
    }


def _finite(value: Any) -> Any:
    """JSON cannot represent NaN and infinity; the program itself still returns them."""
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _tensors(values: list[tuple[str, Tensor | str]], specs: list[TensorSpec] | None) -> list[dict[str, Any]]:
    found = []
    for index, (name, value) in enumerate(values):
        if specs and len(specs) == len(values):
            found.append(specs[index].metadata())
        elif isinstance(value, Tensor):
            item: dict[str, Any] = {"name": name, "dtype": value.dtype, "shape": list(value.shape)}
            if value.dynamic:
                item["dynamic"] = True  # the program does not say which dimensions
            else:
                item["ranges"] = [[size, size] for size in value.shape]
            found.append(item)
        else:
            found.append({"name": name, "dtype": value, "shape": []})
    return found
