"""`python -m importer convert IN... -o DIR`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, BinaryIO

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from importer import tres
from importer.cache import EXTERNAL, Artifact, Cache, share, storage_error, user_cache_folder, write_atomically
from importer.errors import ImporterError
from importer.key import hash_file, make_key
from importer.known_hashes import known_hash
from importer.limits import Job, convert_limited
from importer.options import ImportOptions
from importer.progress import Progress as Step
from importer.signature import Dimension, format_inputs, parse_inputs
from importer.sniff import sniff


@dataclass
class Outcome:
    """What became of one file."""

    source: Path
    artifact: Artifact | None = None
    error: ImporterError | None = None
    seconds: float = 0.0
    cached: bool = False


def run(chosen: argparse.Namespace) -> int:
    """Convert every file; one that fails does not stop the others."""
    options = options_from(chosen)
    cache = Cache(chosen.cache or user_cache_folder() / "artifacts")
    names = [source.stem for source in chosen.sources]
    for name in names:
        if names.count(name) > 1:
            cause = f"Two files would both become {name}.pte."
            raise ImporterError("OPTION_INVALID", cause, "Convert them into different folders.", "read")
    console = Console(stderr=True)
    interrupted = threading.Event()

    def one(source: Path) -> Outcome:
        return _one(source, chosen, options, cache, bars, interrupted)

    with _bars(console) as bars, ThreadPoolExecutor(max(1, chosen.jobs)) as pool:
        try:
            outcomes = list(pool.map(one, chosen.sources))
        except BaseException:
            interrupted.set()  # the threads would convert to the end, and the pool waits for them
            raise
    if chosen.json:
        print(json.dumps([_plain(outcome) for outcome in outcomes], indent=1))
    else:
        _summary(outcomes, Console(width=None if sys.stdout.isatty() else 120))
    return 1 if any(outcome.error for outcome in outcomes) else 0


def options_from(chosen: argparse.Namespace) -> ImportOptions:
    """The import options of a command line, `--dynamic` merged into `inputs`."""
    options = ImportOptions(**{field.name: getattr(chosen, field.name) for field in fields(ImportOptions)})
    for text in chosen.dynamic:
        options = replace(options, inputs=with_dynamic(options.inputs, text))
    if problems := options.check(chosen.project):
        cause = f"Option '{problems[0].option}': {problems[0].cause}"
        raise ImporterError("OPTION_INVALID", cause, problems[0].remedy, "read")
    return options


def with_dynamic(inputs: str, text: str) -> str:
    """`x: float32[1,8]` with `x[0]=1..64` is `x: float32[1..64,8]`."""
    match = re.fullmatch(r"\s*(\w+)\s*\[(\d+)\]\s*=\s*(\d+)\.\.(\d+)\s*", text)
    specs = parse_inputs(inputs)
    if match:
        name, axis, low, high = match.group(1), *map(int, match.groups()[1:])
        for index, spec in enumerate(specs):
            if name in (spec.name, f"input_{index}") and axis < len(spec.dimensions) and 1 <= low <= high:
                dimensions = list(spec.dimensions)
                dimensions[axis] = Dimension(low, high)
                specs[index] = replace(spec, dimensions=tuple(dimensions))
                return format_inputs(specs)
    cause = f"--dynamic '{text}' fits no input of '{inputs}'."
    raise ImporterError("OPTION_INVALID", cause, "Write --inputs 'x: float32[1,8]' --dynamic 'x[0]=1..64'.", "read")


def convert_one(
    source: Path,
    chosen: argparse.Namespace,
    options: ImportOptions,
    cache: Cache,
    tell: Any,
    interrupted: threading.Event | None = None,
) -> tuple[Artifact, bool]:
    """The artifact, and whether it was in the cache. A hit starts no process."""
    sniff(source)
    found = cache.find(make_key(source, options, chosen.project, known_hash))
    if found:
        return found, True
    # Whether code may run is never decided by a remembered hash.
    allowed = bool(chosen.allow_pickle) and hash_file(source) in {item.lower() for item in chosen.allow_pickle}
    job = Job(source, cache.address, options, chosen.project, source.name, allowed)
    return convert_limited(job, tell, interrupted), False


def install(artifact: Artifact, name: str, folder: Path) -> None:
    """Put <name>.pte, <name>.tres and maybe <name>.ptd into a folder, each whole or not at all."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(artifact.entry.iterdir()):
            if path.suffix in (".pte", ".ptd"):
                copy_atomically(path, folder / f"{name}{path.suffix}")
        if not (artifact.entry / EXTERNAL).exists():  # an earlier program's
            (folder / f"{name}.ptd").unlink(missing_ok=True)
        write_atomically(folder / f"{name}.tres", tres.resource_text(artifact.metadata, f"{name}.pte").encode())
    except OSError as error:
        raise storage_error(error, folder) from error


def copy_atomically(source: Path, target: Path) -> None:
    """Copy a file so that the target is there whole or not at all. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file, source.open("rb") as data:
            _copy(data, file)
        share(Path(name))
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _copy(source: BinaryIO, target: BinaryIO) -> None:
    """By the system itself where it can: not through Python's memory, and shared blocks where the disk has them.

    Not shutil.copyfile: it opens the target anew, cut to nothing, and ext4 flushes such a file when it is closed.
    """
    with contextlib.suppress(AttributeError, OSError):  # what the system cannot do, or has left, is copied below
        while os.copy_file_range(source.fileno(), target.fileno(), 1 << 30):
            pass
    shutil.copyfileobj(source, target, 1 << 20)


def _one(
    source: Path,
    chosen: argparse.Namespace,
    options: ImportOptions,
    cache: Cache,
    bars: Progress,
    interrupted: threading.Event,
) -> Outcome:
    began = time.monotonic()
    bar = bars.add_task(escape(source.name), total=1.0, stage="queued")

    def tell(step: Step) -> None:
        bars.update(bar, completed=step.fraction, stage=escape(f"{step.stage} {step.message}"[:40]))

    try:
        artifact, cached = convert_one(source, chosen, options, cache, tell, interrupted)
        install(artifact, source.stem, chosen.output)
        bars.update(bar, completed=1.0, stage="done")
        return Outcome(source, artifact, None, time.monotonic() - began, cached)
    except ImporterError as error:
        bars.update(bar, completed=1.0, stage="failed")
        return Outcome(source, None, error, time.monotonic() - began)


def _bars(console: Console) -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[stage]}"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, transient=True)


def _plain(outcome: Outcome) -> dict[str, Any]:
    found: dict[str, Any] = {
        "source": str(outcome.source),
        "seconds": round(outcome.seconds, 3),
        "cached": outcome.cached,
    }
    if outcome.artifact:
        found |= {"key": outcome.artifact.key, "metadata": outcome.artifact.metadata}
    if outcome.error:
        error = outcome.error
        found["error"] = {"code": error.code, "cause": error.cause, "remedy": error.remedy, "stage": error.stage}
    return found


def _summary(outcomes: list[Outcome], console: Console) -> None:
    table = Table(title="Converted", title_justify="left", box=SIMPLE)
    for name in ("file", "result", "recipe", "KB", "delegated", "eager", "runtime", "error", "time"):
        table.add_column(name, justify="left" if name in ("file", "result", "recipe") else "right")
    for outcome in outcomes:
        if outcome.artifact:
            meta = outcome.artifact.metadata
            share = [method["delegation"]["share"] for method in meta["methods"]]
            times = meta["timings"]
            error = meta.get("accuracy", {}).get("max_relative")
            table.add_row(
                escape(outcome.source.name),
                "cached" if outcome.cached else "ok",
                meta["recipe"],
                f"{meta['payload']['size'] / 1e3:,.1f}",
                f"{sum(share) / len(share):.0%}" if share else "",
                f"{times['eager_us']:.0f} us" if "eager_us" in times else "",
                f"{times['executorch_us']:.0f} us" if "executorch_us" in times else "",
                f"{error:.1e}" if error is not None else "",
                f"{outcome.seconds:.1f} s",
            )
        elif outcome.error:
            table.add_row(
                escape(outcome.source.name),
                f"[red]{outcome.error.code}[/red]",
                "",
                "",
                "",
                "",
                "",
                "",
                f"{outcome.seconds:.1f} s",
            )
    console.print(table)
    for outcome in outcomes:
        if outcome.error:
            told = escape(f": {outcome.error.cause}\n  {outcome.error.remedy}")
            console.print(f"[red]{escape(outcome.source.name)}[/red]{told}", highlight=False)
        elif outcome.artifact:
            for note in outcome.artifact.metadata.get("notes", []):
                console.print(f"{outcome.source.name}: {note}", style="dim", highlight=False, markup=False)
