"""Events of the file system for a set of folders that may vanish and come back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

_WHOLE = frozenset({"closed", "moved"})
_PARTIAL = frozenset({"created", "modified"})


class FileEvents:
    """`changed(path, closed)` for each event, from a thread of its own; `follow` says which folders matter."""

    def __init__(self, changed: Callable[[str, bool], None]) -> None:
        self._handler = _Handler(changed)
        self._observer: Any = Observer()
        self._observer.daemon = True
        self._observer.start()
        self._watches: dict[Path, tuple[int, Any]] = {}

    def follow(self, folders: set[Path]) -> None:
        """Watch exactly these folders, anew those that were deleted and made again; missing ones are left out."""
        for folder in set(self._watches) | folders:
            inode = _inode(folder) if folder in folders else 0
            known, watch = self._watches.get(folder, (0, None))
            if inode == known:
                continue
            if watch is not None:
                with contextlib.suppress(KeyError, OSError):
                    self._observer.unschedule(watch)
                del self._watches[folder]
            if inode:
                # Without events (a limit on watches, a strange drive) the look once a second still serves.
                with contextlib.suppress(OSError):
                    self._watches[folder] = (inode, self._observer.schedule(self._handler, str(folder)))

    def close(self) -> None:
        self._observer.stop()
        self._observer.join(timeout=2.0)


class _Handler(FileSystemEventHandler):  # type: ignore[misc]
    def __init__(self, changed: Callable[[str, bool], None]) -> None:
        self._changed = changed

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in _WHOLE:
            self._changed(os.fsdecode(event.dest_path or event.src_path), True)
        elif event.event_type in _PARTIAL:
            self._changed(os.fsdecode(event.src_path), False)


def _inode(folder: Path) -> int:
    try:
        return folder.stat().st_ino
    except OSError:
        return 0
