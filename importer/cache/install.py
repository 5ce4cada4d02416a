"""An artifact's way out of the cache: every byte is hashed while it is copied, and no link is followed."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any, BinaryIO

from importer.atomic_files import replacing
from importer.cache.cache_key import hash_file
from importer.cache.entry import EXTERNAL, PAYLOAD, Artifact, damaged
from importer.cache.entry_files import opened
from importer.errors import DISK_IS_FULL, ImporterError, disk_full


def install_program(artifact: Artifact, target: Path) -> None:
    """Put the program at `target`, its external weights and its variants beside it, all or none. Equal files stay.

    Raises CACHE_DAMAGED and CACHE_ENTRY_LINKED when the entry changed since it was found, and OUTPUT_NOT_WRITABLE.
    """
    weights = target.with_suffix(".ptd")
    places = {PAYLOAD: target, EXTERNAL: weights, **variant_places(artifact.metadata, target)}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as files:
            for name, sha256 in artifact.hashes.items():
                if not _is_there(places[name], sha256):
                    _copy_checked(artifact, name, files.enter_context(replacing(places[name])))
        if EXTERNAL not in artifact.hashes:  # an earlier program's
            weights.unlink(missing_ok=True)
    except OSError as error:
        raise output_error(error, target.parent) from error


def output_error(error: OSError, folder: Path) -> ImporterError:
    """An operating system's error while a program is written where a person wants it."""
    if error.errno in DISK_IS_FULL:
        return disk_full(error.filename or folder, "store")
    cause = f"The program cannot be written into the folder {folder}: {error.strerror or error}."
    return ImporterError("OUTPUT_NOT_WRITABLE", cause, "Choose another folder, or make this one writable.", "store")


def variant_places(metadata: dict[str, Any], target: Path) -> dict[str, Path]:
    """Name in the cache -> where the program of a variant is installed: `NAME.RECIPE.pte` beside `NAME.pte`."""
    found = metadata.get("variants", [])
    return {item["payload"]["file"]: target.with_suffix(f".{item['recipe']}.pte") for item in found}


def _is_there(place: Path, sha256: str) -> bool:
    """Whether a file has this content: its time need not change then, so that no build tool makes more anew."""
    try:
        return not place.is_symlink() and hash_file(place) == sha256
    except OSError:
        return False


def _copy_checked(artifact: Artifact, name: str, target: BinaryIO) -> None:
    root, digest = artifact.entry.parents[1], hashlib.sha256()
    with opened(root, *artifact.entry.relative_to(root).parts, name) as source:
        while block := source.read(1 << 20):
            digest.update(block)
            target.write(block)
    if digest.hexdigest() != artifact.hashes[name]:
        raise damaged(artifact.entry, name)
