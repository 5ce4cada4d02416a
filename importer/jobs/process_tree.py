"""A process and all that it started: their memory, and their end."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

if sys.platform != "win32":
    from importer import posix


def end_tree(pid: int) -> None:
    """Kill a job's process and everything it started."""
    if pid <= 0:
        return
    family = _family(pid)
    if sys.platform != "win32":
        posix.end_group(pid)
    for process in family:
        with contextlib.suppress(Exception):
            process.kill()


def end_own_children() -> None:
    """Kill every process that this one started, the warm parent too."""
    for process in _family(os.getpid())[1:]:
        with contextlib.suppress(Exception):
            process.kill()


def tree_memory(pid: int, shared_once: bool = False) -> int:
    """Resident bytes of a process and all it started; 0 when it has ended. shared_once: count memory that a fork
    shares with its parent once, if the system reports it; that takes 15 ms for each GB."""
    total = 0
    for process in _family(pid):
        with contextlib.suppress(Exception):
            shared = getattr(process.memory_full_info(), "pss", 0) if shared_once else 0
            total += shared or process.memory_info().rss
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
