"""The table of operators of traced calls, and how it relates to untraced ones; the dock's operator_totals.gd and
benchmark_result.gd count the same for Godot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from python_backend.profiling.call_trace import CallTrace

LEAST_SHARE = 0.0005


@dataclass(frozen=True)
class Row:
    """One operator, per call of the method, but `mean_us` of a single use; `share` is of `self_us` in the whole."""

    name: str
    backend: str
    depth: int
    calls: float
    total_us: float
    self_us: float
    mean_us: float
    share: float


@dataclass
class _Sum:
    uses: int = 0
    total_us: float = 0.0
    self_us: float = 0.0


def table(traces: Sequence[CallTrace]) -> list[Row]:
    """Rows of traced calls, the largest own time first, equal ones in their order of execution."""
    sums: dict[tuple[str, str, int], _Sum] = {}
    whole_us = 0.0
    for trace in traces:
        for event, parent, own_us in zip(trace.events, trace.parents, trace.self_times_us(), strict=True):
            found = sums.setdefault((event.name, event.kind, event.depth), _Sum())
            found.uses += 1
            found.total_us += event.duration_us
            found.self_us += own_us
            whole_us += event.duration_us if parent < 0 else 0.0
    rows = [
        Row(
            *key,
            calls=found.uses / len(traces),
            total_us=found.total_us / len(traces),
            self_us=found.self_us / len(traces),
            mean_us=found.total_us / found.uses,
            share=found.self_us / whole_us if whole_us > 0 else 0.0,
        )
        for key, found in sums.items()
    ]
    return sorted(rows, key=lambda row: -row.self_us)


def reconciliation(
    untraced_us: Sequence[float], traced_us: Sequence[float], traces: Sequence[CallTrace]
) -> dict[str, float]:
    """How the parts of a traced call relate to an untraced call, of the shortest ones: `overhead` is the share that
    tracing adds, `covered` the share of the traced call in named operators. Empty when nothing was traced."""
    if not untraced_us or not traced_us or not traces:
        return {}
    quietest = min(traces, key=CallTrace.span_us)
    untraced, traced = min(untraced_us), min(traced_us)
    return {
        "untraced_us": untraced,
        "traced_us": traced,
        "parts_us": quietest.parts_us(),
        "overhead": traced / untraced - 1 if untraced > 0 else 0.0,
        "covered": quietest.parts_us() / max(quietest.span_us(), 1e-9),
    }


def divided(rows: list[dict[str, Any]], most: int) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """The rows that say something, at most so many, and the rest as one row: XNNPACK's clock counts whole
    microseconds, so that many of its operators come out as nothing."""
    shown = [row for row in rows[:most] if row["share"] >= LEAST_SHARE] or rows[:1]
    rest = rows[len(shown) :]
    if not rest:
        return shown, None
    sums = {name: sum(row[name] for row in rest) for name in ("self_us", "share")}
    return shown, {"name": f"{len(rest)} more", **sums}
