"""What a dask cluster adds to conversions. `python -m benchmarks.cluster [--json FILE]`.

A scheduler and workers of this machine, each worker with one thread. The workers have started torch before. Numbers of
one run on one machine; the column `reach` is the goal of the project, printed and never asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from importer.cache.cache import Cache
from importer.options import ImportOptions
from importer.scheduling.choose import scheduler
from importer.scheduling.work import Conversion

SMALL, LARGE = 13, 4
_DASK = "distributed.cli.dask_"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="cluster-bench-") as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = str(folder / "person")
        os.environ.setdefault("EXECUTORCH_CACHE_SIGNING_KEY", "5e" * 32)
        small, large = _small(folder, SMALL), _large(folder, LARGE)
        rows = [_overhead(folder, "this machine", small, "")]
        with _cluster(folder, 1) as address:
            rows.append(_overhead(folder, "a cluster", small, address))
            one = _seconds(folder, large, address)
        with _cluster(folder, 2) as address:
            two = _seconds(folder, large, address)
    rows.append({"what": f"{LARGE} conversions", "one": one, "two": two, "ratio": two / one, "reach": "0.6"})
    for row in rows:
        print("  ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{value}" for key, value in row.items()))
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


def _overhead(folder: Path, name: str, conversions: list[Conversion], address: str) -> dict[str, Any]:
    """Milliseconds of each conversion that no conversion took: hashing, sending, waiting, fetching."""
    cache = Cache((folder / f"shared of {name}").as_uri())
    chosen = scheduler(cache, address)
    _all(chosen.run(conversions[:1], _nothing))  # torch starts
    began = time.perf_counter()
    artifacts = _all(chosen.run(conversions[1:], _nothing))
    whole = time.perf_counter() - began
    inside = sum(artifact.metadata["timings"]["convert_seconds"] for artifact in artifacts)
    each = len(artifacts)
    times = {"a conversion, ms": inside / each * 1e3, "beside it, ms": (whole - inside) / each * 1e3}
    return {"what": f"{each} conversions by {name}", **times, "reach": "50 ms" if address else ""}


def _seconds(folder: Path, conversions: list[Conversion], address: str) -> float:
    cache = Cache((folder / f"shared {time.time_ns()}").as_uri())
    began = time.perf_counter()
    _all(scheduler(cache, address).run(conversions, _nothing))
    return time.perf_counter() - began


def _all(ends: Any) -> list[Any]:
    found = []
    for end in ends:
        if end.error:
            raise end.error
        found.append(end.artifact)
    return found


@contextmanager
def _cluster(folder: Path, count: int) -> Iterator[str]:
    """The address of a scheduler with this many workers, which have converted something."""
    known = folder / f"scheduler {count}.json"
    processes = [
        _start(folder, "person", "scheduler", "--scheduler-file", str(known), "--host", "127.0.0.1", "--port", "0")
    ]
    try:
        while not (known.exists() and known.read_text(encoding="utf-8").endswith("}")):
            time.sleep(0.05)
        address = str(json.loads(known.read_text(encoding="utf-8"))["address"])
        for number in range(count):
            name = f"worker{count}{number}"
            processes.append(_start(folder, name, "worker", address, "--nthreads", "1", "--no-nanny", "--name", name))
        _warm(folder, address, count)
        yield address
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def _warm(folder: Path, address: str, count: int) -> None:
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=100)
    cache = Cache((folder / f"warm {count}").as_uri())
    _all(scheduler(cache, address).run(_small(folder, 2 * count, f"warm{count}"), _nothing))


def _start(folder: Path, user: str, kind: str, *words: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / user)}
    command = [sys.executable, "-m", f"{_DASK}{kind}", "--no-dashboard", *words]
    nothing = subprocess.DEVNULL
    return subprocess.Popen(command, env=environment, stdout=nothing, stderr=nothing)


def _small(folder: Path, count: int, name: str = "small") -> list[Conversion]:
    from torch import nn

    return _models(folder, name, count, lambda index: nn.Sequential(nn.Linear(8, 16 + index), nn.ReLU()), (1, 8))


def _large(folder: Path, count: int) -> list[Conversion]:
    """Networks of 20 layers of convolutions."""
    from torch import nn

    def make(index: int) -> nn.Module:
        layers: list[nn.Module] = [nn.Conv2d(3, 32 + index, 3, padding=1)]
        for _ in range(20):
            layers += [nn.ReLU(), nn.Conv2d(32 + index, 32 + index, 3, padding=1), nn.BatchNorm2d(32 + index)]
        return nn.Sequential(*layers)

    return _models(folder, "large", count, make, (1, 3, 64, 64))


def _models(folder: Path, name: str, count: int, make: Any, shape: tuple[int, ...]) -> list[Conversion]:
    import torch

    conversions = []
    for index in range(count):
        path = folder / f"{name}{index}.pt2"
        torch.export.save(torch.export.export(make(index).eval(), (torch.randn(shape),)), path)
        conversions.append(Conversion(path, ImportOptions()))
    return conversions


def _nothing(*_: object) -> None:
    pass


if __name__ == "__main__":
    sys.exit(main())
