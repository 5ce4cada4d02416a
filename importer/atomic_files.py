"""Files that are written completely or not at all. Standard library only."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from importer.plain_files import read_plain

_UMASK = os.umask(0)  # it can only be read by setting it
os.umask(_UMASK)


@contextlib.contextmanager
def replacing(path: Path, *, flushed: bool = False, private: bool = False) -> Iterator[BinaryIO]:
    """A temporary file beside `path` to write to; it takes the place of `path` at the end, and is removed when the
    body raises. flushed: its bytes are on the disk before. private: only this user may read it. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            if flushed:
                file.flush()
                os.fsync(file.fileno())
        if not private:
            share(Path(name))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_atomically(path: Path, data: bytes, *, flushed: bool = False) -> None:
    """Write a file. Not flushed by default: that would wait for all that was copied before. Raises OSError."""
    with replacing(path, flushed=flushed) as file:
        file.write(data)


def write_changed(path: Path, data: bytes) -> None:
    """Write a file as write_atomically does, unless it has this content already. Raises OSError."""
    with contextlib.suppress(OSError):  # of a path that has no file, or a larger one
        if not path.is_symlink() and read_plain(path, len(data)) == data:
            return
    write_atomically(path, data)


def share(path: Path) -> None:
    """Give a temporary file or folder the rights that other new ones have: a team may share the cache."""
    with contextlib.suppress(OSError):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~_UMASK)
