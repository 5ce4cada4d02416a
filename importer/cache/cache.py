"""The artifact cache: content-addressed; entries are written completely and signed; several processes can use it.

The root is a folder, or an fsspec address (`s3://bucket/models`, `memory://x`): then a local folder mirrors it.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from importer.atomic_files import share
from importer.cache.entry import REFUSALS, Artifact, describe, read, seal
from importer.cache.entry_files import check_folder, check_plain
from importer.cache.entry_signature import check as check_signature
from importer.cache.known_hashes import known_hash
from importer.cache.signing_keys import SigningKey, signing_keys
from importer.cache.user_folders import user_cache_folder
from importer.errors import DISK_IS_FULL, ImporterError, disk_full
from importer.owned_folders import make_owned_folder, remove_abandoned

_BUILDING = ".building"
_STALE_SECONDS = 24 * 3600
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One line of `cache list`. size in bytes; used: seconds since the epoch."""

    key: str
    name: str
    recipe: str
    size: int
    used: float
    folder: Path


class Cache:
    """A cache in a folder; `limit_bytes` 0 means no limit. Raises CACHE_NOT_WRITABLE and DISK_FULL when storing.

    Where an entry that somebody else signed is in the way, this machine's lies beside it: `<key>.<id of its key>`.
    """

    def __init__(self, root: Path | str, limit_bytes: int = 0, mirror: Path | None = None) -> None:
        # A process that is started for a conversion has another working folder.
        text = str(root) if "://" in str(root) else str(Path(root).absolute())
        self.address = text
        self.limit_bytes = limit_bytes
        self._remote = None
        if "://" in text:
            from importer.cache.remote_cache import RemoteCache

            self._remote = RemoteCache(text)
            folder = "cache-" + hashlib.sha256(text.encode()).hexdigest()[:16]
            self.root = mirror or user_cache_folder() / folder
        else:
            self.root = Path(text)

    def folder(self, key: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{64}", key):
            raise ImporterError(
                "CACHE_KEY_INVALID", f"'{key:.80}' is not a cache key.", "A key is 64 hexadecimal digits.", "store"
            )
        return self.root / key[:2] / key

    def find(self, key: str) -> Artifact | None:
        """The artifact of a key, or nothing. An entry that `look_up` refuses counts as missing, with a warning."""
        try:
            return self.look_up(key)
        except ImporterError as error:
            if error.code not in REFUSALS:
                raise
            _log.warning("not used: %s: %s", error.code, error.cause)
            return None

    def look_up(self, key: str) -> Artifact | None:
        """The artifact of a key, if it is signed and complete. Raises the reason why an existing entry is refused."""
        keys = signing_keys()
        refused: ImporterError | None = None
        for folder in (self.folder(key), *(_beside(self.folder(key), signer) for signer in keys)):
            for look in (self._read, self._fetch):
                try:
                    found = look(key, folder, keys)
                except ImporterError as error:
                    if error.code not in REFUSALS:
                        raise
                    refused = refused or error
                    continue
                if found:
                    with contextlib.suppress(OSError):  # a cache that a team shares may be read-only
                        os.utime(folder)
                    return found
        if refused:
            raise refused
        return None

    @contextlib.contextmanager
    def building(self, key: str) -> Iterator[Path]:
        """A folder to build an entry in, on the same file system; removed afterwards if it is still there."""
        try:
            folder = make_owned_folder(self._building_folder(), key[:12])
        except OSError as error:
            raise storage_error(error, self.root) from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def store(self, key: str, building: Path) -> Artifact:
        """Sign a built folder and make it the entry of a key. When another process was first, its entry stays.

        A process that read a foreign model may have built it: raises CACHE_ENTRY_LINKED and CACHE_DAMAGED for what is
        no plain file there.
        """
        keys = signing_keys()
        check_plain(building)
        try:
            seal(key, building, keys)
            for path in building.iterdir():
                _flush(path)
                share(path)
            share(building)
            stored = self._move_in(key, building, self.folder(key), keys)
        except OSError as error:
            raise storage_error(error, self.root) from error
        if self._remote:
            self._remote.send(self._remote_name(key, keys), stored.entry)
        if self.limit_bytes:
            self.prune(self.limit_bytes, keep=key)
        return stored

    def entries(self) -> list[Entry]:
        """All entries, the last used first, also those that `look_up` refuses."""
        found = []
        for folder in self._folders():
            metadata = describe(self.root, folder)
            with contextlib.suppress(OSError):
                size = sum(path.lstat().st_size for path in folder.iterdir())
                name, recipe = str(metadata.get("name", "")), str(metadata.get("recipe", ""))
                found.append(Entry(folder.name[:64], name, recipe, size, folder.lstat().st_mtime, folder))
        return sorted(found, key=lambda entry: -entry.used)

    def prune(self, limit_bytes: int, keep: str = "") -> list[Entry]:
        """Remove the entries that were not used for the longest time, up to the limit, and folders of dead
        processes."""
        removed = []
        total = 0
        for entry in self.entries():
            total += entry.size
            if total > limit_bytes and entry.key != keep:
                total -= entry.size
                self._remove(entry.folder)
                removed.append(entry)
        self.remove_abandoned()
        with contextlib.suppress(ImporterError):
            check_folder(self.root, _BUILDING)
            for folder in (self.root / _BUILDING).glob("*"):
                with contextlib.suppress(OSError):
                    if time.time() - folder.stat().st_mtime > _STALE_SECONDS:
                        shutil.rmtree(folder, ignore_errors=True)
        return removed

    def remove_abandoned(self) -> None:
        """Remove what killed processes of this machine were building."""
        with contextlib.suppress(ImporterError):
            check_folder(self.root, _BUILDING)
            remove_abandoned(self.root / _BUILDING)

    def verify(self) -> list[tuple[str, str]]:
        """(key, error) of every entry that `look_up` refuses. Reads all files."""
        problems = []
        keys = signing_keys()
        for folder in self._folders(linked=True):
            try:
                read(folder.name[:64], self.root, folder, keys)
            except ImporterError as error:
                problems.append((folder.name[:64], f"{error.code}: {error.cause}"))
        return problems

    def _read(self, key: str, folder: Path, keys: list[SigningKey]) -> Artifact | None:
        return read(key, self.root, folder, keys, known_hash)

    def _fetch(self, key: str, folder: Path, keys: list[SigningKey]) -> Artifact | None:
        """An entry of the remote address, proved and moved into its local folder."""
        name = folder.relative_to(self.root).as_posix()
        if self._remote is None or not self._remote.exists(name):
            return None
        files = check_signature(key, self._remote.signature(name), keys)
        with self.building(key) as building:
            self._remote.fetch(name, list(files), building)
            read(key, self.root, building, keys)
            return self._move_in(key, building, folder, keys)

    def _remote_name(self, key: str, keys: list[SigningKey]) -> str:
        """The place of this machine's entry at the remote address: it does not replace one that another person
        signed."""
        folder = self.folder(key)
        name = folder.relative_to(self.root).as_posix()
        try:
            if self._remote and self._remote.exists(name):
                check_signature(key, self._remote.signature(name), keys)
        except ImporterError as error:
            if error.code == "CACHE_ENTRY_FOREIGN":
                return _beside(folder, keys[0]).relative_to(self.root).as_posix()
            if error.code not in REFUSALS:
                raise
        return name

    def _move_in(self, key: str, building: Path, folder: Path, keys: list[SigningKey]) -> Artifact:
        """Rename a signed folder into its place unless a good entry is there. A refused one there is taken away."""
        metadata = describe(self.root, building)
        check_folder(self.root, folder.parent.name)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            building.rename(folder)
            return Artifact(key, folder, metadata)
        try:
            if found := self._read(key, folder, keys):
                return found
        except ImporterError as error:
            if error.code == "CACHE_ENTRY_FOREIGN" and folder == self.folder(key):
                return self._move_in(key, building, _beside(folder, keys[0]), keys)
            if error.code not in REFUSALS:
                raise
            self._remove(folder)
        building.rename(folder)
        return Artifact(key, folder, metadata)

    def _remove(self, folder: Path) -> None:
        # Renamed first, so that no reader finds half an entry.
        with contextlib.suppress(OSError, ImporterError):
            trash = make_owned_folder(self._building_folder(), "removed")
            folder.rename(trash / folder.name)
            shutil.rmtree(trash, ignore_errors=True)

    def _building_folder(self) -> Path:
        check_folder(self.root, _BUILDING)
        parent = self.root / _BUILDING
        parent.mkdir(parents=True, exist_ok=True)
        return parent

    def _folders(self, linked: bool = False) -> Iterator[Path]:
        """The entries' folders. linked: also those that are links, to report them."""
        for folder in sorted(self.root.glob("[0-9a-f][0-9a-f]/*")):
            if re.fullmatch(r"[0-9a-f]{64}(\.[0-9a-f]{16})?", folder.name):
                try:
                    check_folder(self.root, folder.parent.name)
                except ImporterError:
                    if not linked:
                        continue
                yield folder


def storage_error(error: OSError, place: Path) -> ImporterError:
    """An operating system's error while writing into the cache, as one of ours."""
    if error.errno in DISK_IS_FULL:
        return disk_full(error.filename or place, "store")
    cause = f"The cache {place} cannot be written: {error.strerror or error}."
    return ImporterError(
        "CACHE_NOT_WRITABLE", cause, "Choose another cache folder, or make this one writable.", "store"
    )


def _beside(folder: Path, signer: SigningKey) -> Path:
    return folder.with_name(f"{folder.name}.{signer.id}")


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
