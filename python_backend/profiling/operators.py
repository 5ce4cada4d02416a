"""The table of operators of traced calls; its parts add up to the time of the calls."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from python_backend.profiling.etdump import Event, Run

KERNELS = "kernels"
"""The backend of operators that no delegate took: ExecuTorch's own kernels."""
RUNTIME = "runtime"


@dataclass(frozen=True)
class Row:
    """One operator. Times are microseconds per call of the method; `share` is of the whole call, 0 to 1."""

    operator: str
    backend: str
    calls: float
    total_us: float
    mean_us: float
    share: float


def table(runs: list[Run], delegate: str) -> list[Row]:
    """Rows of traced calls, the longest first. `delegate` names the backend of delegate calls."""
    if not runs:
        return []
    times: dict[tuple[str, str], int] = defaultdict(int)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    whole = 0
    for run in runs:
        for event, own_ns in _own_times(run.events):
            key = _key(event, delegate)
            times[key] += own_ns
            counts[key] += 1
            whole += event.duration_ns if event.name == "Method::execute" else 0
    rows = []
    for key, total in times.items():
        per_call = total / len(runs) / 1000.0
        count = counts[key] / len(runs)
        share = total / whole if whole else 0.0
        rows.append(Row(*key, calls=count, total_us=per_call, mean_us=per_call / count, share=share))
    return sorted(rows, key=lambda row: -row.total_us)


def _own_times(events: list[Event]) -> list[tuple[Event, int]]:
    """Each event with its time less that of the events directly within it."""
    own = [event.duration_ns for event in events]
    path: list[int] = []
    for index, event in enumerate(events):
        del path[event.depth :]
        if path:
            own[path[-1]] -= event.duration_ns
        path.append(index)
    return list(zip(events, own, strict=True))


def _key(event: Event, delegate: str) -> tuple[str, str]:
    name = event.label
    if name == "Method::execute":
        return "between the operators", RUNTIME
    if name == "OPERATOR_CALL":
        return "calling kernels", RUNTIME
    if name == "DELEGATE_CALL":
        return "in and out of the delegate", delegate
    if name.startswith("native_call_"):
        return "aten::" + name.removeprefix("native_call_"), KERNELS
    # XNNPACK numbers its operators: "Convolution (NHWC, F32) IGEMM #3".
    return re.sub(r" #\d+$", "", name), delegate if event.delegate_id is not None else KERNELS
