"""Temporary folders named by the process that made them: the next process removes those of a killed one."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_OWNER = re.compile(r"\.([0-9a-f]{8})-(\d+)-(\d+)\.[^.]+$")


@contextlib.contextmanager
def owned_folder(parent: Path, name: str) -> Iterator[Path]:
    """A new folder in an existing one, removed afterwards. Raises OSError."""
    folder = make_owned_folder(parent, name)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_owned_folder(parent: Path, name: str) -> Path:
    """Like `owned_folder`, for a caller that removes it. Those of processes that have ended are removed first."""
    remove_abandoned(parent)
    host, pid = _host(), os.getpid()
    return Path(tempfile.mkdtemp(prefix=f"{name}.{host}-{pid}-{_start_of(pid)}.", dir=parent))


def remove_abandoned(parent: Path) -> None:
    """Remove the folders whose owner has ended. Those of other machines, which share a disk, are left alone."""
    with contextlib.suppress(OSError):
        for folder in parent.iterdir():
            found = _OWNER.search(folder.name)
            if found and found.group(1) == _host() and _start_of(int(found.group(2))) != int(found.group(3)):
                shutil.rmtree(folder, ignore_errors=True)


def temporary_folder() -> Path:
    """This user's own folder inside of the system's temporary one."""
    user = 0
    if sys.platform != "win32":
        user = os.getuid()
    folder = Path(tempfile.gettempdir()) / f"executorch-{user}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or (sys.platform != "win32" and found.st_uid != user):
        return Path(tempfile.mkdtemp(prefix="executorch-"))  # somebody else was first to take the name
    return folder


@functools.cache
def _host() -> str:
    """Process ids mean something on one machine, and in one container of it, only."""
    space = ""
    with contextlib.suppress(OSError):
        space = str(Path("/proc/self/ns/pid").readlink())
    return hashlib.sha256(f"{platform.node()} {space}".encode()).hexdigest()[:8]


def _start_of(pid: int) -> int:
    """When a process began, in units of the system; 0 when it is not there."""
    if sys.platform == "linux":
        try:
            text = Path(f"/proc/{pid}/stat").read_bytes()
        except OSError:
            return 0
        fields = text.rpartition(b")")[2].split()
        return 0 if fields[0] in (b"Z", b"X") else int(fields[19])
    import psutil

    try:
        return int(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0
