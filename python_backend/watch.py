"""Files outside the project that are copied into it whenever their writer has finished a new version.

`target` is the file outside (a training run's checkpoint), `link` its copy in the project. Events of the file system
(watchdog) only make it quick: every file is looked at once a second too, so that network drives, vanished folders and
lost events cost a second and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from importer.atomic_files import replacing
from importer.errors import DISK_IS_FULL, ImporterError, from_exception
from importer.plain_files import open_plain
from python_backend import environment

QUIET_AFTER_CLOSE = 0.3
"""Seconds without a change after the writer has closed or renamed the file."""
QUIET_WHILE_OPEN = 3.0
"""Seconds without a change when no writer was seen to close it."""
LONGEST_WAIT = 2.0
"""A file that is written whole again and again is copied at least this often."""
LOOK_SECONDS = 1.0
_TICK = 0.1

Version = tuple[int, int, int, int, int]
"""device, inode, size, times of change of the content and of the file's entry in nanoseconds."""


@dataclass
class _Linked:
    link: Path
    target: Path
    seen: Version | None = None
    copied: Version | None = None
    digest: str = ""
    changed_at: float = 0.0
    dirty_since: float = 0.0
    changes: int = 0
    closed: bool = False
    was_complete: bool = False
    failure: str = ""


class Watcher:
    """Calls `on_change(link, target)` after each copy, `on_failure(link, target, error)` for each new failure."""

    def __init__(
        self,
        on_change: Callable[[Path, Path], None],
        on_failure: Callable[[Path, Path, ImporterError], None] = lambda link, target, error: None,
    ) -> None:
        self._on_change = on_change
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self._linked: dict[tuple[Path, Path], _Linked] = {}
        self._events: Any = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def watch(self, link: Path, target: Path) -> None:
        """Follow `target`; a version that differs from `link` is copied at once. Watching twice is watching once."""
        if not link.is_absolute() or not target.is_absolute():
            raise ImporterError("INVALID_PARAMS", "A watch needs absolute paths.", "Please report it.")
        if link == target or (link.exists() and target.exists() and link.samefile(target)):
            cause = f"{target} cannot be linked to itself."
            raise ImporterError("LINK_TO_ITSELF", cause, "Choose a file outside the project.")
        with self._lock:
            if (link, target) in self._linked:
                return
            if self._events is None:
                self._events = _events(self._changed)
            now = time.monotonic()
            linked = _Linked(link, target, digest=_digest(link), changed_at=now, dirty_since=now)
            self._linked[link, target] = linked
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, daemon=True)
                self._thread.start()

    def unwatch(self, link: Path, target: Path) -> None:
        """Stop following; nothing happens when it was not watched."""
        with self._lock:
            self._linked.pop((link, target), None)

    def close(self) -> None:
        """Stop all watching; a copy under way is finished or leaves no trace."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)
        if self._events is not None:
            self._events.close()

    def _changed(self, path: str, closed: bool) -> None:
        # Called for every event of the folder, thousands a second at times: it must only take a note.
        now = time.monotonic()
        for linked in tuple(self._linked.values()):
            if str(linked.target) == path:
                linked.changed_at = now
                linked.dirty_since = linked.dirty_since or now
                # Another change within one tick of the file system's clock leaves the same times.
                linked.copied = None
                linked.changes += 1
                linked.closed = closed
                linked.was_complete = linked.was_complete or closed

    def _follow(self) -> None:
        next_look = 0.0
        while not self._ended.wait(_TICK):
            now = time.monotonic()
            with self._lock:
                linked = list(self._linked.values())
            if now >= next_look:
                next_look = now + LOOK_SECONDS
                self._events.follow({item.target.parent for item in linked})
                for item in linked:
                    if _version(item.target) != item.seen:
                        item.dirty_since = item.dirty_since or now
            for item in linked:
                if item.dirty_since:
                    self._settle(item, now)

    def _settle(self, item: _Linked, now: float) -> None:
        version = _version(item.target)
        if version is None:  # not there (yet, or no more): the copy in the project stays
            item.seen, item.dirty_since = None, 0.0
            return
        if version != item.seen:
            # A new inode is a file that was made elsewhere and renamed, so it is whole.
            replaced = item.seen is not None and item.seen[:2] != version[:2]
            item.was_complete = item.was_complete or replaced
            # What was last written long before we came is finished.
            age = max(0.0, time.time() - version[3] / 1e9) if item.seen is None else 0.0
            item.seen, item.changed_at = version, now - age
        if version == item.copied:
            item.dirty_since = 0.0
            return
        quiet = now - item.changed_at
        starving = item.was_complete and now - item.dirty_since > LONGEST_WAIT
        if quiet >= (QUIET_AFTER_CLOSE if item.closed else QUIET_WHILE_OPEN) or starving:
            self._copy(item)

    def _copy(self, item: _Linked) -> None:
        item.dirty_since, item.was_complete = 0.0, False
        changes = item.changes
        try:
            copied = _copy_whole(item.target, item.link, item.digest, lambda: self._is_watched(item))
        except OSError as error:
            if isinstance(error, FileNotFoundError) and error.filename in (item.target, str(item.target)):
                return  # it will appear again; a removed folder of the link will not by itself
            failure = f"{error.errno} {error.filename}"
            if failure != item.failure:
                item.failure = failure
                self._on_failure(item.link, item.target, _not_copied(item, error))
            item.dirty_since = time.monotonic()
            item.changed_at = time.monotonic()
            return
        if copied is None:  # it changed under our hands
            item.dirty_since = time.monotonic()
            item.was_complete = True
            return
        item.failure = ""
        version, digest = copied
        item.copied = version if item.changes == changes else None
        if digest != item.digest:
            item.digest = digest
            self._on_change(item.link, item.target)

    def _is_watched(self, item: _Linked) -> bool:
        return (item.link, item.target) in self._linked and not self._ended.is_set()


def _not_copied(item: _Linked, error: OSError) -> ImporterError:
    if error.errno in DISK_IS_FULL:
        return from_exception(error)
    cause = f"{item.target} cannot be copied to {item.link}: {error.strerror or error}."
    remedy = "Check that the link's folder is there, and the rights to both; it is tried again until it succeeds."
    return ImporterError("LINK_NOT_COPIED", cause, remedy)


def _version(path: Path) -> Version | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return _as_version(found) if stat.S_ISREG(found.st_mode) else None


def _as_version(found: os.stat_result) -> Version:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _digest(path: Path) -> str:
    try:
        with open_plain(path) as file:
            return _hash(file)
    except OSError:
        return ""


def _hash(file: Any) -> str:
    digest = hashlib.sha256()
    while part := file.read(1 << 20):
        digest.update(part)
    return digest.hexdigest()


class _NotNeeded(Exception):
    """The copy is not to take the destination's place."""


def _copy_whole(
    source: Path, destination: Path, known_digest: str, wanted: Callable[[], bool]
) -> tuple[Version, str] | None:
    """Copy by a temporary file and a rename; None when the source changed meanwhile or is no longer wanted."""
    # Non-blocking, because a pipe may have taken the file's place since it was looked at.
    descriptor = os.open(source, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as reader:
        before = os.fstat(reader.fileno())
        if not stat.S_ISREG(before.st_mode):
            return None
        version, digest, whole = _as_version(before), hashlib.sha256(), False
        with contextlib.suppress(_NotNeeded), replacing(destination, flushed=True) as writer:
            while part := reader.read(1 << 20):
                digest.update(part)
                writer.write(part)
            whole = version == _as_version(os.fstat(reader.fileno())) and wanted()
            if not whole or digest.hexdigest() == known_digest:
                raise _NotNeeded
        return (version, digest.hexdigest()) if whole else None


def _events(changed: Callable[[str, bool], None]) -> Any:
    try:
        from python_backend.file_events import FileEvents
    except ImportError as error:
        requirement = "watchdog" + environment.required_versions().get("watchdog", "")
        cause = f"Python at {sys.executable} has no package watchdog (needed for watching files)."
        raise ImporterError("PACKAGE_MISSING", cause, environment.install_remedy(requirement)) from error
    return FileEvents(changed)
