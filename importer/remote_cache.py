"""The far half of a cache at an fsspec address: whole entries are fetched and sent, metadata.json last."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from importer.errors import ImporterError

_METADATA = "metadata.json"


class RemoteCache:
    """Entries at `<address>/<key[0:2]>/<key>/`. Raises CACHE_UNREACHABLE when the address cannot be used."""

    def __init__(self, address: str) -> None:
        try:
            import fsspec

            self._files, self._root = fsspec.core.url_to_fs(address)
        except (ImportError, ValueError, OSError) as error:
            raise _unreachable(address, error) from error
        self._address = address

    def fetch(self, key: str, folder: Path) -> bool:
        """Copy an entry into a folder; False when there is none. Bytes that differ from the metadata are an error."""
        try:
            if not self._files.exists(self._path(key, _METADATA)):
                return False
            metadata: dict[str, Any] = json.loads(self._files.cat_file(self._path(key, _METADATA)))
            payload = metadata["payload"]
            sums = {"model.pte": payload["sha256"]}
            sums |= {Path(item["file"]).name: item["sha256"] for item in payload.get("external", [])}
            for name, sha256 in sums.items():
                self._files.get_file(self._path(key, name), str(folder / name))
                if hashlib.sha256((folder / name).read_bytes()).hexdigest() != sha256:
                    cause = f"The shared cache {self._address} has other bytes for {name} of {key} than it promises."
                    raise ImporterError("CACHE_DAMAGED", cause, "Run `python -m importer cache verify`.", "store")
            self._files.get_file(self._path(key, "model.tres"), str(folder / "model.tres"))
            (folder / _METADATA).write_text(json.dumps(metadata), encoding="utf-8")
            return True
        except ImporterError:
            raise
        except Exception as error:  # every kind of address has a package of its own, with errors of its own
            raise _unreachable(self._address, error) from error

    def send(self, key: str, folder: Path) -> None:
        """Copy an entry to the address unless it is there."""
        try:
            if self._files.exists(self._path(key, _METADATA)):
                return
            self._files.makedirs(self._path(key, "").rstrip("/"), exist_ok=True)
            # The metadata is what makes an entry findable, so it goes last.
            for path in sorted(folder.iterdir(), key=lambda path: path.name == _METADATA):
                self._files.put_file(str(path), self._path(key, path.name))
        except Exception as error:  # as above
            raise _unreachable(self._address, error) from error

    def _path(self, key: str, name: str) -> str:
        return f"{self._root.rstrip('/')}/{key[:2]}/{key}/{name}"


def _unreachable(address: str, error: BaseException) -> ImporterError:
    remedy = "Check the address, the network and the fsspec package of this kind of address (such as s3fs)."
    return ImporterError("CACHE_UNREACHABLE", f"The shared cache {address} cannot be used: {error}.", remedy, "store")
