"""The artifact cache: content-addressed, every entry appears whole, several processes at once are safe.

The root is a folder, or an fsspec address (`s3://bucket/models`, `memory://x`): then a local folder mirrors it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from importer.errors import ImporterError
from importer.key import hash_file

PAYLOAD, RESOURCE, EXTERNAL, METADATA = "model.pte", "model.tres", "model.ptd", "metadata.json"
_BUILDING = ".building"
_STALE_SECONDS = 24 * 3600
_UMASK = os.umask(0)  # it can only be read by setting it
os.umask(_UMASK)


@dataclass(frozen=True)
class Artifact:
    """A finished conversion. entry: the folder that holds model.pte, model.tres, metadata.json and maybe model.ptd."""

    key: str
    entry: Path
    metadata: dict[str, Any]

    @property
    def payload(self) -> Path:
        return self.entry / PAYLOAD


@dataclass(frozen=True)
class Entry:
    """One line of `cache list`. size in bytes; used: seconds since the epoch."""

    key: str
    name: str
    recipe: str
    size: int
    used: float


class Cache:
    """A cache in a folder; `limit_bytes` of 0 is no limit. Raises CACHE_NOT_WRITABLE and DISK_FULL when storing."""

    def __init__(self, root: Path | str, limit_bytes: int = 0, mirror: Path | None = None) -> None:
        text = str(root)
        self.address = text
        self.limit_bytes = limit_bytes
        self._remote = None
        if "://" in text:
            from importer.remote_cache import RemoteCache

            self._remote = RemoteCache(text)
            folder = "cache-" + hashlib.sha256(text.encode()).hexdigest()[:16]
            self.root = mirror or user_cache_folder() / folder
        else:
            self.root = Path(root)

    def folder(self, key: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{64}", key):
            raise ImporterError(
                "CACHE_KEY_INVALID", f"'{key:.80}' is no cache key.", "A key is 64 hexadecimal digits.", "store"
            )
        return self.root / key[:2] / key

    def find(self, key: str) -> Artifact | None:
        """The artifact of a key, or nothing. A damaged entry is taken away and counts as missing."""
        folder = self.folder(key)
        found = self._read(key, folder)
        if found is None and self._remote:
            with self.building(key) as building:
                if self._remote.fetch(key, building) and self._read(key, building):
                    self._move_in(building, folder)
            found = self._read(key, folder)
        if found:
            with contextlib.suppress(OSError):  # a cache that a team shares may be read-only
                os.utime(folder)
        return found

    @contextlib.contextmanager
    def building(self, key: str) -> Iterator[Path]:
        """A folder to build an entry in, on the same file system; removed afterwards if it is still there."""
        try:
            parent = self.root / _BUILDING
            parent.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f"{key[:12]}.", dir=parent))
        except OSError as error:
            cause = f"The cache {self.root} cannot be written: {error.strerror or error}."
            raise ImporterError(
                "CACHE_NOT_WRITABLE", cause, "Give another cache folder, or the right to write.", "store"
            ) from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def store(self, key: str, building: Path) -> Artifact:
        """Make a built folder the entry of a key. When another process was first, its entry stays."""
        folder = self.folder(key)
        try:
            for path in building.iterdir():
                _flush(path)
                share(path)
            share(building)
            self._move_in(building, folder)
        except OSError as error:
            raise storage_error(error, self.root) from error
        found = self._read(key, folder)
        if found is None:
            raise ImporterError(
                "CACHE_DAMAGED", f"The entry {folder} is not whole after writing.", "Check the disk.", "store"
            )
        if self._remote:
            self._remote.send(key, folder)
        if self.limit_bytes:
            self.prune(self.limit_bytes, keep=key)
        return found

    def entries(self) -> list[Entry]:
        """All entries, the last used first."""
        found = []
        for folder in self.root.glob("[0-9a-f][0-9a-f]/*"):
            artifact = self._read(folder.name, folder) if re.fullmatch("[0-9a-f]{64}", folder.name) else None
            if artifact:
                size = sum(path.stat().st_size for path in folder.iterdir())
                meta = artifact.metadata
                found.append(
                    Entry(
                        folder.name,
                        str(meta.get("name", "")),
                        str(meta.get("recipe", "")),
                        size,
                        folder.stat().st_mtime,
                    )
                )
        return sorted(found, key=lambda entry: -entry.used)

    def prune(self, limit_bytes: int, keep: str = "") -> list[Entry]:
        """Remove the entries that were not used for longest until the limit holds, and what dead processes left."""
        removed = []
        total = 0
        for entry in self.entries():
            total += entry.size
            if total > limit_bytes and entry.key != keep:
                total -= entry.size
                self._remove(self.folder(entry.key))
                removed.append(entry)
        for folder in (self.root / _BUILDING).glob("*"):
            with contextlib.suppress(OSError):
                if time.time() - folder.stat().st_mtime > _STALE_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
        return removed

    def verify(self) -> list[tuple[str, str]]:
        """(key, what is wrong) for every entry whose files are not what its metadata says. Reads everything."""
        problems = []
        for folder in self.root.glob("[0-9a-f][0-9a-f]/*"):
            artifact = self._read(folder.name, folder, remove=False)
            if artifact is None:
                problems.append((folder.name, "files are missing, or the metadata cannot be read"))
                continue
            payload = artifact.metadata["payload"]
            for name, expected in [(PAYLOAD, payload), *((item["file"], item) for item in payload.get("external", []))]:
                if hash_file(folder / name) != expected["sha256"]:
                    problems.append((folder.name, f"{name} is not what was stored"))
        return problems

    def _read(self, key: str, folder: Path, remove: bool = True) -> Artifact | None:
        try:
            metadata = json.loads((folder / METADATA).read_bytes())
            payload = metadata["payload"]
            files = [
                (PAYLOAD, payload["size"]),
                *((item["file"], item["size"]) for item in payload.get("external", [])),
            ]
            whole = all((folder / name).stat().st_size == size for name, size in files)
            if whole and (folder / RESOURCE).is_file():
                return Artifact(key, folder, metadata)
        except FileNotFoundError:
            if not folder.exists():
                return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            pass
        if remove and folder.parent.name != _BUILDING:
            self._remove(folder)
        return None

    def _move_in(self, building: Path, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            building.rename(folder)
        except OSError:
            if self._read(folder.name, folder) is None:  # not another process's: try again in its place
                building.rename(folder)

    def _remove(self, folder: Path) -> None:
        # Renamed first, so that nobody finds half an entry.
        with contextlib.suppress(OSError):
            parent = self.root / _BUILDING
            parent.mkdir(parents=True, exist_ok=True)
            trash = Path(tempfile.mkdtemp(prefix="removed.", dir=parent))
            folder.rename(trash / folder.name)
            shutil.rmtree(trash, ignore_errors=True)


def user_cache_folder() -> Path:
    """Where this user's programs keep caches."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", str(Path.home() / "AppData" / "Local")))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache")
    return base / "executorch-godot"


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that others find it whole or not at all. Raises OSError.

    Not flushed to the disk: that would wait for all that was copied before; what is stored is flushed by `store`.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        share(Path(name))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def share(path: Path) -> None:
    """Give a temporary file or folder the rights that other new ones have: a team may share the cache."""
    with contextlib.suppress(OSError):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~_UMASK)


def storage_error(error: OSError, place: Path) -> ImporterError:
    """An operating system's error while writing, as one of ours."""
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return ImporterError(
            "DISK_FULL", f"The disk is full at {place}.", "Free some space and import the file again.", "store"
        )
    cause = f"{place} cannot be written: {error.strerror or error}."
    return ImporterError("CACHE_NOT_WRITABLE", cause, "Give another cache folder, or the right to write.", "store")


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
