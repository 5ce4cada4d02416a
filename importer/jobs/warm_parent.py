"""Starts the process of warm_server.py and has it fork a child for each job. Linux only."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from importer import posix
from importer.jobs.sandbox.policy import Policy
from importer.jobs.starting import START, Child, environment
from importer.kernels import library

assert sys.platform == "linux"

_START_SECONDS = 10.0


class WarmParent:
    """Forks of a process that was started by the first job. When it ends, or the game's libraries change, the next job
    starts another.

    preload: the module whose `warm_up` prepares it.
    """

    def __init__(self, niceness: int = 0, preload: str = "importer.jobs.warm") -> None:
        self._niceness = niceness
        self._preload = preload
        self._lock = threading.Lock()
        self._server: _Server | None = None

    def is_ready(self) -> bool:
        server = self._server
        return server is not None and server.is_ready()

    def wait_until_ready(self, check: Callable[[], None]) -> None:
        server = self._living()
        while not server.ready.wait(0.05):
            check()

    def start(self, policy: Policy | None = None) -> Child:
        return self._living().start()

    def _living(self) -> _Server:
        with self._lock:
            if self._server is None or self._server.is_gone or self._server.libraries != library.of_game():
                self._server = _Server(self._niceness, self._preload)
            return self._server


class _Server:
    """The parent's side of warm_server.py; a thread of its own reads the server's messages until that ends."""

    def __init__(self, niceness: int, preload: str) -> None:
        self.ready = threading.Event()
        self.is_gone = False
        self.libraries = library.of_game()
        self._arguments = [str(niceness), preload]
        self._changed = threading.Condition()
        self._pids: dict[int, int] = {}
        self._statuses: dict[int, int] = {}
        self._next = 0
        self._stream, self._other = posix.packet_pair()
        # The kernel ends the server with the thread that started it, so that thread must run as long as the server.
        threading.Thread(target=self._follow, daemon=True).start()

    def is_ready(self) -> bool:
        return self.ready.is_set() and not self.is_gone

    def start(self) -> Child:
        with self._changed:
            self._next += 1
            number = self._next
        pipes = [os.pipe() for _ in range(3)]
        (task_read, task), (told, told_write), (log, log_write) = pipes
        try:
            request = json.dumps({"start": number}).encode()
            posix.send_packet(self._stream, request, [task_read, told_write, log_write])
            with self._changed:
                known = self._changed.wait_for(lambda: number in self._pids or self.is_gone, _START_SECONDS)
                if not known or number not in self._pids:
                    raise OSError("the warm parent has ended")
                return _Forked(self, number, self._pids[number], (task, told, log))
        except BaseException:
            for descriptor in (task, told, log):
                os.close(descriptor)
            raise
        finally:
            for descriptor in (task_read, told_write, log_write):
                os.close(descriptor)

    def status(self, number: int) -> int | None:
        with self._changed:
            # The child of a server that has ended was killed with it.
            return self._statuses.get(number, -9 if self.is_gone else None)

    def release(self, number: int) -> None:
        with self._changed:
            self._pids.pop(number, None)
            self._statuses.pop(number, None)
        with contextlib.suppress(OSError):
            self._stream.send(json.dumps({"release": number}).encode())

    def _follow(self) -> None:
        command = [sys.executable, str(START), "warm", str(self._other.fileno()), *self._arguments]
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, env=environment(), pass_fds=[self._other.fileno()]
            )
            self._other.close()
            with contextlib.suppress(ConnectionError):  # it was killed
                while data := self._stream.recv(1 << 16):
                    self._take(json.loads(data))
            process.wait()
        except OSError as error:
            print(f"The warm parent cannot be started: {error}", file=sys.stderr)
        finally:
            with self._changed:
                self.is_gone = True
                self._changed.notify_all()
            self.ready.set()
            self._other.close()

    def _take(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            if message["ready"]:
                print(f"The warm parent could not be prepared: {message['ready']}", file=sys.stderr)
            self.ready.set()
            return
        with self._changed:
            if "started" in message:
                self._pids[int(message["started"])] = int(message["pid"])
            else:
                self._statuses[int(message["ended"])] = int(message["status"])
            self._changed.notify_all()


class _Forked:
    def __init__(self, server: _Server, number: int, pid: int, descriptors: tuple[int, int, int]) -> None:
        self.pid = pid
        self.task, self.told, self.log = descriptors
        self._server = server
        self._number = number

    def status(self) -> int | None:
        return self._server.status(self._number)

    def release(self) -> None:
        self._server.release(self._number)
        for descriptor in (self.task, self.told, self.log):
            os.close(descriptor)
