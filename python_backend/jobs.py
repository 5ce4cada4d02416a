"""The queue of jobs: in the order they came, at most N at once, each in a child process of its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from importer.errors import ImporterError, from_exception
from importer.jobs.starting import Starter
from importer.jobs.supervisor import Limits, Supervisor

MAX_WAITING = 10_000

JobId = int | str


@dataclass(frozen=True)
class Task:
    """A task for its own supervisor; `title` is its name for people."""

    run: Callable[[Supervisor], Any]
    title: str = ""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Progress:
    """One notification of a job; `fraction` is 0 to 1 within its stage."""

    id: JobId
    stage: str
    fraction: float
    elapsed_seconds: float
    message: str


@dataclass
class _Job:
    id: JobId
    task: Task
    on_end: Callable[[Any, ImporterError | None], None]
    queued_at: float = field(default_factory=time.monotonic)
    supervisor: Supervisor | None = None
    fraction: float = 0.0


class Jobs:
    """Callbacks come from the jobs' threads, at most one `on_end(result, error)` for each job."""

    def __init__(self, at_once: int, on_progress: Callable[[Progress], None], starter: Starter) -> None:
        self._at_once = max(1, at_once)
        self._on_progress = on_progress
        self._starter = starter
        self._lock = threading.Lock()
        self._waiting: deque[_Job] = deque()
        self._running: dict[JobId, _Job] = {}
        self._closed = False

    def submit(self, job_id: JobId, task: Task, on_end: Callable[[Any, ImporterError | None], None]) -> None:
        """Queue a task; raises ImporterError when the id is taken or the queue is full."""
        job = _Job(job_id, task, on_end)
        with self._lock:
            if self._closed:
                raise ImporterError("SHUTTING_DOWN", "The backend is ending.", "Restart it from the ExecuTorch panel.")
            if job_id in self._running or any(other.id == job_id for other in self._waiting):
                raise ImporterError("ID_IN_USE", f"A job with id {job_id!r} is there already.", "Use another id.")
            if len(self._waiting) >= MAX_WAITING:
                raise ImporterError("QUEUE_FULL", f"{MAX_WAITING} jobs are waiting.", "Wait until some have ended.")
            self._waiting.append(job)
        self._tell(job, "queued", 0.0, "")
        self._start_next()

    def cancel(self, job_id: JobId) -> bool:
        """Whether there was such a job; its `on_end` gets CANCELLED."""
        with self._lock:
            job = self._running.get(job_id)
            if job is not None and job.supervisor is not None:
                job.supervisor.cancel()
                return True
            job = next((other for other in self._waiting if other.id == job_id), None)
            if job is None:
                return False
            self._waiting.remove(job)
        cause = "The job was cancelled before it began."
        job.on_end(None, ImporterError("CANCELLED", cause, "Import the file again when you want it.", stage="queued"))
        return True

    def close(self, wait_seconds: float = 5.0) -> None:
        """End all jobs and their processes."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            running = list(self._running.values())
        for job in running:
            if job.supervisor is not None:
                job.supervisor.cancel()
        end = time.monotonic() + wait_seconds
        while self._running and time.monotonic() < end:
            time.sleep(0.01)

    def snapshot(self) -> list[dict[str, Any]]:
        """The running and waiting jobs, for `status`."""
        now = time.monotonic()
        with self._lock:
            return [
                {
                    "id": job.id,
                    "title": job.task.title,
                    "stage": job.supervisor.stage if job.supervisor else "queued",
                    "fraction": job.fraction,
                    "elapsed_seconds": round(now - job.queued_at, 3),
                    "memory_bytes": job.supervisor.memory_bytes if job.supervisor else 0,
                    "pid": job.supervisor.pid if job.supervisor else 0,
                }
                for job in [*self._running.values(), *self._waiting]
            ]

    def _start_next(self) -> None:
        with self._lock:
            while self._waiting and len(self._running) < self._at_once:
                job = self._waiting.popleft()
                job.supervisor = self._supervisor(job)
                self._running[job.id] = job
                threading.Thread(target=self._run, args=(job, job.supervisor), daemon=True).start()

    def _supervisor(self, job: _Job) -> Supervisor:
        def progressed(stage: str, fraction: float, message: str) -> None:
            self._tell(job, stage, fraction, message)

        return Supervisor(job.task.limits, progressed, self._starter)

    def _run(self, job: _Job, supervisor: Supervisor) -> None:
        result, failure = None, None
        try:
            result = job.task.run(supervisor)
        except Exception as error:
            failure = from_exception(error, stage=supervisor.stage)
        with self._lock:
            del self._running[job.id]
            closed = self._closed
        if not closed:
            job.on_end(result, failure)
            self._start_next()

    def _tell(self, job: _Job, stage: str, fraction: float, message: str) -> None:
        job.fraction = fraction
        self._on_progress(Progress(job.id, stage, fraction, time.monotonic() - job.queued_at, message))
