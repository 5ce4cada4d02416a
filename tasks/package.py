"""The package that people unzip into their project: the addon with its library and its Python rooms."""

from __future__ import annotations

import configparser
import os
import zipfile
from pathlib import Path

from tasks import native, project
from tasks.console import ROOT, megabytes, step

SKIPPED = {"__pycache__", ".mypy_cache"}


def version() -> str:
    """The version in plugin.cfg."""
    config = configparser.ConfigParser()
    config.read(project.ADDON / "plugin.cfg", encoding="utf-8")
    return config["plugin"]["version"].strip('"')


def make_package() -> Path:
    """Make dist/godot-executorch-VERSION-linux-x86_64.zip; returns its path."""
    project.ensure_ready()
    target = ROOT / "dist" / f"godot-executorch-{version()}-linux-x86_64.zip"
    target.parent.mkdir(exist_ok=True)
    unfinished = target.with_suffix(".zip.part")
    with step(f"write {target.name}"):
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in _addon_files():
                archive.write(path, path.relative_to(ROOT).as_posix())
            for name in ("LICENSE", "NOTICE"):
                archive.write(ROOT / name, f"addons/executorch/{name}")
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(target)
    print(f"  ok {megabytes(target.stat().st_size)}")
    return target


def _addon_files() -> list[Path]:
    """Every file of the addon, links followed: in the package the Python rooms are copies."""
    assert native.LIBRARY.exists()
    found: list[Path] = []
    for folder, folders, files in os.walk(project.ADDON, followlinks=True):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        found += [Path(folder) / name for name in sorted(files) if not name.endswith((".pyc", ".tmp"))]
    return found
