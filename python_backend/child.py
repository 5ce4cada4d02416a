"""What runs inside the child process of one job: the task, its progress and its end, told over a pipe as JSON.

JSON rather than pickles: a model that got control of the child gets no further by its answer.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from multiprocessing.connection import Connection
from typing import Any, Protocol

from python_backend.errors import from_exception


class Report(Protocol):
    """Tells the stage, how far it is (0 to 1) and a line for people."""

    def __call__(self, stage: str, fraction: float, message: str = "") -> None: ...


def main(target: str, params: dict[str, Any], results: Connection, log: Connection | None) -> None:
    """Run `module:function(params, report)` and send `{"result"}` or `{"error"}`."""
    _become_a_group_of_its_own()
    if log is not None:
        _write_output_to(log)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    stage = "start"

    def report(name: str, fraction: float, message: str = "") -> None:
        nonlocal stage
        stage = name
        _send(results, {"progress": {"stage": name, "fraction": fraction, "message": message}})

    try:
        module, _, function = target.partition(":")
        answer: dict[str, Any] = {"result": getattr(importlib.import_module(module), function)(params, report)}
    except BaseException as error:  # KeyboardInterrupt and SystemExit from a model's code are its faults too
        traceback.print_exc()
        answer = {"error": from_exception(error, stage=stage).data()}
    _flush()
    _send(results, answer)
    results.close()
    # Threads and at-exit handlers of big libraries may hang or crash; all that mattered is sent.
    os._exit(0)


def _send(results: Connection, message: dict[str, Any]) -> None:
    results.send_bytes(json.dumps(message, default=str).encode(errors="replace"))


def _become_a_group_of_its_own() -> None:
    """So that the job and all it starts can be ended at once, and the kernel's memory killer takes it first."""
    if os.name == "nt":
        return
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123
        file.write("1000")


def _write_output_to(log: Connection) -> None:
    """Everything written to stdout and stderr, by C++ libraries too, goes into the job's log."""
    _flush()
    for descriptor in (1, 2):
        os.dup2(log.fileno(), descriptor)
    log.close()
    # New streams: the inherited ones remember what kind of file their descriptors were.
    sys.stdout, sys.stderr = (os.fdopen(os.dup(number), "w", 1, errors="backslashreplace") for number in (1, 2))
    faulthandler.enable()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    parent.join()
    if os.name != "nt":
        os.killpg(0, signal.SIGKILL)
    time.sleep(0.1)
    os._exit(1)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
