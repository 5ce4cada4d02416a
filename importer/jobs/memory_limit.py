"""The memory limit of a job: how much its process and all that this one started may use together."""

from __future__ import annotations

import contextlib
from pathlib import Path

from importer.errors import ImporterError
from importer.jobs.process_tree import tree_memory


class MemoryLimit:
    """limit_bytes: resident bytes. 0 means three quarters of the memory of this machine or container."""

    def __init__(self, limit_bytes: int) -> None:
        self._bytes = limit_bytes or machine_memory() * 3 // 4

    def check(self, pid: int, used_bytes: int, stage: str) -> None:
        """used_bytes: of the process and all it started, with shared pages counted for each. Raises
        MEMORY_LIMIT_EXCEEDED."""
        if used_bytes > self._bytes and (counted := tree_memory(pid, shared_once=True)) > self._bytes:
            used, limit = counted / 1e6, self._bytes / 1e6
            cause = f"The job used {used:.0f} MB in stage `{stage}`; its limit is {limit:.0f} MB. It was ended."
            remedy = "Raise the import option memory_limit_megabytes, or use a smaller model."
            raise ImporterError("MEMORY_LIMIT_EXCEEDED", cause, remedy)


def machine_memory() -> int:
    """Bytes of memory that this machine or container may use."""
    import psutil

    total = int(psutil.virtual_memory().total)
    with contextlib.suppress(OSError, ValueError):  # a container's limit, when there is one
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return total
