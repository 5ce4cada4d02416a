"""One task in a child process of its own, with a deadline, a memory limit and a way to stop it."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from typing import Any

from python_backend import child
from python_backend.environment import install_command
from python_backend.errors import BackendError
from python_backend.process_tree import end_tree, machine_memory, tree_memory
from python_backend.tail import Tail
from python_backend.warm_parent import WarmParent, warm_parent

MAX_RESULT = 16 * 1024 * 1024
_POLL_SECONDS = 0.2
_PROGRESS_SECONDS = 0.05


@dataclass(frozen=True)
class Limits:
    """0 means no deadline, and three quarters of the machine for memory (resident bytes of the job's processes)."""

    deadline_seconds: float = 0.0
    memory_bytes: int = 0


class Worker:
    """Runs one task once; `run` blocks, `cancel` may come from any thread at any time."""

    def __init__(
        self,
        target: str,
        params: dict[str, Any],
        limits: Limits,
        on_progress: Callable[[str, float, str], None],
        parent: WarmParent = warm_parent,
    ) -> None:
        self.stage = "start"
        self.memory_bytes = 0
        self.pid = 0
        self._target = target
        self._params = params
        self._deadline_seconds = limits.deadline_seconds
        self._memory_limit = limits.memory_bytes or machine_memory() * 3 // 4
        self._on_progress = on_progress
        self._parent = parent
        self._log = Tail()
        self._wake_read, self._wake_write = multiprocessing.Pipe(duplex=False)
        self._cancelled = threading.Event()
        self._last_progress = 0.0

    def run(self) -> Any:
        """The task's result; raises BackendError with stage and log when there is none."""
        self._on_progress("start", 0.0, "starting Python" if not self._parent.is_ready() else "")
        try:
            return self._run()
        except BackendError as error:
            error.stage = error.stage or self.stage
            error.log = "\n".join(part for part in (error.log, self._log.text()) if part)
            raise
        finally:
            self._wake_read.close()

    def cancel(self) -> None:
        """End the child; `run` raises CANCELLED."""
        self._cancelled.set()
        with contextlib.suppress(OSError, ValueError):
            self._wake_write.send_bytes(b"x")

    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()

    def _run(self) -> Any:
        results, results_write = multiprocessing.Pipe(duplex=False)
        log, log_write = _log_pipe()
        process = self._start((self._target, self._params, results_write, log_write))
        started = time.monotonic()
        self.pid = process.pid or 0
        results_write.close()
        if log_write is not None:
            log_write.close()
        try:
            answer = self._follow(process, results, log, started)
        finally:
            end_tree(self.pid)
            process.join()
            if log is not None:
                self._drain(log)
                log.close()
            results.close()
        if answer is None:
            raise self._death(process.exitcode)
        if "error" in answer:
            fields = {name: str(answer["error"].get(name, "")) for name in ("code", "cause", "remedy", "stage", "log")}
            raise BackendError(**fields)
        return answer.get("result")

    def _start(self, arguments: tuple[Any, ...]) -> BaseProcess:
        failure: Exception = OSError()
        for _ in range(3):
            self._parent.wait_until_ready(self._check_cancelled)
            try:
                return self._parent.start(child.main, arguments)
            except (EOFError, OSError) as error:
                failure = error
                self._parent.renew()
        cause = f"The job's process did not start: {type(failure).__name__} {failure}"
        remedy = f"{install_command('--force-reinstall', 'torch', 'executorch')}, then restart the backend."
        raise BackendError("WORKER_NOT_STARTED", cause, remedy)

    def _follow(
        self, process: BaseProcess, results: connection.Connection, log: connection.Connection | None, started: float
    ) -> dict[str, Any] | None:
        """The child's answer, or None when it ended without one."""
        sources: list[Any] = [results, process.sentinel, self._wake_read]
        if log is not None:
            sources.append(log.fileno())
        next_look = 0.0
        while True:
            ready = connection.wait(sources, _POLL_SECONDS)
            if log is not None and log.fileno() in ready and not self._read_log(log):
                sources.remove(log.fileno())
            if results in ready:
                try:
                    message = json.loads(results.recv_bytes(MAX_RESULT))
                except EOFError:
                    return None
                except (OSError, ValueError) as error:
                    raise BackendError(
                        "RESULT_TOO_LARGE", f"The job's answer could not be read: {error}", "Please report it."
                    ) from error
                if "progress" not in message:
                    return dict(message)
                self._progress(message["progress"])
            elif process.sentinel in ready:
                return None
            self._check_cancelled()
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + _POLL_SECONDS
                self._check_limits(time.monotonic() - started)

    def _progress(self, progress: dict[str, Any]) -> None:
        stage, now = str(progress.get("stage")), time.monotonic()
        # A child may report as often as it likes; the editor hears of it 20 times a second.
        if stage != self.stage or now - self._last_progress >= _PROGRESS_SECONDS:
            self.stage, self._last_progress = stage, now
            self._on_progress(stage, float(progress.get("fraction") or 0.0), str(progress.get("message") or ""))

    def _check_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise BackendError("CANCELLED", "The job was cancelled.", "Import the file again when you want it.")

    def _check_limits(self, elapsed: float) -> None:
        self.memory_bytes = tree_memory(self.pid)
        if self._deadline_seconds and elapsed > self._deadline_seconds:
            cause = f"The job was still in stage `{self.stage}` after {self._deadline_seconds:g} seconds and was ended."
            raise BackendError("DEADLINE_EXCEEDED", cause, "Raise the import option deadline_seconds.")
        if self.memory_bytes > self._memory_limit:
            used, limit = self.memory_bytes / 1e6, self._memory_limit / 1e6
            cause = f"The job used {used:.0f} MB in stage `{self.stage}`; its limit is {limit:.0f} MB. It was ended."
            remedy = "Raise the import option memory_limit_megabytes, or use a smaller model."
            raise BackendError("MEMORY_LIMIT_EXCEEDED", cause, remedy)

    def _death(self, exit_code: int | None) -> BackendError:
        name = f"exit status {exit_code}"
        if exit_code is not None and exit_code < 0:
            with contextlib.suppress(ValueError):
                name = signal.Signals(-exit_code).name
        cause = f"The conversion's process died in stage `{self.stage}` ({name})."
        if exit_code == -signal.SIGTERM or exit_code == -9:
            remedy = "Somebody ended it, or the machine ran out of memory: close other programs and import it again."
            return BackendError("WORKER_KILLED", cause, remedy)
        remedy = "The log has its last words. Import the file again; if it dies again, try the recipe `portable`."
        return BackendError("WORKER_CRASHED", cause, remedy)

    def _read_log(self, log: connection.Connection) -> bool:
        try:
            data = os.read(log.fileno(), 1 << 16)
        except BlockingIOError:
            return True
        self._log.write(data)
        return bool(data)

    def _drain(self, log: connection.Connection) -> None:
        os.set_blocking(log.fileno(), False)
        for _ in range(64):  # a grandchild that escaped may write for ever
            try:
                data = os.read(log.fileno(), 1 << 16)
            except BlockingIOError:
                return
            if not data:
                return
            self._log.write(data)


def _log_pipe() -> tuple[connection.Connection | None, connection.Connection | None]:
    """Windows' pipes are no file descriptors; there the job's output is not kept."""
    return (None, None) if os.name == "nt" else multiprocessing.Pipe(duplex=False)
