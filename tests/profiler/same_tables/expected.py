"""Counts the tables of cases.json a third time, with numpy and by brute force, and shares no code with either language.

python -m tests.profiler.same_tables.expected   writes expected.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
BINS = 12


def tables(case: dict[str, Any]) -> dict[str, Any]:
    """What both languages must say of a case."""
    durations = np.array(case["durations_us"])
    low, high = shown_range(durations)
    found: dict[str, Any] = {
        "latency": latency(durations),
        "range_us": [low, high],
        "histogram": histogram(durations, low, high),
        "zoomed": histogram(durations, *zoomed_range(durations)),
        "operators": [],
        "reconciliation": {},
    }
    spans = [max(event["start_us"] + event["duration_us"] for event in call["events"]) for call in case["calls"]]
    if spans:
        quieter = [case["calls"][index] for index in np.argsort(spans, kind="stable")[: -(-len(spans) // 2)]]
        parts = sum(event["duration_us"] for event in quieter[0]["events"] if event["depth"] == 1)
        untraced, traced = min(case["untraced_us"]), min(case["traced_us"])
        found["operators"] = operators(quieter)
        found["reconciliation"] = {
            "untraced_us": untraced,
            "traced_us": traced,
            "parts_us": parts,
            "overhead": traced / untraced - 1 if untraced else 0.0,
            "covered": parts / min(spans) if min(spans) else 0.0,
        }
    return found


def latency(durations: np.ndarray[Any, Any]) -> dict[str, float]:
    p50, p90, p99 = np.percentile(durations, [50, 90, 99])
    mean = durations.mean()
    return {
        "count": durations.size,
        "mean_us": float(mean),
        "p50_us": float(p50),
        "p90_us": float(p90),
        "p99_us": float(p99),
        "min_us": float(durations.min()),
        "max_us": float(durations.max()),
        "deviation_us": float(durations.std()),
        "calls_per_second": float(1e6 / mean) if mean else 0.0,
    }


def shown_range(durations: np.ndarray[Any, Any]) -> tuple[float, float]:
    """From the shortest to the 99th percentile, and 8% (at least 1% and 0.01 us) of margin on both sides."""
    low, high = float(durations.min()), float(np.percentile(durations, 99))
    margin = max(0.08 * (high - low), 0.01 * high + 0.01)
    return max(low - margin, 0.0), high + margin


def zoomed_range(durations: np.ndarray[Any, Any]) -> tuple[float, float]:
    """A stretch with calls on both sides of it."""
    return float(np.percentile(durations, 50)), float(np.percentile(durations, 90)) + 1.0


def histogram(durations: np.ndarray[Any, Any], low: float, high: float) -> list[int]:
    """What is longer than the range is in the last bin, what is shorter in none."""
    return [int(count) for count in np.histogram(np.minimum(durations, high), BINS, (low, high))[0]]


def operators(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each name, backend and depth; the largest own time first, else in the order of execution."""
    keys: list[tuple[str, str, int]] = []
    totals: list[float] = []
    owns: list[float] = []
    whole = 0.0
    for call in calls:
        events = call["events"]
        around = [_around(events, index) for index in range(len(events))]
        for index, event in enumerate(events):
            backend = "method" if event["depth"] == 0 else event.get("backend") or "kernels"
            inside = sum(other["duration_us"] for other, parent in zip(events, around, strict=True) if parent == index)
            keys.append((event["name"], backend, event["depth"]))
            totals.append(event["duration_us"])
            owns.append(event["duration_us"] - inside)
            whole += event["duration_us"] if around[index] is None else 0.0
    rows = []
    for key in dict.fromkeys(keys):
        chosen = np.array([one == key for one in keys])
        total, own, uses = np.array(totals)[chosen].sum(), np.array(owns)[chosen].sum(), int(chosen.sum())
        row = {"name": key[0], "backend": key[1], "depth": key[2], "calls": uses / len(calls)}
        row |= {"total_us": total / len(calls), "self_us": own / len(calls), "mean_us": total / uses}
        rows.append({**row, "share": own / whole if whole else 0.0})
    # A hundred-thousandth of a nanosecond counts as equal.
    return sorted(rows, key=lambda row: -round(row["self_us"], 8))


def _around(events: list[dict[str, Any]], index: int) -> int | None:
    """The event one level up that began last, unless an event further out began since."""
    wanted = events[index]["depth"] - 1
    for before in range(index - 1, -1, -1):
        if events[before]["depth"] == wanted:
            return before
        if events[before]["depth"] < wanted:
            return None
    return None


def main() -> None:
    """Write expected.json."""
    cases = json.loads((FOLDER / "cases.json").read_text(encoding="utf-8"))
    text = json.dumps({name: tables(case) for name, case in cases.items()}, indent=1)
    (FOLDER / "expected.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
