"""What the sandbox costs. `python -m benchmarks.sandbox [--json FILE]`.

Each task in turns confined and not, in forks of a warm parent. Medians of one run on one machine; the column `reach` is
the goal of the project, printed and never asserted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.networks import convnet
from importer.cache.cache import Cache
from importer.cache.entry import Artifact
from importer.jobs.conversion import Job, convert_in_child
from importer.jobs.sandbox.policy import Policy
from importer.jobs.starting import light_starter
from importer.jobs.supervisor import Limits, Supervisor
from importer.jobs.warm_parent import WarmParent
from importer.options import ImportOptions
from importer.owned_folders import owned_folder
from importer.scheduling.work import Conversion, begin

READS, CONVERSIONS = 50, 25


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sandbox", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="sandbox-bench-") as name:
        folder = Path(name)
        source = folder / "convnet.pt2"
        _save(source)
        rows = [measure_reading(source, folder), measure_conversion(source, folder), measure_hit(source, folder)]
    for row in rows:
        print(
            f"{row['what']:52} confined {row['confined_ms']:9.2f} ms  not {row['unconfined_ms']:9.2f} ms  "
            f"more {row['more_ms']:7.2f} ms  reach {row['reach']}"
        )
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


def measure_reading(source: Path, folder: Path) -> dict[str, Any]:
    """A task that recognises a file, as each conversion has one first."""
    starter = light_starter()
    params = {"files": [str(source)]}

    def run(confined: bool) -> None:
        with owned_folder(folder, "read") as temporary:
            policy = Policy(temporary, (source,)) if confined else None
            Supervisor(Limits(60), _nothing, starter).run("importer.jobs.reading:kinds", params, policy)

    return _row("a file is recognised", *_alternate(lambda: run(True), lambda: run(False), READS), "below 50 ms")


def measure_conversion(source: Path, folder: Path) -> dict[str, Any]:
    """The part of a conversion that runs in the child: load, export, lower, write, proof."""
    starter = WarmParent()

    def run(confined: bool) -> None:
        with owned_folder(folder, "job") as temporary, owned_folder(folder, "building") as building:
            policy = Policy(temporary, (source,), (building,)) if confined else None
            params = {
                "source": str(source), "project": "", "display_path": source.name, "options": {}, "sha256": "",
                "allow_pickle": False, "external": [], "building": str(building),
            }  # fmt: skip
            supervisor = Supervisor(Limits(600), _nothing, starter)
            supervisor.run("importer.jobs.conversion:build", params, policy)
            assert bool(supervisor.sandbox) == confined

    return _row("a conversion", *_alternate(lambda: run(True), lambda: run(False), CONVERSIONS), "below 50 ms")


def measure_hit(source: Path, folder: Path) -> dict[str, Any]:
    """An artifact out of the cache. No process is started, so there is nothing to confine."""
    cache = Cache(folder / "cache")
    convert_in_child(Job(source, cache.address, ImportOptions()))

    def hit() -> None:
        assert isinstance(begin(Conversion(source, ImportOptions()), cache), Artifact)

    times = [_milliseconds(hit) for _ in range(READS)]
    return _row("a cache hit", times, times, "nothing")


def _save(path: Path) -> None:
    import torch

    torch.export.save(torch.export.export(convnet().eval(), (torch.randn(1, 3, 64, 64),)), path)


def _alternate(first: Callable[[], None], second: Callable[[], None], rounds: int) -> tuple[list[float], list[float]]:
    first()  # the warm parent starts
    second()
    times = [(_milliseconds(first), _milliseconds(second)) for _ in range(rounds)]
    return [time for time, _ in times], [time for _, time in times]


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def _row(what: str, confined: list[float], unconfined: list[float], reach: str) -> dict[str, Any]:
    mine, other = statistics.median(confined), statistics.median(unconfined)
    more = statistics.median([left - right for left, right in zip(confined, unconfined, strict=True)])
    return {"what": what, "confined_ms": mine, "unconfined_ms": other, "more_ms": more, "reach": reach}


def _nothing(stage: str, fraction: float, message: str) -> None:
    pass


if __name__ == "__main__":
    sys.exit(main())
