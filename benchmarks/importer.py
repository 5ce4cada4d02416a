"""What the importer costs, against the same work done without it. `python -m benchmarks.importer [--json FILE]`.

Ratios of one run on one machine; the columns `reach` are the goals of the project, printed and never asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.networks import convnet
from importer.cache.cache import Cache
from importer.cache.cache_key import hash_file
from importer.cache.entry import Artifact
from importer.cache.known_hashes import TABLE
from importer.cache.user_folders import user_cache_folder
from importer.cli.convert import install
from importer.jobs.conversion import Job, convert_in_child
from importer.options import ImportOptions
from importer.pipeline import convert
from importer.program.metadata import inspect
from importer.scheduling.work import Conversion, begin

ROUNDS = 2
LARGE = 100 << 20


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.importer", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="importer-bench-") as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = os.environ["LOCALAPPDATA"] = name  # what is remembered of files, too
        models = make_models(folder)
        for measure in (measure_warm_start, measure_conversion, measure_large_files, measure_int8):
            try:
                rows += measure(folder, models)
            except Exception as error:
                rows.append({"what": measure.__name__, "error": f"{type(error).__name__}: {error}"})
    for row in rows:
        print(line(row))
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 1 if any("error" in row for row in rows) else 0


def line(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"{row['what']:58} failed: {row['error']}"
    unit = row["unit"]
    times = f"{row['ours']:10.2f} {unit:3} {row['theirs']:10.2f} {unit:3}"
    return f"{row['what']:60} {times} {row['ratio']:6.2f}x  reach {row['reach']}"


def make_models(folder: Path) -> dict[str, Path]:
    """A residual convnet that takes seconds to lower, and the small one of all benchmarks."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
                nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width),
            )  # fmt: skip

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x + self.body(x))

    torch.manual_seed(0)
    deep = nn.Sequential(
        nn.Conv2d(3, 32, 3, stride=2),
        *(Block(32) for _ in range(6)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 10),
    ).eval()
    found = {}
    for name, model in (("deep", deep), ("convnet", convnet().eval())):
        found[name] = folder / f"{name}.pt2"
        torch.export.save(torch.export.export(model, (torch.randn(1, 3, 64, 64),)), found[name])
    return found


def measure_conversion(folder: Path, models: dict[str, Path]) -> list[dict[str, Any]]:
    """The whole conversion, with proof and metadata, against torch.export and executorch called directly."""
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    source = models["deep"]
    proofs: list[float] = []

    def directly() -> None:
        program = torch.export.load(source)
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()]).to_executorch()
        (folder / "direct.pte").write_bytes(lowered.buffer)

    def ours() -> None:
        entered: dict[str, float] = {}
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            convert(
                source,
                cache=Cache(Path(cache)),
                options=ImportOptions(recipe="xnnpack_fp32"),
                on_progress=lambda step: entered.setdefault(step.stage, time.perf_counter()),
            )
        proofs.append(entered["store"] - entered["validate"])

    directly()  # the first lowering in a process costs seconds more
    mine, theirs = alternate(ours, directly)
    return [
        row("convert, with the proof in a child process / directly", mine, theirs, "s", "1.10x"),
        row("convert, without the proof / directly", mine - min(proofs), theirs, "s", "1.10x"),
    ]


def measure_warm_start(folder: Path, models: dict[str, Path]) -> list[dict[str, Any]]:
    """The second file with a warm parent against the first."""
    times = []
    for number in range(2):
        job = Job(models["convnet"], str(folder / f"warm{number}"), ImportOptions())
        times.append(seconds(lambda job=job: convert_in_child(job)))
    return [row("second file of a command / first (torch starts once)", times[1], times[0], "s", "below 1x")]


def measure_large_files(folder: Path, models: dict[str, Path]) -> list[dict[str, Any]]:
    """A program of 100 MB: a cache hit against a copy that is hashed, and what inspect takes and touches."""
    large = folder / "large.pte"
    source = folder / "direct.pte"
    data = bytearray(source.read_bytes())
    # The last segment grows: the same program with more weights.
    (before,) = struct.unpack_from("<Q", data, 32)
    struct.pack_into("<Q", data, 32, before + LARGE)
    large.write_bytes(data + os.urandom(LARGE))
    time.sleep(2.5)  # the hash of a file that just changed is not remembered
    cache = Cache(folder / "cache")
    options = ImportOptions()
    convert(large, cache=cache, options=options)
    time.sleep(2.5)  # nor that of an entry that was just made

    def hit() -> None:
        (folder / "installed.pte").unlink(missing_ok=True)
        artifact = begin(Conversion(large, options), cache)
        assert isinstance(artifact, Artifact)
        install(artifact, folder / "installed.pte")

    def hit_of_an_unknown_file() -> None:
        (user_cache_folder() / TABLE).unlink()
        hit()

    def copy() -> None:
        (folder / "copied.pte").unlink(missing_ok=True)
        shutil.copyfile(large, folder / "copied.pte")
        hash_file(large)

    hit()
    copy()
    mine, theirs = alternate(hit, copy, rounds=7)
    first, _ = alternate(hit_of_an_unknown_file, hit)
    touched = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    looked = min(seconds(lambda: inspect(large)) for _ in range(5))
    touched = (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - touched) // 5 * resource.getpagesize()
    read = min(seconds(lambda: large.read_bytes()) for _ in range(3))
    print(f"inspect of {LARGE >> 20} MB: {looked * 1e3:.2f} ms, at most {touched / 1e6:.2f} MB of new pages a time")
    return [
        row(
            "cache hit of 100 MB (hash, look-up, install) / a copy and its hash", mine * 1e3, theirs * 1e3, "ms", "1.5x"
        ),
        row("the same, of a file that is not known yet / a copy and its hash", first * 1e3, theirs * 1e3, "ms", "none"),
        row("inspect of 100 MB / reading it", looked * 1e3, read * 1e3, "ms", "below 20 ms"),
    ]


def measure_int8(folder: Path, models: dict[str, Path]) -> list[dict[str, Any]]:
    """Both programs in one process, called in turns, with one thread and with two."""
    import executorch.kernels.quantized  # noqa: F401  (registers its kernels)
    import torch
    from executorch.extension.pybindings import _C

    rows = []
    image = torch.randn(1, 3, 64, 64)
    for threads in (1, 2):
        _C._unsafe_reset_threadpool(threads)
        for name in ("convnet", "deep"):
            programs = []
            for recipe in ("xnnpack_fp32", "xnnpack_int8_static"):
                # How exact quantized random weights are says nothing.
                options = ImportOptions(recipe=recipe, max_relative_error="10")
                artifact = convert(models[name], cache=Cache(folder / "int8"), options=options)
                programs.append(_C._load_program(str(artifact.payload)))
            methods = [program.load_method("forward") for program in programs]
            times = [[seconds(lambda method=method: method.call([image])) for method in methods] for _ in range(500)]
            whole, quantized = (statistics.median(column) * 1e6 for column in zip(*times, strict=True))
            title = f"{name} fp32 / static int8, {threads} thread{'s' if threads > 1 else ''}"
            rows.append(row(title, whole, quantized, "us", "at least 2x"))
    return rows


def row(what: str, ours: float, theirs: float, unit: str, reach: str) -> dict[str, Any]:
    return {"what": what, "ours": ours, "theirs": theirs, "unit": unit, "ratio": ours / theirs, "reach": reach}


def alternate(first: Callable[[], None], second: Callable[[], None], rounds: int = ROUNDS) -> tuple[float, float]:
    """The best time of each, measured in turns so that both meet the same machine."""
    times: list[tuple[float, float]] = [(seconds(first), seconds(second)) for _ in range(rounds)]
    return min(time for time, _ in times), min(time for _, time in times)


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
