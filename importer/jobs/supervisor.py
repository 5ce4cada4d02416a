"""One task in a child process of its own, with a deadline, a memory limit and a way to stop it."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from importer.errors import Guess, ImporterError, plain_text
from importer.jobs import messages
from importer.jobs.memory_limit import MemoryLimit
from importer.jobs.process_tree import end_tree, tree_memory
from importer.jobs.sandbox.policy import Policy
from importer.jobs.starting import Child, Starter
from importer.jobs.tail import Tail

if sys.platform != "win32":
    from importer import posix

_POLL_SECONDS = 0.2
_PROGRESS_SECONDS = 0.05
_START_SECONDS = 180.0
_MOST_WAITING = 8
_MOST_GUESSES = 8
_GUESSED = ("factory", "factory_arguments", "inputs")

Listener = Callable[[str, float, str], None]


@dataclass(frozen=True)
class Limits:
    """deadline_seconds: 0 means no deadline. memory_bytes: see MemoryLimit."""

    deadline_seconds: float = 0.0
    memory_bytes: int = 0


class Supervisor:
    """Runs one task; `run` blocks, `cancel` may come from any thread at any time.

    sandbox: how the task was confined; empty when it was not. cancelled: an event that several jobs may share.
    on_progress(stage, fraction, message) is called at most 20 times a second and at every new stage.
    """

    def __init__(
        self,
        limits: Limits,
        on_progress: Listener,
        starter: Starter,
        cancelled: threading.Event | None = None,
    ) -> None:
        self.stage = "start"
        self.memory_bytes = 0
        self.pid = 0
        self.sandbox = ""
        self._deadline_seconds = limits.deadline_seconds
        self._memory_limit = MemoryLimit(limits.memory_bytes)
        self._on_progress = on_progress
        self._starter = starter
        self.cancelled = cancelled or threading.Event()
        self._log = Tail()
        self._last_progress = 0.0
        self._message = ""

    def run(self, target: str, params: dict[str, Any], policy: Policy | None) -> Any:
        """The result of `module:function(params, report)`: JSON within limits. policy: None runs it unconfined.

        Raises ImporterError with stage and log when there is no result.
        """
        task = {"target": target, "params": params, "policy": policy.data() if policy else None}
        self._on_progress("start", 0.0, "starting Python" if not self._starter.is_ready() else "")
        try:
            return self._run(task, policy)
        except ImporterError as error:
            error.stage = error.stage or self.stage
            error.log = "\n".join(part for part in (error.log, plain_text(self._log.text(), 1 << 20)) if part)
            raise

    def cancel(self) -> None:
        """End the child; `run` raises CANCELLED."""
        self.cancelled.set()

    def is_cancelled(self) -> bool:
        return self.cancelled.is_set()

    def enter(self, stage: str, fraction: float) -> None:
        """A stage of the job that is the parent's own."""
        self.stage = stage
        self._on_progress(stage, fraction, "")

    def _run(self, task: dict[str, Any], policy: Policy | None) -> Any:
        child = self._start(policy)
        self.pid = child.pid
        streams = _Streams(child, self._log)
        try:
            answer = self._follow(child, streams, task)
        finally:
            end_tree(self.pid)
            streams.end()
            child.release()
        if "error" in answer:
            raise as_error(answer["error"])
        return answer.get("result")

    def _start(self, policy: Policy | None) -> Child:
        failure: Exception = OSError()
        for _ in range(3):
            self._starter.wait_until_ready(self._check_cancelled)
            try:
                return self._starter.start(policy)
            except OSError as error:
                failure = error
        cause = f"The job's process did not start: {type(failure).__name__} {failure}"
        remedy = f"{sys.executable} -m pip install --force-reinstall torch executorch, then try again."
        raise ImporterError("WORKER_NOT_STARTED", cause, remedy)

    def _follow(self, child: Child, streams: _Streams, task: dict[str, Any]) -> dict[str, Any]:
        """The child's answer; raises ImporterError when there is none."""
        with contextlib.suppress(OSError):  # it has ended: its status shows why
            streams.send(messages.encode(task))
        # The start of Python and its packages does not count as the model's time.
        began = time.monotonic() + _START_SECONDS
        next_look, ended = 0.0, False
        while True:
            self._check_cancelled()
            message = streams.next(_POLL_SECONDS)
            if isinstance(message, Exception):
                raise _invalid(str(message))
            if message is not None:
                began = min(began, time.monotonic())
                if "result" in message or "error" in message:
                    return message
                if "started" in message:
                    self.sandbox = plain_text(message["started"], 32)
                if "progress" in message:
                    self._progress(message["progress"])
            elif ended or streams.is_closed:
                # All that it sent is read: a process that it started may hold the pipe open for longer.
                if (status := _status(child)) is not None:
                    raise self._death(status)
                raise _invalid("the stream of messages was closed")
            else:
                ended = child.status() is not None
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + _POLL_SECONDS
                self._check_limits(time.monotonic() - began)

    def _progress(self, progress: Any) -> None:
        if not isinstance(progress, dict):
            raise _invalid("progress that is not an object")
        stage, now = plain_text(progress.get("stage"), 64), time.monotonic()
        fraction = progress.get("fraction")
        self._message = plain_text(progress.get("message"), 1000)
        if stage != self.stage or now - self._last_progress >= _PROGRESS_SECONDS:
            self.stage, self._last_progress = stage, now
            known = min(1.0, max(0.0, float(fraction))) if isinstance(fraction, (int, float)) else 0.0
            self._on_progress(stage, known, self._message)

    def _check_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise ImporterError("CANCELLED", "The job was cancelled.", "Start it again when you need it.")

    def _check_limits(self, elapsed: float) -> None:
        self.memory_bytes = tree_memory(self.pid)
        if self._deadline_seconds and elapsed > self._deadline_seconds:
            cause = f"The job was still in stage `{self.stage}` after {self._deadline_seconds:g} seconds and was ended."
            raise ImporterError("DEADLINE_EXCEEDED", cause, "Raise the import option deadline_seconds.")
        self._memory_limit.check(self.pid, self.memory_bytes, self.stage)

    def _death(self, status: int) -> ImporterError:
        name = f"exit status {status}"
        if status < 0:
            with contextlib.suppress(ValueError):
                name = signal.Signals(-status).name
        doing = f", {self._message}" if self._message else ""
        cause = f"The job's process died in stage `{self.stage}`{doing} ({name})."
        if status == -signal.SIGTERM or status == -9:
            remedy = "Another program ended it, or the machine ran out of memory: close other programs and try again."
            return ImporterError("WORKER_KILLED", cause, remedy)
        remedy = "The log has its last output. Try again; if it happens again, try the recipe `portable`."
        return ImporterError("WORKER_CRASHED", cause, remedy)


class _Streams:
    """The streams of a child, read by threads, so that a message without an end does not stop the deadline."""

    def __init__(self, child: Child, log: Tail) -> None:
        self.is_closed = False
        self._child = child
        self._log = log
        self._messages: queue.Queue[dict[str, Any] | Exception | None] = queue.Queue(_MOST_WAITING)
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=read, daemon=True) for read in (self._read_messages, self._read_log)]
        for thread in self._threads:
            thread.start()

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._child.task, view) :]

    def next(self, seconds: float) -> dict[str, Any] | Exception | None:
        """A message, the error of an invalid one, or None when none arrived or the stream `is_closed`."""
        with contextlib.suppress(queue.Empty):
            message = self._messages.get(timeout=seconds)
            self.is_closed = message is None
            return message
        return None

    def end(self) -> None:
        """After the child's end: read the rest of its log."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _read_messages(self) -> None:
        decoder = messages.Decoder()
        try:
            while data := self._read(self._child.told):
                decoder.feed(data)
                while (message := decoder.next()) is not None:
                    self._put(message)
            if not self._ended.is_set():
                decoder.end()
            self._put(None)
        except (messages.FrameError, messages.MessageError) as error:
            self._put(error)

    def _read_log(self) -> None:
        while data := self._read(self._child.log):
            self._log.write(data)

    def _read(self, descriptor: int) -> bytes:
        """Empty at the stream's end, and when all that a dead child had written is read."""
        if sys.platform != "win32":
            left = 0.0 if self._ended.is_set() else _POLL_SECONDS
            while not posix.wait_readable(descriptor, left):
                if self._ended.is_set():
                    return b""
        return os.read(descriptor, 1 << 16)

    def _put(self, message: dict[str, Any] | Exception | None) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(queue.Full):
                self._messages.put(message, timeout=_POLL_SECONDS)
                return


def _status(child: Child) -> int | None:
    """The status of a child that has closed its stream, and so is about to end."""
    end = time.monotonic() + 2.0
    while (status := child.status()) is None and time.monotonic() < end:
        time.sleep(0.01)
    return status


def as_error(told: Any) -> ImporterError:
    """The data of an error that another process sent, which may be anything, as an error."""
    if not isinstance(told, dict):
        return _invalid("an error that is not an object")
    code, cause, remedy, stage = (plain_text(told.get(name), 4000) for name in ("code", "cause", "remedy", "stage"))
    log, guesses = plain_text(told.get("log"), 100_000), _guesses(told.get("guesses"))
    return ImporterError(code[:64], cause, remedy, stage[:64], log, guesses)


def _guesses(told: Any) -> list[Guess]:
    """The guesses of a child's error; invalid ones are left out."""
    guesses = []
    for item in told[:_MOST_GUESSES] if isinstance(told, list) else []:
        options = item.get("options") if isinstance(item, dict) else None
        if isinstance(options, dict):
            known = {name: plain_text(options[name], 1000) for name in _GUESSED if name in options}
            title, reason = plain_text(item.get("title"), 200), plain_text(item.get("reason"), 1000)
            guesses.append(Guess(title, reason, {name: value for name, value in known.items() if value}))
    return guesses


def _invalid(reason: str) -> ImporterError:
    cause = f"The job's process sent a message that is not an answer: {plain_text(reason, 300)}."
    remedy = "Code of the model may have sent it: use files from people you trust. Otherwise report it, with the log."
    return ImporterError("WORKER_ANSWER_INVALID", cause, remedy)
