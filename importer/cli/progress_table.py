"""The progress of many conversions as one table: how many have ended, and a row for each that runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from types import TracebackType

from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from importer.cli.output import console
from importer.progress import Progress as Step


def timed(seconds: float, words: str) -> str:
    """A line of the log of stages."""
    return f"{seconds:7.2f} s  {words}"


class ProgressTable:
    """On a terminal a table, elsewhere a line with the time for each stage. Used from any thread.

    names: of the conversions, for people. shown: False prints nothing. verbose: each step with its time, as lines.
    """

    def __init__(self, names: Sequence[str], shown: bool, verbose: bool = False) -> None:
        self._names = names
        self._verbose = shown and verbose
        self._lock = threading.Lock()
        self._rows: dict[int, TaskID] = {}
        self._stages: dict[int, str] = {}
        screen = console(to_errors=True)
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[stage]}"),
            TimeElapsedColumn(),
        )
        self._table = Progress(*columns, console=screen, transient=True, disable=not shown or verbose)
        self._lines = shown and not verbose and not screen.is_terminal
        self._whole: TaskID | None = None
        self._ended = 0

    def __enter__(self) -> ProgressTable:
        self._table.start()
        if len(self._names) > 1:
            self._whole = self._table.add_task("all", total=len(self._names), stage=f"0 of {len(self._names)}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._table.stop()

    def told(self, index: int, step: Step) -> None:
        """A step of the conversion at this place."""
        words = f"{self._names[index]}: {step.stage} {step.message}".rstrip()
        with self._lock:
            is_new = self._stages.get(index) != step.stage
            self._stages[index] = step.stage
            if self._verbose or (self._lines and is_new):
                print(timed(step.elapsed_seconds, words), file=sys.stderr)
            if step.stage == "queued" and index not in self._rows:
                return
            if index not in self._rows:
                self._rows[index] = self._table.add_task(escape(self._names[index]), total=1.0, stage="")
            stage = escape(f"{step.stage} {step.message}"[:40])
            self._table.update(self._rows[index], completed=step.fraction, stage=stage)

    def ended(self, index: int) -> None:
        """The conversion at this place has ended."""
        with self._lock:
            self._ended += 1
            if index in self._rows:
                self._table.remove_task(self._rows.pop(index))
            if self._whole is not None:
                self._table.update(self._whole, completed=self._ended, stage=f"{self._ended} of {len(self._names)}")
