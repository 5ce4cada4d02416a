"""Files at the address that all machines of a cluster reach, each under its SHA-256."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from importer.cache.cache_key import hash_file
from importer.cache.remote_cache import unreachable
from importer.errors import ImporterError


class SharedFiles:
    """Files at `<address>/files/<sha256[0:2]>/<sha256>`. Used from any thread.

    Raises CACHE_UNREACHABLE when the address cannot be used.
    """

    def __init__(self, address: str) -> None:
        try:
            import fsspec

            self._files, root = fsspec.core.url_to_fs(address)
        except (ImportError, ValueError, OSError) as error:
            raise unreachable(address, error) from error
        self._address = address
        self._root = f"{root.rstrip('/')}/files"
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._sent: set[str] = set()

    def send(self, sha256: str, path: Path) -> None:
        """Copy a file to the address, unless it is there."""
        with self._locks[sha256]:
            if sha256 not in self._sent:
                self._ask(self._send, self._place(sha256), path)
                self._sent.add(sha256)

    def fetch(self, sha256: str, target: Path) -> None:
        """Copy a file from the address. Raises SHARED_FILE_DAMAGED when its bytes are others than its name says."""
        self._ask(self._files.get_file, self._place(sha256), str(target))
        if hash_file(target) != sha256:
            target.unlink()
            cause = f"The file {sha256[:12]} at {self._address} is not what was stored there."
            remedy = (
                f"Somebody changed it, or the disk is damaged: remove files/{sha256[:2]}/{sha256} there, convert again."
            )
            raise ImporterError("SHARED_FILE_DAMAGED", cause, remedy, "read")

    def _send(self, place: str, path: Path) -> None:
        if self._files.exists(place) and self._files.size(place) == path.stat().st_size:
            return
        self._files.makedirs(place.rpartition("/")[0], exist_ok=True)
        if "file" not in _protocols(self._files):
            self._files.put_file(str(path), place)  # object stores take it completely or not at all
            return
        part = f"{place}.{os.getpid()}-{threading.get_ident()}.part"
        try:
            self._files.put_file(str(path), part)
            os.replace(part, place)  # noqa: PTH105
        finally:
            Path(part).unlink(missing_ok=True)

    def _place(self, sha256: str) -> str:
        return f"{self._root}/{sha256[:2]}/{sha256}"

    def _ask(self, question: Callable[..., Any], *arguments: Any) -> None:
        try:
            question(*arguments)
        except Exception as error:  # every kind of address has a package of its own, with errors of its own
            raise unreachable(self._address, error) from error


def _protocols(files: Any) -> tuple[str, ...]:
    found = files.protocol
    return (found,) if isinstance(found, str) else tuple(found)
