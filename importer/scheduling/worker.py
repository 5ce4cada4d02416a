"""What a worker of the cluster runs: one conversion, in a confined child process with its own limits."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

from distributed import Reschedule, Status, Worker, get_worker

from importer.cache.user_folders import user_cache_folder
from importer.errors import ImporterError, from_exception
from importer.jobs.conversion import Job, convert_in_child
from importer.jobs.written import as_written
from importer.owned_folders import owned_folder
from importer.progress import Progress
from importer.scheduling.kept_files import KeptFiles
from importer.scheduling.parcel import Parcel
from importer.scheduling.shared_files import SharedFiles

TOPIC = "godot-executorch"
"""The topic of the events that tell the progress: `{task, stage, fraction, elapsed_seconds, message}`."""
_LOOK_SECONDS = 0.1
_PROGRESS_SECONDS = 0.5
_own = threading.local()


def convert(text: str) -> dict[str, Any]:
    """`{key, seconds}`, or `{error}`: the artifact lies at the shared address then. text: of a Parcel."""
    began, worker = time.monotonic(), get_worker()
    task = str(worker.get_current_task())
    report = _Report(worker, task)
    try:
        with _interrupted_by(worker, task) as interrupted:
            key = _convert(Parcel.from_text(text), report, interrupted)
        return {"key": key, "seconds": time.monotonic() - began}
    except Exception as error:
        failure = from_exception(error)
        if failure.code == "CANCELLED":
            raise Reschedule() from error  # this worker ends, or nobody waits for the result
        return {"error": failure.data(), "seconds": time.monotonic() - began}


def _convert(parcel: Parcel, report: _Report, interrupted: threading.Event) -> str:
    place = user_cache_folder().resolve() / "cluster"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = KeptFiles(place / "files", SharedFiles(parcel.cache))
    with owned_folder(place, "job") as folder:
        report(Progress("queued", 0.0, 0.0, "fetching files"))
        job = parcel.unpack(folder, kept.put)
        kept.prune()
        return _run(job, report, interrupted)


def _run(job: Job, report: _Report, interrupted: threading.Event) -> str:
    try:
        return convert_in_child(job, report, interrupted).key
    except ImporterError as error:
        if job.written:
            error.cause, error.remedy, error.log = as_written(
                [error.cause, error.remedy, error.log], job.options, job.written
            )
        raise


class _Report:
    """Sends the progress of a task to whoever waits for it: each stage, and at most twice a second."""

    def __init__(self, worker: Worker, task: str) -> None:
        self._worker = worker
        self._task = task
        self._stage = ""
        self._last = 0.0

    def __call__(self, found: Progress) -> None:
        now = time.monotonic()
        if found.stage == self._stage and now - self._last < _PROGRESS_SECONDS:
            return
        self._stage, self._last = found.stage, now
        told = {"stage": found.stage, "fraction": found.fraction, "message": found.message}
        event = {"task": self._task, "elapsed_seconds": found.elapsed_seconds, **told}
        self._worker.log_event(TOPIC, event)


@contextlib.contextmanager
def _interrupted_by(worker: Worker, task: str) -> Iterator[threading.Event]:
    """An event that is set when the task is cancelled (its person's process has ended, too) or the worker ends."""
    interrupted, done = threading.Event(), threading.Event()

    def watch() -> None:
        while not done.wait(_LOOK_SECONDS):
            known = worker.state.tasks.get(task)
            if known is None or known.state != "executing" or worker.status not in (Status.running, Status.paused):
                interrupted.set()
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield interrupted
    finally:
        done.set()
        thread.join()
