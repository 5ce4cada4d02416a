"""`executorch.gdextension`, which tells Godot the library of each system: written from what was built."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tasks.console import ROOT
from tasks.cross import targets
from tasks.cross.targets import Target

PATH = ROOT / "addons" / "executorch" / "executorch.gdextension"
HEAD = """[configuration]

entry_symbol = "godot_executorch_init"
compatibility_minimum = "4.4"
reloadable = false
"""
BUILDS = ("debug", "release")


def write() -> None:
    """Write the file for all that was built, unless it says that already."""
    text = text_for(targets.built())
    if PATH.exists() and PATH.read_text(encoding="utf-8") == text:
        return
    # Of several processes that write it at a time, each has a file of its own.
    unfinished = PATH.with_name(f"{PATH.name}.{os.getpid()}.tmp")
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(PATH)


def text_for(chosen: Sequence[Target]) -> str:
    """The file's text for these targets; their folders hold the libraries that it names."""
    libraries, dependencies = [], []
    for target in chosen:
        for build in BUILDS:
            key = f"{target.system}.{build}.{target.architecture}"
            libraries.append(f'{key} = "{_name(target.folder / target.library)}"')
            needed = ",\n".join(f'"{_name(path)}": ""' for path in needed_files(target, build))
            dependencies.append(f"{key} = {{\n{needed}\n}}")
    return "\n".join([HEAD, "[libraries]\n", *libraries, "\n[dependencies]\n", *dependencies, ""])


def needed_files(target: Target, build: str) -> list[Path]:
    """What a game needs beside the library. A release records no ETDumps."""
    files = sorted(path for path in target.folder.iterdir() if path.is_file() and path.name != target.library)
    return [path for path in files if build == "debug" or "etdump" not in path.name]


def _name(path: Path) -> str:
    return path.relative_to(PATH.parent).as_posix()
