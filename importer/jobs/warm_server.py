"""The warm parent's own process: prepares itself, then forks a child for each request, until its starter ends.

Requests are packets of JSON: `{"start": number}` with three descriptors (child.run_forked), `{"release": number}`.
Answers: `{"ready": error}`, `{"started": number, "pid"}`, `{"ended": number, "status"}`. One thread only, so that forks
are whole.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import socket
import sys
from functools import partial
from typing import Any

from importer import posix
from importer.errors import broken_package
from importer.jobs import child
from importer.jobs.sandbox.confine import prepare

assert sys.platform == "linux"


def serve(descriptor: int, niceness: int, preload: str) -> None:
    """Until the other end of the socket closes; then everything that was started here is ended."""
    parent = os.getppid()
    posix.end_with_parent(parent)
    os.nice(niceness)
    with socket.socket(fileno=descriptor) as stream:
        _tell(stream, {"ready": _prepare(preload)})
        # From now on the closed socket shows the end of the parent, and there is time to end the processes of jobs.
        posix.outlive_parent()
        if os.getppid() == parent:
            _Forks(stream).run()
    os._exit(0)  # an interpreter with torch takes seconds to end by itself


class _Forks:
    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._pids: dict[int, int] = {}
        self._ended: set[int] = set()
        self._wake = posix.wake_at_child_end()

    def run(self) -> None:
        try:
            while self._serve_next():
                pass
        finally:
            for pid in self._pids.values():
                posix.end_group(pid)

    def _serve_next(self) -> bool:
        woken = self._wake[0]
        ready, _, _ = select.select([self._stream.fileno(), woken], [], [])
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                while os.read(woken, 1 << 10):
                    pass
            self._tell_ends()
        return self._stream.fileno() not in ready or self._answer()

    def _answer(self) -> bool:
        data, descriptors = posix.receive_packet(self._stream)
        if not data:
            return False
        request: dict[str, Any] = json.loads(data)
        if "release" in request:
            number = int(request["release"])
            self._ended.discard(number)
            posix.reap(self._pids.pop(number))
            return True
        number = int(request["start"])
        pid = posix.fork(partial(self._become_child, *descriptors))
        for descriptor in descriptors:
            os.close(descriptor)
        self._pids[number] = pid
        _tell(self._stream, {"started": number, "pid": pid})
        return True

    def _become_child(self, task: int, told: int, log: int) -> None:
        self._stream.close()
        for descriptor in self._wake:
            os.close(descriptor)
        child.run_forked(task, told, log)

    def _tell_ends(self) -> None:
        for number, pid in self._pids.items():
            if number not in self._ended and (status := posix.exit_status(pid)) is not None:
                self._ended.add(number)
                _tell(self._stream, {"ended": number, "status": status})


def _prepare(preload: str) -> str:
    """The error, or an empty text. A job then fails with the same error, and its log has the details."""
    # The packages' chatter at their import is of no use to anybody.
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    try:
        importlib.import_module(preload).warm_up()
        prepare()
        return ""
    except Exception as error:
        broken_package(error)  # keeps its reason for the jobs
        return f"{type(error).__name__}: {error}"[:1000]
    finally:
        for stream, descriptor, own in zip((sys.stdout, sys.stderr), (1, 2), kept, strict=True):
            stream.flush()
            os.dup2(own, descriptor)
            os.close(own)
        os.close(nowhere)


def _tell(stream: socket.socket, message: dict[str, Any]) -> None:
    stream.send(json.dumps(message).encode())
