"""An artifact's way out of the cache: every byte is hashed while it is copied, and no link is followed."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import BinaryIO

from importer.atomic_files import replacing
from importer.cache.cache import storage_error
from importer.cache.entry import EXTERNAL, PAYLOAD, Artifact, damaged
from importer.cache.entry_files import opened


def install_program(artifact: Artifact, target: Path) -> None:
    """Put the program at `target` and its external weights beside it, both or neither.

    Raises CACHE_DAMAGED and CACHE_ENTRY_LINKED when the entry changed since it was found.
    """
    weights = target.with_suffix(".ptd")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as files:
            for name in artifact.hashes:
                _copy_checked(artifact, name, files.enter_context(replacing(target if name == PAYLOAD else weights)))
        if EXTERNAL not in artifact.hashes:  # an earlier program's
            weights.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, target.parent) from error


def _copy_checked(artifact: Artifact, name: str, target: BinaryIO) -> None:
    root, digest = artifact.entry.parents[1], hashlib.sha256()
    with opened(root, *artifact.entry.relative_to(root).parts, name) as source:
        while block := source.read(1 << 20):
            digest.update(block)
            target.write(block)
    if digest.hexdigest() != artifact.hashes[name]:
        raise damaged(artifact.entry, name)
