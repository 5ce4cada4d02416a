"""One project folder, and nothing outside of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from importer.errors import ImporterError
from importer.sources.file_kind import EXTENSIONS

MOST_MODELS = 5000


class Project:
    """A Godot project. Paths are `res://models/x.pt` or relative to it; links are resolved before they count."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        if not (self.root / "project.godot").is_file():
            cause = f"{self.root} has no project.godot, so it is not a Godot project."
            raise ImporterError("NOT_A_PROJECT", cause, "Give the project's folder with --project.")

    def file(self, text: str) -> Path:
        """An existing file of the project; raises PATH_OUTSIDE_PROJECT or FILE_NOT_READABLE."""
        path = self.place(text)
        if not path.is_file():
            raise ImporterError(
                "FILE_NOT_READABLE", f"There is no file {text}.", "`list_project_models` has the names."
            )
        return path

    def place(self, text: str) -> Path:
        """Where a file is or may be made; raises PATH_OUTSIDE_PROJECT."""
        inside = text.removeprefix("res://")
        try:
            path = (self.root / inside).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise self._outside(text) from error
        if not path.is_relative_to(self.root) or path == self.root or "\0" in text:
            raise self._outside(text)
        if any(part.startswith(".") for part in path.relative_to(self.root).parts):
            cause = f"{text} is in a hidden folder, which holds Godot's or another program's own files."
            raise ImporterError("PATH_OUTSIDE_PROJECT", cause, "Give a file of the project itself.")
        return path

    def cache(self) -> Path:
        """The artifact cache of the project's editor; raises PATH_OUTSIDE_PROJECT when a link leads elsewhere."""
        place = self.root / ".godot" / "executorch_cache"
        try:
            if place.resolve() == place:
                return place
        except (OSError, RuntimeError):  # a link to itself
            pass
        raise self._outside("res://.godot/executorch_cache")

    def name(self, path: Path) -> str:
        """The path as Godot writes it."""
        return "res://" + path.relative_to(self.root).as_posix()

    def models(self) -> Iterator[Path]:
        """The project's model files; folders with `.gdignore`, hidden ones, and what links lead out to are left out."""
        count = 0
        for folder, folders, files in os.walk(self.root):
            folders[:] = sorted(
                name for name in folders if name[0] != "." and not (Path(folder, name) / ".gdignore").exists()
            )
            for name in sorted(files):
                path = Path(folder, name)
                # Version control of large data leaves a broken link for a file that was not fetched.
                if path.suffix.lower().removeprefix(".") not in EXTENSIONS or not path.is_file():
                    continue
                if path.resolve().is_relative_to(self.root):
                    yield path
                    count += 1
                    if count >= MOST_MODELS:
                        return

    def _outside(self, text: str) -> ImporterError:
        cause = f"{text!r:.200} is not in the project {self.root}."
        return ImporterError("PATH_OUTSIDE_PROJECT", cause, "Give a path such as res://models/x.pt.")
