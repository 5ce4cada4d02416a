"""`python -m importer compare A.pte B.pte`: the same random inputs into both."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from importer.errors import ImporterError
from importer.metadata import inspect
from importer.pte import read_program
from importer.validate import Call, Result, run_program


def run(chosen: argparse.Namespace) -> int:
    found = compare(chosen.first, chosen.second)
    if chosen.json:
        print(json.dumps(found, indent=1))
    else:
        _print(found)
    return 0


def compare(first: Path, second: Path) -> dict[str, Any]:
    """Differences in results, size, speed and operators. Raises PROGRAMS_DIFFER when their inputs are not the same."""
    from importer.accuracy import Accuracy
    from importer.samples import from_metadata

    left, right = inspect(first), inspect(second)
    common = _common(left, right)
    calls = []
    for name, inputs in common.items():
        calls += [Call(name, tensors) for tensors in from_metadata(inputs)]
    results = [run_program(path, read_program(path), calls) for path in (first, second)]
    accuracy = Accuracy()
    for index, (expected, got) in enumerate(zip(results[0].outputs, results[1].outputs, strict=True)):
        accuracy.add(index, [], expected, got)
    difference = accuracy.metadata(None, 0.0)
    del difference["tolerance"]
    return {
        "methods": list(common),
        "programs": [_side(left, results[0]), _side(right, results[1])],
        "difference": difference,
    }


def _common(left: dict[str, Any], right: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The methods that both have, with inputs that both take."""
    others = {method["name"]: method for method in right["methods"]}
    found = {}
    for method in left["methods"]:
        inputs = _inputs_of_both(method["inputs"], others.get(method["name"], {}).get("inputs"))
        if inputs is not None:
            found[method["name"]] = inputs
    if not found:
        cause = f"{left['name']} and {right['name']} have no method with the same inputs."
        raise ImporterError("PROGRAMS_DIFFER", cause, "Compare programs that were made of the same model.", "read")
    return found


def _inputs_of_both(left: list[dict[str, Any]], right: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    """The largest inputs that both programs take; nothing when there are none. Of sizes that vary a program knows the
    upper bounds only."""
    if right is None or len(left) != len(right):
        return None
    common = []
    for one, other in zip(left, right, strict=True):
        shape = [min(pair) for pair in zip(one["shape"], other["shape"], strict=False)]
        for side in (one, other):
            if side["dtype"] != one["dtype"] or len(side["shape"]) != len(shape):
                return None
            if shape != side["shape"] and not side.get("dynamic"):
                return None
        common.append({**one, "shape": shape})
    return common


def _side(described: dict[str, Any], result: Result) -> dict[str, Any]:
    return {
        "name": described["name"],
        "size": described["payload"]["size"],
        "planned_memory": sum(sum(method["planned_memory"]) for method in described["methods"]),
        "share": [method["delegation"]["share"] for method in described["methods"]],
        "microseconds": result.microseconds,
    }


def _print(found: dict[str, Any]) -> None:
    table = Table("", *(escape(side["name"]) for side in found["programs"]))
    table.add_row("size", *(f"{side['size']:,} bytes" for side in found["programs"]))
    table.add_row("planned memory", *(f"{side['planned_memory']:,} bytes" for side in found["programs"]))
    table.add_row("delegated", *(", ".join(f"{share:.0%}" for share in side["share"]) for side in found["programs"]))
    for name in found["methods"]:
        times = (side["microseconds"].get(name, 0.0) for side in found["programs"])
        table.add_row(escape(f"time of {name}"), *(f"{value:.1f} us" for value in times))
    console = Console()
    console.print(table)
    difference = found["difference"]
    console.print(
        f"difference: absolute {difference['max_absolute']:.3g}, relative {difference['max_relative']:.3g}, "
        f"cosine {difference['cosine']:.6f} over {difference['samples']} calls",
        highlight=False,
    )
