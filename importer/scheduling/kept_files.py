"""The shared files that a worker has fetched before: data that many models share is copied once."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from importer.cache.cache_key import hash_file
from importer.owned_folders import owned_folder
from importer.scheduling.shared_files import SharedFiles

_MOST_BYTES = 20 << 30


class KeptFiles:
    """Files at `<folder>/<sha256[0:2]>/<sha256>`; those that were not used for the longest time go first."""

    def __init__(self, folder: Path, shared: SharedFiles, most_bytes: int = _MOST_BYTES) -> None:
        self._folder = folder
        self._shared = shared
        self._most_bytes = most_bytes
        self._has_more = False

    def put(self, sha256: str, target: Path) -> None:
        """A shared file at `target`, which is on the same disk. Raises what `SharedFiles.fetch` does."""
        kept = self._folder / sha256[:2] / sha256
        if not (kept.is_file() and hash_file(kept) == sha256):
            kept.parent.mkdir(parents=True, exist_ok=True)
            with owned_folder(self._folder, "fetched") as fresh:
                self._shared.fetch(sha256, fresh / sha256)
                (fresh / sha256).replace(kept)
            self._has_more = True
        os.utime(kept)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(kept, target)
        except OSError:  # a file system without links
            shutil.copyfile(kept, target)

    def prune(self) -> None:
        """Remove what is over the limit, if something was fetched."""
        if not self._has_more:
            return
        found = []
        for path in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        total = 0
        for _, size, path in sorted(found, reverse=True):
            total += size
            if total > self._most_bytes:
                path.unlink(missing_ok=True)
