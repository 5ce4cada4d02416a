"""The remote part of a cache at an fsspec address: entries are fetched and sent completely, the signature last."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from importer.cache.entry import MAX_METADATA, METADATA, PAYLOAD
from importer.cache.entry_signature import MAX_BYTES, REMEDY, SIGNATURE
from importer.errors import ImporterError


class RemoteCache:
    """Entries at `<address>/<name>/`, unproved; name: `<key[0:2]>/<key>`, or an entry beside it.

    Raises CACHE_UNREACHABLE when the address cannot be used.
    """

    def __init__(self, address: str) -> None:
        try:
            import fsspec

            self._files, self._root = fsspec.core.url_to_fs(address)
        except (ImportError, ValueError, OSError) as error:
            raise unreachable(address, error) from error
        self._address = address

    def exists(self, name: str) -> bool:
        """Whether there is an entry, signed or not."""
        return bool(self._ask(self._files.exists, self._path(name, METADATA)))

    def signature(self, name: str) -> bytes:
        """The entry's `signature.json`, cut at a maximum length. Raises CACHE_ENTRY_UNSIGNED."""
        path = self._path(name, SIGNATURE)
        if not self._ask(self._files.exists, path):
            cause = f"The entry {name} of the shared cache {self._address} has no signature, so its origin is unknown."
            raise ImporterError("CACHE_ENTRY_UNSIGNED", cause, REMEDY, "store")
        return self._head(path, MAX_BYTES + 1)

    def fetch(self, name: str, files: list[str], folder: Path) -> None:
        """Copy the signature and the files that it names. Files that are larger than in the metadata are left out."""
        (folder / SIGNATURE).write_bytes(self.signature(name))
        metadata = self._head(self._path(name, METADATA), MAX_METADATA)
        (folder / METADATA).write_bytes(metadata)
        sizes = _sizes(metadata)
        for file in files:
            path = self._path(name, file)
            if file == METADATA or not self._ask(self._files.exists, path):
                continue
            if self._ask(self._files.size, path) <= sizes.get(file, MAX_METADATA):
                self._ask(self._files.get_file, path, str(folder / file))

    def send(self, name: str, folder: Path) -> None:
        """Copy an entry to the address, and replace an older one."""
        self._ask(self._files.makedirs, self._path(name, "").rstrip("/"), exist_ok=True)
        # While files change they must not look signed: the signature is removed first and written last.
        if self._ask(self._files.exists, self._path(name, SIGNATURE)):
            self._ask(self._files.rm_file, self._path(name, SIGNATURE))
        for path in sorted(folder.iterdir(), key=lambda path: path.name == SIGNATURE):
            self._ask(self._files.put_file, str(path), self._path(name, path.name))

    def _head(self, path: str, limit: int) -> bytes:
        size = int(self._ask(self._files.size, path))
        return bytes(self._ask(self._files.cat_file, path, start=0, end=min(size, limit)))

    def _path(self, name: str, file: str) -> str:
        return f"{self._root.rstrip('/')}/{name}/{file}"

    def _ask(self, question: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        try:
            return question(*arguments, **named)
        except Exception as error:  # every kind of address has a package of its own, with errors of its own
            raise unreachable(self._address, error) from error


def _sizes(metadata: bytes) -> dict[str, int]:
    """Name -> bytes; empty for metadata with another form, which its hash shows afterwards."""
    try:
        described = json.loads(metadata)
        payload = described["payload"]
        external = {str(item["file"]): int(item["size"]) for item in payload.get("external", [])}
        variants = [item["payload"] for item in described.get("variants", [])]
        external |= {str(item["file"]): int(item["size"]) for item in variants}
        return {PAYLOAD: int(payload["size"]), **external}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def unreachable(address: str, error: BaseException) -> ImporterError:
    """CACHE_UNREACHABLE for what a package of fsspec raised."""
    remedy = "Check the address, the network and the fsspec package of this kind of address (such as s3fs)."
    return ImporterError("CACHE_UNREACHABLE", f"The shared cache {address} cannot be used: {error}.", remedy, "store")
