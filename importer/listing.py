"""The files of a folder. A confined process can list those that it was given; of others it knows the given files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_given: list[Path] | None = None


def limit_to(places: Iterable[Path]) -> None:
    """Take these files and folders for all that there are, from now on in this process."""
    global _given
    _given = list(places)


def files_in(folder: Path) -> list[Path]:
    """What is in a folder, by name; of given files it is not said that they exist."""
    place = folder.resolve()
    if _given is None or any(place.is_relative_to(path.resolve()) for path in _given):
        return sorted(folder.glob("*"))
    return sorted({folder / path.name for path in _given if path.parent.resolve() == place})
