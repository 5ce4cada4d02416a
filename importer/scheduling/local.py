"""Conversions in processes of this machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from functools import partial

from importer.cache.cache import Cache
from importer.cache.entry import Artifact
from importer.jobs.conversion import convert_in_child
from importer.scheduling.work import Conversion, Ended, Told, begin, failed, never

_LOOK_SECONDS = 0.2


class LocalScheduler:
    """A Scheduler. jobs: how many conversions run at once."""

    def __init__(self, cache: Cache, jobs: int = 1) -> None:
        self._cache = cache
        self._jobs = max(1, jobs)

    def run(
        self, conversions: Sequence[Conversion], told: Told, is_over: Callable[[], bool] = never
    ) -> Generator[Ended, None, None]:
        interrupted = threading.Event()
        with ThreadPoolExecutor(self._jobs) as pool:
            try:
                waiting = {
                    pool.submit(self._one, index, conversion, told, interrupted)
                    for index, conversion in enumerate(conversions)
                }
                while waiting:
                    done, waiting = wait(waiting, _LOOK_SECONDS, FIRST_COMPLETED)
                    if is_over():
                        interrupted.set()
                    yield from (future.result() for future in done)
            finally:
                interrupted.set()  # the threads would convert to the end, and the pool waits for them
                pool.shutdown(cancel_futures=True)

    def _one(self, index: int, conversion: Conversion, told: Told, interrupted: threading.Event) -> Ended:
        began = time.monotonic()
        try:
            found = begin(conversion, self._cache)
            if isinstance(found, Artifact):
                return Ended(index, found, cached=True, seconds=time.monotonic() - began)
            artifact = convert_in_child(found, partial(told, index), interrupted)
            return Ended(index, artifact, seconds=time.monotonic() - began)
        except Exception as error:
            return failed(index, error, began)
