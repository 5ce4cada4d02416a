"""The calls that the project was founded on, typed as a newcomer types them, in a project with default settings."""

from __future__ import annotations

from pathlib import Path

from tests import godot_projects
from tests.godot_projects import ROOT

# Word for word, and so not formatted as our own sources are.
CONTRACT = Path(__file__).parent / "contract.gd.txt"


def test_the_contract_in_the_sample_project(tmp_path: Path, godot: Path) -> None:
    sample = godot_projects.copy_sample(tmp_path / "sample", godot)
    sample.add_scene("contract", CONTRACT.read_text(encoding="utf-8"))
    assert sample.import_all().status == 0
    run = sample.run("res://contract.tscn")
    assert "contract: 0 fall short" in run.output and run.status == 0, run.output
    assert "FAIL" not in run.output
    # What the script asks for on purpose; nothing else is an error, and no call of it a warning.
    assert all("nothing_here.pte" in line for line in run.errors), run.errors
    assert "STATIC_CALLED_ON_INSTANCE" not in run.output


def test_the_sample_project_has_default_warnings() -> None:
    assert "gdscript/warnings" not in (ROOT / "sample_project" / "project.godot").read_text(encoding="utf-8")
