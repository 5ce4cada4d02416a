"""The README's first command, as a person runs it: the sample project from a clean copy, in a real Godot."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import godot_projects
from tests.godot_projects import ROOT, GodotProject


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, godot: Path) -> GodotProject:
    """A clean copy of the sample project (no .godot), imported headless once."""
    project = godot_projects.copy_sample(tmp_path_factory.mktemp("sample") / "sample_project", godot)
    run = project.import_all()
    assert run.status == 0, run.output
    assert run.errors == [], run.output
    return project


def test_report_is_right(sample: GodotProject) -> None:
    run = sample.run("--", "--report")
    assert run.status == 0, run.output
    assert run.errors == [], run.output
    assert run.output.rstrip().endswith("demo: ok")
    rows = re.findall(r"^ +(-?[\d.]+) +(-?[\d.]+) +(-?[\d.]+) +[\d.]+$", run.output, re.MULTILINE)
    assert len(rows) == 8, run.output
    for x, expected, predicted in rows:
        assert float(expected) == 2 * float(x) + 3
        assert abs(float(predicted) - float(expected)) < 1e-3
    right, total = map(int, re.findall(r"digits.pt: (\d+) of (\d+)", run.output)[0])
    assert total == 450
    assert right / total > 0.97


@pytest.mark.slow
def test_report_fails_when_a_model_is_wrong(sample: GodotProject, tmp_path: Path) -> None:
    """The report must be able to fail: the same scene with a model exchanged."""
    path = tmp_path / "sample_project"
    shutil.copytree(sample.path, path, symlinks=True, ignore=shutil.ignore_patterns(".godot"))
    shutil.copy(ROOT / "sample_project" / "models" / "digits.pt", path / "models" / "linear_regression.pt")
    project = GodotProject(path, sample.godot, sample.environment)
    project.import_all()
    run = project.run("--", "--report")
    assert run.status == 1, run.output
    assert "demo: ok" not in run.output


def test_main_scene_runs_without_errors(sample: GodotProject) -> None:
    run = sample.run("--quit-after", "30")
    assert run.status == 0, run.output
    assert run.errors == [], run.output


def test_dev_doctor_finds_everything() -> None:
    done = subprocess.run(
        [sys.executable, "dev.py", "doctor"], cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ
    )
    assert "ok       Godot" in done.stdout
    assert re.search(r"^ok +native library", done.stdout, re.MULTILINE), done.stdout
