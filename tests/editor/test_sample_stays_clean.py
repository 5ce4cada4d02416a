"""Opening the sample project in the editor changes no file of it: a newcomer's `git status` stays empty."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tasks import windowed_editor
from tests import godot_projects

SAMPLE = godot_projects.ROOT / "sample_project"


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="there is no virtual display (package xvfb)")
def test_opening_the_sample_rewrites_nothing(tmp_path: Path, godot: Path) -> None:
    # With a window: a headless editor does not save the project when it has opened it.
    made = godot_projects.copy_sample(tmp_path / "project", godot)
    before = files(made.path)
    assert made.import_all().status == 0
    output, status = windowed_editor.run_windowed(
        made.path, windowed_editor.Look("dark", "100"), ["--quit-after", "30"], {}, 300
    )
    assert status == 0, output[-4000:]
    after = files(made.path)
    assert before.keys() == after.keys()
    assert [name for name, content in before.items() if after[name] != content] == []


def files(folder: Path) -> dict[str, bytes]:
    """What git would see of a project: its files but the addon and Godot's own folder."""
    names = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return {str(name): (folder / name).read_bytes() for name in names if name.parts[0] not in (".godot", "addons")}
