"""Which part of a method runs on a backend, and why the rest stayed behind. No torch."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from importer.errors import ImporterError
from importer.program.etdump import DELEGATES
from importer.program.program import Method

# What XNNPACK's partitioner has a configuration for; the same names as ATen's.
_KNOWN = (
    "abs add addmm amax argmax avg_pool2d bmm cat ceil clamp clone constant_pad_nd convolution conv1d conv2d cos div "
    "elu exp floor gelu hardswish hardtanh leaky_relu linear log max_pool2d max_pool2d_with_indices maximum mean "
    "minimum mm mul neg permute permute_copy pow prelu relu rsqrt sigmoid sin slice slice_copy softmax _softmax sqrt "
    "square sub tanh to_dim_order_copy _to_dim_order_copy upsample_bilinear2d view view_copy "
)
XNNPACK_KNOWS = frozenset(_KNOWN.split())
_SHIPPED = {"aten", "dim_order_ops", "executorch_prim", "quantized_decomposed", "godot_executorch"}
SLOW, SLICES, FASTEST_NOTE = "Slow: ", "Slices: ", "Measured: "
MEASURED = (SLOW, SLICES, FASTEST_NOTE)
"""How notes about times begin."""
_MUCH_SLOWER = 3
_NOTICED_MICROSECONDS = 1000  # below it a game does not notice
SYSTEMS = {"CoreMLBackend": ("macos", "ios"), "MPSBackend": ("macos", "ios"), "MLXBackend": ("macos",)}
"""Godot's feature tags of the systems that have a backend, where not all do."""
THIS_SYSTEM = {"darwin": "macos", "win32": "windows"}.get(sys.platform, "linux")
_NAMES = {"macos": "macOS", "ios": "iOS"}
# Bookkeeping that costs next to nothing on any kernel.
_FREE = ("executorch_prim::", "aten::sym_size", "aten::_local_scalar_dense", "dim_order_ops::_empty_dim_order")


def add_times(report: dict[str, Any], nanoseconds: dict[str, int]) -> None:
    """Put the measured shares of time into a report: `time_share` of what is delegated, and of each operator that
    stayed behind. Nothing is added when nothing was measured."""
    total = sum(nanoseconds.values())
    if not total:
        return
    report["time_share"] = round(nanoseconds.get(DELEGATES, 0) / total, 4)
    for item in report["left_behind"]:
        name = item["operator"].partition("::")[2]
        if name in nanoseconds:
            item["time_share"] = round(nanoseconds[name] / total, 4)
    report["left_behind"].sort(key=lambda item: -item.get("time_share", 0.0))


def slow_note(body: dict[str, Any]) -> str:
    """A note on a program that is much slower than eager PyTorch; empty for others."""
    eager, ours = body["timings"]["eager_us"], body["timings"].get("executorch_us", 0.0)
    if ours < _MUCH_SLOWER * eager or ours < _NOTICED_MICROSECONDS:
        return ""
    behind = [item for item in body["methods"][0]["delegation"]["left_behind"] if item.get("time_share", 0.0) > 0.1]
    names = ", ".join(f"{item['operator']} {item['time_share']:.0%}" for item in behind[:3])
    where = f" Its time goes to operators that no backend took: {names}." if names else ""
    return (
        f"{SLOW}a call takes {ours / 1e3:,.1f} ms, in eager PyTorch {eager / 1e3:,.1f} ms.{where} Write these parts "
        "with operators that XNNPACK has, give it fewer steps or smaller inputs, or compare the recipes with sweep."
    )


def library_note(body: dict[str, Any], libraries: list[str]) -> str:
    """A note on operators that a library of the game has; empty when the program calls none."""
    called = {name for method in body["methods"] for name in method.get("operators", {})}
    foreign = sorted(name for name in called if name.partition("::")[0] not in _SHIPPED)
    if not foreign or not libraries:
        return ""
    return (
        f"The game must ship {', '.join(libraries)} and name it in the project setting executorch/runtime/libraries: "
        f"the program calls {', '.join(foreign)}."
    )


def report(method: Method) -> dict[str, Any]:
    """{delegated, total, share, left_behind: [{operator, count, reason}]}, counted in operator calls."""
    delegated = sum(sum(item.operators.values()) * max(item.calls, 1) for item in method.delegates)
    behind = {name: count for name, count in method.operators.items() if not name.startswith(_FREE)}
    total = delegated + sum(behind.values())
    # A backend whose blobs cannot be read still ran something.
    opaque = any(not item.operators for item in method.delegates)
    found: dict[str, Any] = {
        "delegated": delegated,
        "total": total,
        "share": round(delegated / total, 4) if total else 0.0,
        "left_behind": [
            {"operator": name, "count": count, "reason": _reason(name, bool(method.delegates))}
            for name, count in behind.items()
        ],
    }
    if opaque:
        found["opaque"] = True
    return found


def systems_of(backends: Iterable[str]) -> list[str]:
    """The feature tags of the only systems that have these backends; empty when all have them."""
    limits = [SYSTEMS[name] for name in backends if name in SYSTEMS]
    return [tag for tag in limits[0] if all(tag in others for others in limits)] if limits else []


def names_of(systems: Iterable[str]) -> str:
    """Feature tags as people write them: `macOS and iOS`."""
    return " and ".join(_NAMES[tag] for tag in systems)


def backends_missing(names: Sequence[str], stage: str, log: str = "") -> ImporterError:
    """The error of a program whose backends the runtime of this machine does not have."""
    there = systems_of(names)
    cause = f"The program needs backends that Godot's runtime does not provide: {', '.join(names)}."
    remedy = "Export it for XNNPACK or the portable kernels."
    if there:
        cause = f"The program runs on {names_of(there)} only: it needs {', '.join(names)}, which is not on this system."
        remedy = "Run it there. For this system, import the network with a recipe of XNNPACK or the portable kernels."
    return ImporterError("BACKEND_MISSING", cause, remedy, stage, log)


def share_text(delegation: Mapping[str, Any]) -> str:
    """The share of a report in percent; `unknown` when a backend's blobs cannot be read."""
    return "unknown" if delegation.get("opaque") else f"{delegation['share']:.0%}"


def _reason(operator: str, has_delegate: bool) -> str:
    name = operator.partition("::")[2].partition(".")[0]
    if not has_delegate:
        return "nothing in this method was delegated"
    if name in XNNPACK_KNOWS:
        return "XNNPACK has this operator, but not with these shapes, dtypes or arguments"
    return "XNNPACK does not support this operator"
