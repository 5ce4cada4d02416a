"""The two ways to start a job's process: spawn a new one, or fork a warm parent that has imported torch
(warm_parent.py).

Measured on two cores: a small conversion takes 10 s in a new process and 1 s when forked from the warm parent. Only
Linux has one: elsewhere forks of a process with torch's libraries are not safe, or not there at all.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from importer.jobs.sandbox import macos
from importer.jobs.sandbox.policy import Policy, is_kept

_ROOT = Path(__file__).resolve().parent.parent.parent
START = Path(__file__).resolve().with_name("start.py")
# Variables that a trusted factory may need too.
_OF_PERSON = ("HOME", "USER", "LOGNAME", "XDG_", "TMP", "TEMP", "APPDATA", "LOCALAPPDATA", "SYSTEMROOT", "USERPROFILE")


class Child(Protocol):
    """A started process: descriptors to give it its task, to read its messages and its log, and its end."""

    pid: int
    task: int
    told: int
    log: int

    def status(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""

    def release(self) -> None:
        """Forget it; it has been killed. Closes the descriptors."""


class Starter(Protocol):
    """A way of starting processes; used from any thread."""

    def is_ready(self) -> bool: ...

    def wait_until_ready(self, check: Callable[[], None]) -> None:
        """Wait until `start` is possible; `check` is called meanwhile and may raise."""

    def start(self, policy: Policy | None = None) -> Child:
        """A process for a task that is to be confined, or not. Raises OSError."""


class Spawn:
    """Every job in a new interpreter."""

    def __init__(self, niceness: int = 0) -> None:
        self._niceness = niceness

    def is_ready(self) -> bool:
        return True

    def wait_until_ready(self, check: Callable[[], None]) -> None:
        check()

    def start(self, policy: Policy | None = None) -> Child:
        return _Spawned(self._niceness, policy)


def starter(cold: bool = False, niceness: int = 0) -> Starter:
    """The way that suits this system, for conversions."""
    if sys.platform == "linux" and not cold:
        from importer.jobs.warm_parent import WarmParent

        return WarmParent(niceness)
    return Spawn(niceness)


def light_starter() -> Starter:
    """The starter of tasks that do not need torch: they take milliseconds."""
    if sys.platform == "linux":
        from importer.jobs.warm_parent import WarmParent

        return WarmParent(preload="importer.jobs.light")
    return Spawn()


class _Spawned:
    def __init__(self, niceness: int, policy: Policy | None) -> None:
        command = [sys.executable, str(START), "job", str(niceness)]
        if sys.platform == "darwin" and policy is not None:
            command = [*macos.command(policy), *command]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment())
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self.pid = self._process.pid
        streams = (self._process.stdin, self._process.stdout, self._process.stderr)
        self.task, self.told, self.log = (stream.fileno() for stream in streams)

    def status(self) -> int | None:
        return self._process.poll()

    def release(self) -> None:
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]


def environment() -> dict[str, str]:
    """Without secrets such as the cache's signing key (a confined process can read what it was started with), and
    without what lets the working folder be searched for modules: empty and relative entries of PYTHONPATH."""
    kept = {name: value for name, value in os.environ.items() if is_kept(name) or name.startswith(_OF_PERSON)}
    given = kept.get("PYTHONPATH", "").split(os.pathsep)
    entries = [str(_ROOT), *(entry for entry in given if entry and Path(entry).is_absolute())]
    # Several conversions share the cores: torch's threads that wait must not keep one busy.
    waiting = {"OMP_WAIT_POLICY": "PASSIVE"}
    return {**waiting, **kept, "PYTHONPATH": os.pathsep.join(entries), "PYTHONUTF8": "1"}
