"""A process and all that it started: their memory, and their end."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Any


def end_tree(pid: int) -> None:
    """Kill a job's process and everything it started."""
    if pid <= 0:
        return
    family = _family(pid)
    if os.name != "nt":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    for process in family:
        with contextlib.suppress(Exception):
            process.kill()


def end_own_children() -> None:
    """Kill every process that this one started, the warm parent too."""
    for process in _family(os.getpid())[1:]:
        with contextlib.suppress(Exception):
            process.kill()


def tree_memory(pid: int) -> int:
    """Resident bytes of a process and all it started; 0 when it is gone."""
    total = 0
    for process in _family(pid):
        with contextlib.suppress(Exception):
            total += process.memory_info().rss
    return total


def machine_memory() -> int:
    """Bytes of memory that this machine or container may use."""
    import psutil

    total = int(psutil.virtual_memory().total)
    with contextlib.suppress(OSError, ValueError):  # a container's limit, when there is one
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return total


def _family(pid: int) -> list[Any]:
    try:
        import psutil
    except ImportError:  # the set-up runs before it is there; the process group still ends
        return []
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []
