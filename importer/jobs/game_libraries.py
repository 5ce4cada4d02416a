"""Names the kernel libraries of a game, which every process that runs a program loads from then on."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from importer.errors import ImporterError
from importer.jobs.sandbox.policy import needed
from importer.kernels import library


def use(paths: Iterable[str | Path]) -> None:
    """Load these libraries in this process's children, beside those that were named before. Raises OPTION_INVALID."""
    found = library.of_game()
    for path in map(Path, paths):
        if not path.is_file():
            raise ImporterError("OPTION_INVALID", f"There is no library {path}.", "Give the path of a built library.")
        if path.absolute() not in found:
            found.append(path.absolute())
    os.environ[library.GAME] = os.pathsep.join(map(str, found))
    needed.cache_clear()
