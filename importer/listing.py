"""The files of a folder. A confined process cannot list folders; for it there are the files that it was given."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_given: list[Path] | None = None


def limit_to(files: Iterable[Path]) -> None:
    """Take these files for all that there are, from now on in this process."""
    global _given
    _given = list(files)


def files_in(folder: Path) -> list[Path]:
    """What is in a folder, by name; of given files it is not said that they exist."""
    if _given is None:
        return sorted(folder.glob("*"))
    place = folder.resolve()
    return sorted({folder / path.name for path in _given if path.parent.resolve() == place})
