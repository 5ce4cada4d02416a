"""The external weights of a program: a `.ptd` beside it. Standard library only."""

from __future__ import annotations

from pathlib import Path

from importer.cache.cache_key import external_file
from importer.errors import ImporterError


def weights_of(path: Path, keys: object) -> Path | None:
    """The `.ptd` that a program with these external keys runs with; None when it needs none.

    Raises EXTERNAL_WEIGHTS_MISSING: without its weights the runtime crashes.
    """
    if not keys:
        return None
    found = external_file(path)
    if found is None:
        cause = f"{path.name} has its weights in another file, but there is no {path.stem}.ptd beside it."
        raise ImporterError("EXTERNAL_WEIGHTS_MISSING", cause, f"Put {path.stem}.ptd into {path.parent}.", "read")
    return found
