"""One entry of the artifact cache: its files, and how it is completed, signed and read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from importer.cache import entry_signature
from importer.cache.cache_key import hash_file
from importer.cache.entry_files import check_folder, opened
from importer.cache.entry_signature import SIGNATURE
from importer.cache.signing_keys import SigningKey
from importer.errors import ImporterError

PAYLOAD, RESOURCE, EXTERNAL, METADATA = "model.pte", "model.tres", "model.ptd", "metadata.json"
MAX_METADATA = 16 * 1024 * 1024
VARIANT = "model.{}.pte"
"""The program of a variant, by its recipe."""
REFUSALS = frozenset(
    {
        "CACHE_DAMAGED",
        "CACHE_ENTRY_FOREIGN",
        "CACHE_ENTRY_LINKED",
        "CACHE_ENTRY_MISPLACED",
        "CACHE_ENTRY_UNSIGNED",
        "CACHE_SIGNATURE_WRONG",
    }
)
"""Why an entry that is there is not used."""


@dataclass(frozen=True)
class Artifact:
    """A finished conversion. entry: the folder that holds model.pte, model.tres, metadata.json, maybe model.ptd, and
    the programs of the variants."""

    key: str
    entry: Path
    metadata: dict[str, Any]

    @property
    def payload(self) -> Path:
        return self.entry / PAYLOAD

    @property
    def hashes(self) -> dict[str, str]:
        """Name -> sha256 (hex) of the program, of its external weights and of its variants."""
        return _hashes(self.metadata)


def seal(key: str, folder: Path, keys: list[SigningKey]) -> None:
    """Sign the files of a finished entry."""
    files = {path.name: hash_file(path) for path in folder.iterdir() if path.name != SIGNATURE}
    (folder / SIGNATURE).write_bytes(entry_signature.sign(key, files, keys))


def read(
    key: str, root: Path, folder: Path, keys: list[SigningKey], hashing: Callable[[Path], str] = hash_file
) -> Artifact | None:
    """The entry in a folder below the root, with every byte hashed; nothing when there is none. Raises the REFUSALS."""
    names = folder.relative_to(root).parts
    check_folder(root, *names)
    if not folder.exists():
        return None
    try:
        signed = _small(root, *names, SIGNATURE, limit=entry_signature.MAX_BYTES)
    except FileNotFoundError as error:
        cause = f"The cache entry {key} has no signature, so its origin is unknown."
        raise ImporterError("CACHE_ENTRY_UNSIGNED", cause, entry_signature.REMEDY, "store") from error
    except OSError as error:
        raise damaged(folder, SIGNATURE) from error
    files = entry_signature.check(key, signed, keys)
    metadata = _metadata(_check_all(root, folder, files, hashing), folder)
    hashes = _hashes(metadata)
    for name in (RESOURCE, *hashes):
        if name not in files or hashes.get(name, files[name]) != files[name]:
            raise damaged(folder, name)
    return Artifact(key, folder, metadata)


def describe(root: Path, folder: Path) -> dict[str, Any]:
    """The metadata of an entry, not verified; empty when it cannot be read."""
    try:
        found = json.loads(_small(root, *folder.relative_to(root).parts, METADATA, limit=MAX_METADATA))
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError, RecursionError, ImporterError):
        return {}


def damaged(folder: Path, name: str) -> ImporterError:
    """CACHE_DAMAGED for a file of an entry."""
    cause = f"{name} of the cache entry {folder} is missing or is not what was stored."
    return ImporterError("CACHE_DAMAGED", cause, entry_signature.REMEDY, "store")


def _check_all(root: Path, folder: Path, files: dict[str, str], hashing: Callable[[Path], str]) -> bytes:
    """Hash every signed file; returns the metadata."""
    content = b""
    for name, sha256 in files.items():
        try:
            with opened(root, *folder.relative_to(root).parts, name):  # no link, no pipe
                pass
            if name == METADATA:
                content = _small(root, *folder.relative_to(root).parts, name, limit=MAX_METADATA)
                found = hashlib.sha256(content).hexdigest()
            else:
                found = hashing(folder / name)
        except OSError as error:
            raise damaged(folder, name) from error
        if found != sha256:
            raise damaged(folder, name)
    return content


def _metadata(content: bytes, folder: Path) -> dict[str, Any]:
    try:
        metadata: dict[str, Any] = json.loads(content)
        _hashes(metadata)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(folder, METADATA) from error
    return metadata


def _hashes(metadata: dict[str, Any]) -> dict[str, str]:
    payload = metadata["payload"]
    external = {str(item["file"]): str(item["sha256"]) for item in payload.get("external", [])}
    variants = {str(item["payload"]["file"]): str(item["payload"]["sha256"]) for item in metadata.get("variants", [])}
    return {PAYLOAD: str(payload["sha256"]), **external, **variants}


def _small(root: Path, *names: str, limit: int) -> bytes:
    with opened(root, *names) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(f"more than {limit} bytes")
    return content
