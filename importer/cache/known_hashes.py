"""Hashes of large files that this user's programs have read before: a second look costs no reading. No torch.

A hash is known by what the file system says of the file: path, size, both times in nanoseconds and its number. As in
git's index, a file that changed within the last seconds is not remembered: another change might leave the same times.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from pathlib import Path
from typing import Any

from importer.atomic_files import write_atomically
from importer.cache.cache_key import hash_file
from importer.cache.user_folders import user_cache_folder

TABLE = "hashes.json"
_SMALLEST = 1 << 20  # bytes; less is read faster than the table
_MOST = 1000
_SETTLED_NANOSECONDS = 2_000_000_000  # the coarsest clock of a file system, FAT's


def known_hash(path: Path) -> str:
    """sha256 (hex) of a file's bytes, read only when the file is small, new or changed. Raises OSError."""
    before = _stamp(path)
    if before[0] < _SMALLEST:
        return hash_file(path)
    name = str(path.resolve())
    known = _read().get(name)
    if known and known[:-1] == before:
        return str(known[-1])
    digest = hash_file(path)
    if _stamp(path) == before and time.time_ns() - max(before[1], before[2]) > _SETTLED_NANOSECONDS:
        _remember(name, [*before, digest])
    return digest


def _stamp(path: Path) -> list[int]:
    """Size, time of the content, time of the file's entry (it cannot be set back), and the file's number."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev]


def _read() -> dict[str, Any]:
    """Path -> its stamp and hash; empty when there is no table or a damaged one."""
    try:
        table = json.loads((user_cache_folder() / TABLE).read_bytes())
        return {name: line for name, line in table.items() if len(line) == 6 and re.fullmatch("[0-9a-f]{64}", line[5])}
    except (OSError, RuntimeError, ValueError, TypeError, AttributeError):
        return {}


def _remember(name: str, line: list[Any]) -> None:
    """Two processes at once may lose a line, never write half a table: the lost one is read again."""
    table = _read()
    table.pop(name, None)
    table[name] = line
    newest = dict(list(table.items())[-_MOST:])
    with contextlib.suppress(OSError, RuntimeError):  # a machine without a home: files are read each time
        place = user_cache_folder() / TABLE
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(place, json.dumps(newest, separators=(",", ":")).encode())
