"""The child process of one job: runs the task and sends its progress and its result to the parent."""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import sys
import threading
import time
import traceback
from typing import Any, Protocol

from importer.errors import ImporterError, from_exception
from importer.jobs import messages
from importer.jobs.sandbox.confine import enter
from importer.jobs.sandbox.policy import Policy

if sys.platform != "win32":
    from importer import posix


class Report(Protocol):
    """Reports the stage, its fraction (0 to 1) and a line for people."""

    def __call__(self, stage: str, fraction: float, message: str = "") -> None: ...


def run_started(niceness: int) -> None:
    """In a process of its own: the task comes on standard input, messages go to standard output, the log to standard
    error."""
    if sys.platform != "win32":
        posix.end_with_parent(os.getppid())
        os.nice(niceness)
    told = os.dup(1)
    os.dup2(2, 1)
    run(_keep_standard_input(), told)


def run_forked(task: int, told: int, log: int) -> None:
    """In a fork of the warm parent, with the same three descriptors."""
    for source, target in ((task, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(task)
    os.close(log)
    run(_keep_standard_input(), told)


def run(task: int, told: int) -> None:
    """Read `{target, params, policy}`, enter the sandbox, and run `module:function(params, report)`.

    Sends `{result}` or `{error}`, and ends the process.
    """
    if sys.platform != "win32":
        posix.lead_own_group()
    # New streams: inherited ones were made for another kind of file.
    sys.stdout, sys.stderr = (os.fdopen(os.dup(number), "w", 1, errors="backslashreplace") for number in (1, 2))
    faulthandler.enable()
    stage = "start"

    def report(name: str, fraction: float, message: str = "") -> None:
        nonlocal stage
        stage = name
        _send(told, {"progress": {"stage": name, "fraction": fraction, "message": message}})

    try:
        job = _receive(task)
        # Before there is a second thread, which would not be confined.
        way = enter(Policy.from_data(job["policy"])) if job["policy"] else ""
        threading.Thread(target=_end_with_pipe, args=(task,), daemon=True).start()
        _send(told, {"started": way})
        module, _, function = str(job["target"]).partition(":")
        answer = {"result": getattr(importlib.import_module(module), function)(job["params"], report)}
    except BaseException as error:  # KeyboardInterrupt and SystemExit from a model's code are its faults too
        if not isinstance(error, ImporterError):  # its text says what happened, and its log where
            traceback.print_exc()
        answer = {"error": from_exception(error, stage=stage).data()}
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    _send(told, answer)
    # Threads and at-exit handlers of big libraries may hang or crash; all that mattered is sent.
    os._exit(0)


def _keep_standard_input() -> int:
    """A descriptor of our own for standard input, which is empty for the task."""
    kept = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return kept


def _receive(task: int) -> dict[str, Any]:
    decoder = messages.Decoder()
    while (job := decoder.next()) is None:
        data = os.read(task, 1 << 16)
        if not data:
            os._exit(1)  # the parent ended
        decoder.feed(data)
    return job


def _send(told: int, message: dict[str, Any]) -> None:
    try:
        data = memoryview(messages.encode(message))
    except messages.FrameError as error:
        cause = f"The job's answer is {error}."
        message = {"error": {"code": "RESULT_TOO_LARGE", "cause": cause, "remedy": "Please report it."}}
        data = memoryview(messages.encode(message))
    while data:
        data = data[os.write(told, data) :]


def _end_with_pipe(task: int) -> None:
    """The parent keeps the other end of this pipe open until it ends."""
    with contextlib.suppress(OSError):
        while os.read(task, 1 << 16):
            pass
    if sys.platform != "win32":
        posix.end_own_group()
    time.sleep(0.1)
    os._exit(1)
