"""Files below a cache's root, which others may write: no link on the way is followed, and only plain files are opened.

The root itself may be a link: the person named it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from importer.errors import ImporterError


@contextlib.contextmanager
def opened(root: Path, *names: str) -> Iterator[BinaryIO]:
    """A file to read. Raises CACHE_ENTRY_LINKED, and OSError also for anything but a plain file."""
    if sys.platform == "win32":
        handle = _open_checked(root, names)
    else:
        handle = _open_stepwise(root, names)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a plain file", str(root.joinpath(*names)))
    with os.fdopen(handle, "rb") as file:
        yield file


def check_folder(root: Path, *names: str) -> None:
    """Raises CACHE_ENTRY_LINKED when a folder below the root is a link, also a broken one. It may be missing."""
    place = root
    for name in names:
        place = place / name
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if _is_link(os.lstat(place)):
                raise _linked(place)


def check_plain(folder: Path) -> None:
    """Raises CACHE_ENTRY_LINKED for a link in a folder, and CACHE_DAMAGED for any other file that is not plain."""
    for path in folder.iterdir():
        found = os.lstat(path)
        if _is_link(found):
            raise _linked(path)
        if not stat.S_ISREG(found.st_mode):
            cause = f"{path} is not a plain file."
            raise ImporterError("CACHE_DAMAGED", cause, "Convert the model again.", "store")


if sys.platform != "win32":

    def _open_stepwise(root: Path, names: tuple[str, ...]) -> int:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        place = root
        for index, name in enumerate(names):
            place = place / name
            # A pipe would wait for its other end.
            kind = os.O_NONBLOCK if index == len(names) - 1 else os.O_DIRECTORY
            try:
                step = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | kind, dir_fd=folder)
            except OSError as error:
                with contextlib.suppress(OSError):
                    if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                        raise _linked(place) from error
                raise
            finally:
                os.close(folder)
            folder = step
        return folder


def _open_checked(root: Path, names: tuple[str, ...]) -> int:
    """For Windows, which does not open a folder: the opened file must be the one that was found not to be a link."""
    check_folder(root, *names)
    place = root.joinpath(*names)
    before = os.lstat(place)
    handle = os.open(place, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    after = os.fstat(handle)
    if (before.st_ino, before.st_dev) != (after.st_ino, after.st_dev):
        os.close(handle)
        raise _linked(place)
    return handle


def _is_link(found: os.stat_result) -> bool:
    # 0x400: a reparse point, which is also what a junction of Windows is.
    return stat.S_ISLNK(found.st_mode) or bool(getattr(found, "st_file_attributes", 0) & 0x400)


def _linked(place: Path) -> ImporterError:
    cause = f"{place} in the cache is a link; links are not followed there."
    return ImporterError("CACHE_ENTRY_LINKED", cause, "Remove the link, and find out who made it.", "store")
