"""The recipe `fastest`: each program that can be made is measured on this machine, and the fastest one is kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from importer.errors import OF_EVERY_RECIPE, ImporterError
from importer.options import ImportOptions
from importer.program.delegation import FASTEST_NOTE
from importer.progress import Stages

_STATIC = "xnnpack_int8_static"
_CLEARLY = 0.95
"""A program that is made later is kept when it needs less than this part of the time: a measurement varies as much."""

Convert = Callable[[ImportOptions, Path], dict[str, Any]]


def convert_fastest(convert: Convert, options: ImportOptions, building: Path, stages: Stages) -> dict[str, Any]:
    """Write the fastest program into `building`; returns what the metadata says of it, with a note on all.

    The candidates: what `auto` makes; if that calls kernels of this project, the same without them; int8 when there is
    calibration data. convert(options, folder) writes a program. Raises the error of `auto` when that fails.
    """
    candidates = _Candidates(convert, building, stages)
    plain = replace(options, recipe="auto", variants="")
    first = candidates.measure("", plain)
    if first.get("own_kernels"):
        candidates.try_to_measure(f"{first['recipe']} with stock kernels", replace(plain, kernels="stock"))
    if options.calibration.strip() or options.factory.strip():
        candidates.try_to_measure(_STATIC, replace(plain, recipe=_STATIC))
    return candidates.keep_best()


@dataclass
class _Candidates:
    convert: Convert
    building: Path
    stages: Stages
    measured: list[str] = field(default_factory=list)
    best: tuple[float, Path, dict[str, Any]] | None = None

    def measure(self, title: str, options: ImportOptions) -> dict[str, Any]:
        """The metadata of a program, which is the best one from now on if it is clearly faster."""
        self.stages.enter("load", title)
        folder = self.building / f"candidate_{len(self.measured)}"
        folder.mkdir()
        body = self.convert(options, folder)
        if not body.get("calibration", {}).get("made_up"):  # then its results would be far off
            taken = float(body["timings"]["executorch_us"])
            self.measured.append(f"{title or body['recipe']} {taken:,.1f} us")
            if self.best is None or taken < _CLEARLY * self.best[0]:
                self.best = (taken, folder, body)
        return body

    def try_to_measure(self, title: str, options: ImportOptions) -> None:
        try:
            self.measure(title, options)
        except ImporterError as error:
            if error.code in OF_EVERY_RECIPE:
                raise
            self.measured.append(f"{title} failed ({error.code})")

    def keep_best(self) -> dict[str, Any]:
        assert self.best is not None
        _, folder, body = self.best
        for file in folder.iterdir():
            file.rename(self.building / file.name)
        for other in self.building.glob("candidate_*"):
            shutil.rmtree(other)
        notes = [note for note in body["notes"] if not note.startswith("AUTO chose")]
        note = f"{FASTEST_NOTE}{'; '.join(self.measured)}. {body['recipe']} is kept."
        return {**body, "notes": [*notes, note]}
