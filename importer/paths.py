"""Paths in options: `res://` is the project's folder, and nothing of a project may lead out of it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from importer.errors import ImporterError

# A confined child works in a folder of its own; relative paths start where the program did.
_STARTED_IN = Path(os.path.realpath("."))


def resolve(text: str, project: Path | None, option: str) -> Path:
    """The existing file or folder that `text` names.

    With a project, `res://` and relative paths start in it, and the result must lie inside it after links are
    resolved. Without one (command line), paths are the operating system's own.
    Raises PATH_OUTSIDE_PROJECT and FILE_NOT_FOUND.
    """
    remedy = f"Change the import option '{option}'."
    missing = ImporterError(
        "FILE_NOT_FOUND", f"The option '{option}' is '{text:.300}'; there is no such file.", remedy, "read"
    )
    if project is None:
        if text.startswith("res://"):
            cause = f"The option '{option}' is '{text:.300}', but no project is known."
            raise ImporterError("FILE_NOT_FOUND", cause, "Give the project's folder with --project.", "read")
        path = Path(text)
    else:
        root = project.resolve()
        path = root / text.removeprefix("res://")
        try:
            inside = path.resolve().is_relative_to(root)
        except (OSError, RuntimeError, ValueError):  # a link to itself, a NUL
            raise missing from None
        # Checked before existence: an answer about a file outside would reveal whether it exists.
        if not inside:
            cause = f"The option '{option}' is '{text:.300}', which is outside of the project."
            raise ImporterError(
                "PATH_OUTSIDE_PROJECT", cause, remedy + " Only files of the project can be used.", "read"
            )
    with contextlib.suppress(OSError):  # such as a name that is too long for the system
        for candidate in (path, _STARTED_IN / path):
            if candidate.exists():
                return candidate.resolve()
    raise missing
