"""Conversions on a dask cluster: files go to the shared address, workers convert, artifacts come from the address."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from importer.cache.cache import Cache
from importer.cache.entry import Artifact
from importer.errors import ImporterError, plain_text
from importer.jobs.conversion import Job
from importer.jobs.supervisor import as_error
from importer.progress import STAGES, Progress
from importer.scheduling.parcel import pack
from importer.scheduling.shared_files import SharedFiles
from importer.scheduling.work import Conversion, Ended, Told, begin, failed, never

if TYPE_CHECKING:
    from distributed import Client, Future

_CONNECT_SECONDS = 10
_LOOK_SECONDS = 0.5
_SENDERS = 8
_log = logging.getLogger(__name__)


class ClusterScheduler:
    """A Scheduler. address: of the dask scheduler, `tcp://host:8786` or `tls://host:8786`. cache: at an address that
    all machines reach. Raises PACKAGE_MISSING."""

    def __init__(self, cache: Cache, address: str) -> None:
        try:
            import distributed  # noqa: F401
        except ImportError as error:
            cause = f"--cluster needs the package distributed: {error}."
            remedy = "Install it on all machines: `python3 -m pip install distributed`."
            raise ImporterError("PACKAGE_MISSING", cause, remedy, "start") from error
        self._cache = cache
        self._address = address

    def run(
        self, conversions: Sequence[Conversion], told: Told, is_over: Callable[[], bool] = never
    ) -> Generator[Ended, None, None]:
        with _connected(self._address) as client, ThreadPoolExecutor(_SENDERS) as pool:
            run = _Run(client, self._cache, conversions, told, pool)
            try:
                yield from run.ends(is_over)
            finally:
                run.cancel()
                pool.shutdown(cancel_futures=True)


class _Run:
    """The conversions of one call."""

    def __init__(
        self, client: Client, cache: Cache, conversions: Sequence[Conversion], told: Told, pool: ThreadPoolExecutor
    ) -> None:
        self._client = client
        self._cache = cache
        self._files = SharedFiles(cache.address)
        self._conversions = conversions
        self._told = told
        self._pool = pool
        self._name = f"convert-{uuid.uuid4().hex[:12]}"
        self._ends: queue.Queue[Ended] = queue.Queue()
        self._lock = threading.Lock()
        self._is_cancelled = False
        self._has_looked = False
        self._futures: dict[int, Future] = {}
        self._indexes: dict[str, list[int]] = {}

    def ends(self, is_over: Callable[[], bool]) -> Iterator[Ended]:
        from importer.scheduling.worker import TOPIC

        self._client.subscribe_topic(TOPIC, self._take_event)
        for index in range(len(self._conversions)):
            self._pool.submit(self._send, index)
        waiting = dict(enumerate(self._conversions))
        while waiting:
            if is_over():
                stopped = ImporterError("CANCELLED", "The job was cancelled.", "Start it again when you need it.")
                yield from (Ended(index, error=stopped) for index in waiting)
                return
            end = self._next()
            if end is None and self._client.status in ("closing", "closed"):
                yield from (Ended(index, error=_lost(item.source.name)) for index, item in waiting.items())
                return
            if end is not None:
                del waiting[end.index]
                yield end

    def cancel(self) -> None:
        """End what still runs: the workers see that nobody waits for it."""
        with self._lock:
            self._is_cancelled = True
        with contextlib.suppress(Exception):  # the connection may be lost
            self._client.cancel(list(self._futures.values()), force=True)

    def _next(self) -> Ended | None:
        """None when nothing has ended for a while: Ctrl+C must reach this thread, on every system."""
        with contextlib.suppress(queue.Empty):
            return self._ends.get(timeout=_LOOK_SECONDS)
        if self._indexes and not self._has_looked:
            self._has_looked = True
            with contextlib.suppress(OSError):  # the connection is lost
                if not self._client.nthreads():
                    _log.warning("the cluster has no worker yet: waiting for one")
        return None

    def _send(self, index: int) -> None:
        began = time.monotonic()
        try:
            found = begin(self._conversions[index], self._cache)
            if isinstance(found, Artifact):
                self._ends.put(Ended(index, found, cached=True, seconds=time.monotonic() - began))
                return
            self._submit(index, found)
        except Exception as error:
            is_lost = not isinstance(error, ImporterError) and self._client.status != "running"
            self._ends.put(failed(index, _lost(self._conversions[index].source.name) if is_lost else error, began))

    def _submit(self, index: int, job: Job) -> None:
        from importer.scheduling import worker

        parcel, files = pack(job)
        for sha256, path in files.items():
            if self._is_cancelled:
                return
            self._files.send(sha256, path)
        task = f"{self._name}-{job.key}"  # the same conversion twice is one task
        with self._lock:
            if self._is_cancelled:
                return
            self._indexes.setdefault(task, []).append(index)
            future = self._client.submit(worker.convert, parcel.text(), key=task, pure=False, priority=-index)
            self._futures[index] = future
        self._told(index, Progress("queued", 0.0, 0.0))
        future.add_done_callback(lambda done: self._take_later(index, job, done))

    def _take_later(self, index: int, job: Job, future: Future) -> None:
        with contextlib.suppress(RuntimeError):  # the pool is shut down
            self._pool.submit(self._take, index, job, future)

    def _take(self, index: int, job: Job, future: Future) -> None:
        began = time.monotonic()
        try:
            answer = self._answer(future, job)
            if "error" in answer:
                raise as_error(answer["error"])
            artifact = self._cache.look_up(job.key)
            if artifact is None:
                cause = (
                    f"A worker of the cluster has stored {job.display_path}, but it is not at {self._cache.address}."
                )
                remedy = "Give an address that means the same place on all machines."
                raise ImporterError("CACHE_UNREACHABLE", cause, remedy, "store")
            self._ends.put(Ended(index, artifact, seconds=float(answer["seconds"])))
        except Exception as error:
            self._ends.put(failed(index, error, began))
        finally:  # a result that somebody waits for is computed again when the worker that holds it ends
            with self._lock:
                del self._futures[index]
            future.release()

    def _answer(self, future: Future, job: Job) -> dict[str, Any]:
        from distributed import KilledWorker

        if future.status == "finished":
            answer = future.result()
            return answer if isinstance(answer, dict) else {}
        if future.status == "error":
            error = future.exception()
            if isinstance(error, KilledWorker):
                tried = error.allowed_failures + 1
                cause = f"{job.display_path} was not converted: each of {tried} workers that tried it ended."
                remedy = "Read the workers' logs: the machine may have run out of memory. Lower memory_limit_megabytes."
                raise ImporterError("CLUSTER_WORKER_LOST", cause, remedy, "start")
            raise error
        raise _lost(job.display_path)

    def _take_event(self, event: tuple[float, dict[str, Any]]) -> None:
        message = event[1]
        for index in self._indexes.get(str(message.get("task")), []):
            stage = plain_text(message.get("stage"), 64)
            if stage in STAGES:
                fraction, elapsed = float(message["fraction"]), float(message["elapsed_seconds"])
                self._told(index, Progress(stage, fraction, elapsed, plain_text(message.get("message"), 1000)))


def _lost(name: str) -> ImporterError:
    cause = f"The connection to the scheduler was lost before {name} was converted."
    return ImporterError("CLUSTER_UNREACHABLE", cause, "Check that the scheduler runs, and convert again.", "start")


@contextlib.contextmanager
def _connected(address: str) -> Iterator[Client]:
    from distributed import Client

    try:
        client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        cause = f"The scheduler of the cluster at {address} does not answer: {error}."
        remedy = "Start `dask scheduler` there, and check the address and, for tls://, dask's certificates."
        raise ImporterError("CLUSTER_UNREACHABLE", cause, remedy, "start") from error
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):  # the scheduler may be gone
            client.close()
