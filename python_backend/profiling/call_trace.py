"""One traced call as nested events: the method, its operators and delegates, the operators inside of delegates.

The same shape as `get_profile()` gives a game (native/src/core/metrics/tracer.cpp): the dock shows both in one table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from importer.program.etdump import DELEGATE_CALL, EXECUTE, KERNEL, Event, Run

METHOD, KERNELS = "method", "kernels"
"""The texts in place of a backend: of the method itself, and of operators outside of delegates."""
_OPERATOR = "OPERATOR_CALL"


@dataclass(frozen=True)
class TracedEvent:
    """Microseconds since the method began; `backend` is empty outside of delegates."""

    name: str
    backend: str
    depth: int
    start_us: float
    duration_us: float

    @property
    def kind(self) -> str:
        """The delegate, "kernels" or "method"."""
        return METHOD if self.depth == 0 else self.backend or KERNELS


@dataclass(frozen=True)
class CallTrace:
    """The events by their start, outer ones first."""

    events: list[TracedEvent]

    @cached_property
    def parents(self) -> list[int]:
        """Index of the event around each event, -1 at the top."""
        found: list[int] = []
        last_at: list[int] = []
        for index, event in enumerate(self.events):
            found.append(last_at[event.depth - 1] if 0 < event.depth <= len(last_at) else -1)
            del last_at[event.depth :]
            last_at += [-1] * (event.depth - len(last_at)) + [index]
        return found

    def self_times_us(self) -> list[float]:
        """Time of each event that is not in the events directly inside of it."""
        own = [event.duration_us for event in self.events]
        for event, parent in zip(self.events, self.parents, strict=True):
            if parent >= 0:
                own[parent] -= event.duration_us
        return own

    def span_us(self) -> float:
        """Length of the call: the last end of an event."""
        return max((event.start_us + event.duration_us for event in self.events), default=0.0)

    def parts_us(self) -> float:
        """Sum of the operators and delegates directly under the method."""
        return sum(event.duration_us for event in self.events if event.depth == 1)


def from_run(run: Run, method: str, delegate: str) -> CallTrace:
    """The call that a dump's run holds, named and nested as the game's tracer does."""
    begin = next(event.start_ns for event in run.events if event.name == EXECUTE)
    events = [_traced(event, begin, method, delegate) for event in _without_wrappers(run.events)]
    return CallTrace(sorted(events, key=lambda event: (event.start_us, event.depth)))


def quieter_half(traces: list[CallTrace]) -> list[CallTrace]:
    """The shorter half, the shortest first: in the longer ones another program may have had the processor."""
    return sorted(traces, key=CallTrace.span_us)[: (len(traces) + 1) // 2]


def _without_wrappers(events: list[Event]) -> list[Event]:
    """Without what is around kernels that report themselves. An event is written when it ends: what is inside of one
    stands just before it."""
    pairs = zip([None, *events], events, strict=False)
    return [
        event
        for before, event in pairs
        if not (event.name == _OPERATOR and before is not None and before.start_ns >= event.start_ns)
    ]


def _traced(event: Event, begin_ns: int, method: str, delegate: str) -> TracedEvent:
    name, backend, depth = event.label, "", 2
    if event.delegate_id is not None:
        backend = delegate
    elif name == EXECUTE:
        name, depth = method, 0
    elif name in (_OPERATOR, DELEGATE_CALL) or name.startswith(KERNEL):
        backend, depth = delegate if name == DELEGATE_CALL else "", 1
    return TracedEvent(name, backend, depth, (event.start_ns - begin_ns) / 1000.0, event.duration_ns / 1000.0)
