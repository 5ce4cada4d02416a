"""Paths in options: `res://` is the project's folder, and nothing of a project may lead out of it."""

from __future__ import annotations

import contextlib
from pathlib import Path

from importer.errors import ImporterError


def resolve(text: str, project: Path | None, option: str) -> Path:
    """The existing file or folder that `text` names.

    With a project, `res://` and relative paths start in it, and the result must lie inside it after links are
    resolved. Without one (command line), paths are the operating system's own.
    Raises PATH_OUTSIDE_PROJECT and FILE_NOT_FOUND.
    """
    remedy = f"Change the import option '{option}'."
    missing = ImporterError(
        "FILE_NOT_FOUND", f"The option '{option}' is '{text}'; there is no such file.", remedy, "read"
    )
    if project is None:
        if text.startswith("res://"):
            cause = f"The option '{option}' is '{text}', but no project is known."
            raise ImporterError("FILE_NOT_FOUND", cause, "Give the project's folder with --project.", "read")
        path = Path(text)
    else:
        root = project.resolve()
        path = root / text.removeprefix("res://")
        try:
            inside = path.resolve().is_relative_to(root)
        except (OSError, RuntimeError, ValueError):  # a link to itself, a NUL
            raise missing from None
        # Checked before existence: an answer about a file outside would tell of it.
        if not inside:
            cause = f"The option '{option}' is '{text}', which leads out of the project."
            raise ImporterError(
                "PATH_OUTSIDE_PROJECT", cause, remedy + " Only files of the project can be used.", "read"
            )
    with contextlib.suppress(OSError):  # such as a name that is too long for the system
        if path.exists():
            return path.resolve()
    raise missing
