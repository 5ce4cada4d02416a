"""One conversion in a child process with a deadline and a memory limit, for the command line and for tests.

The editor's backend has a parent of its own; the codes are the same: DEADLINE_EXCEEDED and MEMORY_LIMIT_EXCEEDED.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from importer.cache import Artifact, Cache
from importer.errors import ImporterError
from importer.options import ImportOptions
from importer.progress import Listener, Progress

_WARM = ["importer.warm"]
_START_SECONDS = 180


@dataclass(frozen=True)
class Job:
    """What to convert; the fields are those of pipeline.convert."""

    source: Path
    cache: str
    options: ImportOptions
    project: Path | None = None
    display_path: str = ""
    allow_pickle: bool = False


def convert_limited(
    job: Job, on_progress: Listener | None = None, interrupted: threading.Event | None = None
) -> Artifact:
    """Convert in a child; a warm parent of all children makes the second one start without loading torch again.

    interrupted: when it is set, the child is ended and CANCELLED raised.
    """
    context: Any = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    if sys.platform == "linux":
        context.set_forkserver_preload(_WARM)
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_work, args=(sender, job), daemon=False)
    child.start()
    sender.close()
    try:
        return _watch(child, receiver, job, on_progress, interrupted or threading.Event())
    finally:
        _end(child)
        receiver.close()


def memory_limit(options: ImportOptions) -> int:
    """Bytes; three quarters of the machine when the option is 0."""
    import psutil

    return options.memory_limit_megabytes << 20 or int(psutil.virtual_memory().total) * 3 // 4


def _watch(
    child: Any, receiver: Connection, job: Job, on_progress: Listener | None, interrupted: threading.Event
) -> Artifact:
    # Loading torch for the first time does not count as the model's time.
    began = time.monotonic() + _START_SECONDS
    limit = memory_limit(job.options)
    stage = "start"
    while True:
        ready = wait([receiver, child.sentinel], 0.2)
        if interrupted.is_set():
            raise ImporterError("CANCELLED", "The conversion was interrupted.", "Start it again.", stage)
        try:
            if receiver in ready:
                kind, value = receiver.recv()
                if kind == "progress":
                    began = min(began, time.monotonic())
                    stage = value.stage
                    if on_progress:
                        on_progress(value)
                elif kind == "error":
                    raise value
                else:
                    return Artifact(*value)
                continue
            if ready:  # what the child started may hold its end of the pipe
                raise EOFError
        except EOFError:
            child.join(5)
            cause = f"The conversion's process ended at '{stage}' ({_ending(child.exitcode)})."
            remedy = "It may have run out of memory, or a native part crashed; try another recipe or a smaller model."
            raise ImporterError("CONVERSION_CRASHED", cause, remedy, stage) from None
        elapsed = time.monotonic() - began
        if elapsed > job.options.deadline_seconds:
            cause = f"The conversion took more than {job.options.deadline_seconds} seconds; it was at '{stage}'."
            raise ImporterError("DEADLINE_EXCEEDED", cause, "Raise the option 'deadline_seconds'.", stage)
        used = _memory(child.pid)
        if used > limit:
            cause = f"The conversion took {used >> 20} MB of memory, more than {limit >> 20} MB; it was at '{stage}'."
            raise ImporterError("MEMORY_LIMIT_EXCEEDED", cause, "Raise the option 'memory_limit_megabytes'.", stage)


def _work(sender: Connection, job: Job) -> None:
    with contextlib.suppress(OSError, AttributeError):
        os.setpgid(0, 0)  # so that the validating grandchild ends with us
    _quiet()
    from importer.pipeline import convert

    def tell(progress: Progress) -> None:
        sender.send(("progress", progress))

    try:
        artifact = convert(
            job.source,
            project=job.project,
            cache=Cache(job.cache),
            options=job.options,
            display_path=job.display_path,
            allow_pickle=job.allow_pickle,
            on_progress=tell,
        )
        sender.send(("done", (artifact.key, artifact.entry, artifact.metadata)))
    except ImporterError as error:
        sender.send(("error", error))


def _quiet() -> None:
    """What torch and executorch print goes nowhere; errors carry their own log."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)


def _memory(pid: int) -> int:
    import psutil

    total = 0
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(pid)
        for process in [parent, *parent.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += int(process.memory_info().rss)
    return total


def _end(child: Any) -> None:
    child.join(2)
    # Also when it has ended: a program that it was trying may still run.
    with contextlib.suppress(OSError, AttributeError):
        os.killpg(child.pid, signal.SIGKILL)
    if child.is_alive():
        child.kill()
        child.join()


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit status {code}"
