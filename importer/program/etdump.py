"""Reads ExecuTorch's event dumps (`.etdp`) without torch; the same numbers as executorch.devtools.Inspector.

Times are nanoseconds of the runtime's own clock. The schema is `etdump_schema_flatcc.fbs` of ExecuTorch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from importer.errors import ImporterError
from importer.program.flatbuffer import Malformed, Region, Table

EXECUTE, DELEGATE_CALL, KERNEL = "Method::execute", "DELEGATE_CALL", "native_call_"
"""The names of events: a whole call, a delegate's part, and what stands before a kernel's operator."""
DELEGATES = "delegates"
_I32, _U32, _U64 = Struct("<i"), Struct("<I"), Struct("<Q")


@dataclass(frozen=True)
class Event:
    """One timed part of a call. `delegate_id` is the backend's own name of it."""

    name: str
    instruction: int
    delegate_id: int | str | None
    start_ns: int
    end_ns: int

    @property
    def label(self) -> str:
        """Its name; a backend's own event has only an identifier."""
        return self.name or str(self.delegate_id)

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns


@dataclass(frozen=True)
class Run:
    """The events of one block (a load or a call), by their end: inner ones first."""

    name: str
    events: list[Event]


class Longest(NamedTuple):
    """The instruction that takes longest and its median time; an empty label when there is none. delegates: the times
    of all delegates of the method together."""

    label: str = ""
    nanoseconds: int = 0
    delegates: int = 0


def read(path: Path) -> list[Run]:
    """All runs of a dump; raises ETDUMP_INVALID."""
    data = path.read_bytes()
    try:
        if data[8:12] != b"ED00":
            raise Malformed("it does not begin with ED00")
        (size,) = _U32.unpack_from(data, 0)
        root = Region(data, 4, size, len(data)).root()
        return [_run(table) for table in root.tables(1)]
    except Malformed as error:
        cause = f"{path.name} is not an event dump of ExecuTorch: {error}."
        raise ImporterError("ETDUMP_INVALID", cause, "Record the profile again.") from error


def calls(runs: list[Run]) -> list[Run]:
    """Only the runs that are calls of a method."""
    return [run for run in runs if any(event.name == EXECUTE for event in run.events)]


def times_by_operator(runs: list[Run]) -> dict[str, int]:
    """Nanoseconds by operator (`add.out`), and all of the delegates' under DELEGATES; the first call is left out, as
    it warms up."""
    total: dict[str, int] = {}
    for run in calls(runs)[1:]:
        for event in run.events:
            if event.name == DELEGATE_CALL or event.name.startswith(KERNEL):
                key = DELEGATES if event.name == DELEGATE_CALL else event.name.removeprefix(KERNEL)
                total[key] = total.get(key, 0) + event.duration_ns
    return total


def longest_instruction(runs: list[Run]) -> Longest:
    """The first call is left out."""
    times: dict[int, list[int]] = {}
    labels: dict[int, str] = {}
    for run in calls(runs)[1:]:
        for event in run.events:
            if event.name == DELEGATE_CALL or event.name.startswith(KERNEL):
                times.setdefault(event.instruction, []).append(event.duration_ns)
                labels[event.instruction] = event.name.removeprefix(KERNEL)
    medians = {instruction: sorted(found)[len(found) // 2] for instruction, found in times.items()}
    longest = max(medians, key=medians.__getitem__, default=-1)
    delegates = sum(time for instruction, time in medians.items() if labels[instruction] == DELEGATE_CALL)
    return Longest(labels.get(longest, ""), medians.get(longest, 0), delegates)


def _run(table: Table) -> Run:
    events = [_event(event) for item in table.tables(3) if (event := item.table(0)) is not None]
    return Run(table.text(0), events)


def _event(table: Table) -> Event:
    number = table.number(3, _I32, -1)
    identity: int | str | None = table.text(4) if table.has(4) else (number if number != -1 else None)
    return Event(table.text(0), table.number(2, _I32, -1), identity, table.number(6, _U64), table.number(7, _U64))
