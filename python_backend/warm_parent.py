"""The process that has imported torch and executorch, and from which jobs are forked; elsewhere than on Linux none is.

Measured on two cores: a small conversion takes 10 s in a new process and 1 s when forked from the warm parent.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

_RENEWALS = 30


class WarmParent:
    """The process from which jobs are forked; started by the first job, not before. A cold one only starts new ones."""

    def __init__(self, cold: bool = False) -> None:
        forks = sys.platform == "linux" and not cold
        self._context: BaseContext = multiprocessing.get_context("forkserver" if forks else "spawn")
        self._forks = forks
        self._ready = threading.Event()
        self._warming = threading.Lock()
        self._starting = threading.Lock()

    def is_ready(self) -> bool:
        return self._ready.is_set()

    def wait_until_ready(self, check: Callable[[], None]) -> None:
        """Start the warm parent if need be and wait for it; `check` is called meanwhile and may raise."""
        if self._ready.is_set():
            return
        if not self._warming.locked():
            threading.Thread(target=self._warm, daemon=True).start()
        while not self._ready.wait(0.05):
            check()

    def start(self, function: Callable[..., None], arguments: tuple[Any, ...]) -> BaseProcess:
        """A new process, forked when the platform can; raises OSError or EOFError when the warm parent has died."""
        with self._starting:
            process: BaseProcess = self._context.Process(target=function, args=arguments)  # type: ignore[attr-defined]
            process.start()
            return process

    def renew(self) -> None:
        """Have the next `wait_until_ready` start a new warm parent, because this one has died."""
        self._ready.clear()

    def _warm(self) -> None:
        if not self._warming.acquire(blocking=False):
            return
        try:
            if self._forks and not self._ready.is_set():
                self._fork_once()
        finally:
            self._ready.set()
            self._warming.release()

    def _fork_once(self) -> None:
        """The first fork waits for the preload, so it is made here, where nobody waits."""
        self._context.set_forkserver_preload(["python_backend.warm"])
        os.environ["EXECUTORCH_BACKEND_WARM"] = "1"
        for _ in range(_RENEWALS):
            try:
                self.start(_nothing, ()).join()
                return
            except EOFError:  # the preload crashed: start cold, so that a job's log has the reason
                self._context.set_forkserver_preload([])
                os.environ["EXECUTORCH_BACKEND_WARM"] = "0"
            except OSError:  # it is dying, and only its end makes multiprocessing start another
                time.sleep(0.1)


warm_parent = WarmParent()
cold_parent = WarmParent(cold=True)
"""For a command that runs one job which needs little of torch."""


def _nothing() -> None:
    pass
