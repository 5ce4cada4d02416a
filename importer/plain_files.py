"""Opens files that somebody else may have made, when they are plain files. Standard library only.

A pipe waits for a writer, and a device has no end: neither is opened.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

MOST_FILE_BYTES = 64 << 30
"""More than any model that a game can run; a file with holes has that many bytes in a few kilobytes."""


def open_plain(path: Path) -> BinaryIO:
    """The file to read, links followed. Raises OSError, also for what is not a plain file."""
    _check(path.stat(), path)
    # Something else may have taken its place since.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _check(os.fstat(handle), path)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_plain(path: Path, limit: int) -> bytes:
    """A plain file's bytes. Raises OSError, also when there are more than `limit`."""
    with open_plain(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"more than {limit} bytes", str(path))
    return data


def _check(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a plain file", str(path))
