"""The sample project, ready to open: addon linked, Python packages linked into the addon, library built."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tasks import environment, godot, native
from tasks.console import ROOT
from tasks.cross import extension_file

ADDON = ROOT / "addons" / "executorch"
SAMPLE = ROOT / "sample_project"
PYTHON_PACKAGES = ("importer", "python_backend", "requirements.txt")


def ensure_ready() -> godot.Godot:
    """Everything that opening or running the sample project needs; returns the Godot to use."""
    environment.ensure()
    found = godot.ensure()
    native.ensure(found)
    extension_file.write()
    link_addon()
    return found


def link_addon() -> None:
    """Link the addon into the sample project, and the Python packages into the addon."""
    _link(SAMPLE / "addons" / "executorch", ADDON)
    packages = ADDON / "python"
    packages.mkdir(exist_ok=True)
    (packages / ".gdignore").touch()
    for name in PYTHON_PACKAGES:
        _link(packages / name, ROOT / name)


def editor_command() -> tuple[Path, Mapping[str, str]]:
    """The editor's program and the environment that makes it find this checkout's Python."""
    found = ensure_ready()
    display = godot.display_environment() if found.program.is_relative_to(godot.UNPACKED) else {}
    return found.program, {**display, "EXECUTORCH_PYTHON": str(environment.PYTHON)}


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    relative = Path(os.path.relpath(target, link.parent))
    if link.is_symlink() and link.readlink() == relative:
        return
    if link.is_symlink():
        link.unlink()
    link.symlink_to(relative, target_is_directory=target.is_dir())
