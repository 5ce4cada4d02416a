"""A backend that cannot start: the error names what is missing and the command that installs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.import_project import ModelProject, errors_of


def test_no_python(models_project: ModelProject, tmp_path: Path) -> None:
    models_project.put("new.pt", (models_project.godot.path / "models" / "good.pt").read_bytes() + b"\0")
    run = models_project.godot.import_all(env={"EXECUTORCH_PYTHON": str(tmp_path / "no-python")})
    assert len(errors_of(run, "new.pt")) == 1, run.output
    assert "no-python" in run.output
    assert run.status != 0
    # The good one was in the cache: it needs no Python.
    assert models_project.answer("good.pt") == "[8.0]"


@pytest.mark.parametrize(
    ("version", "script"),
    [
        ("2.7", "#!/bin/sh\necho 'Python 2.7.18' >&2\nexit 1\n"),
        ("not a Python", "#!/bin/sh\necho hello\n"),
    ],
)
def test_wrong_python(version: str, script: str, models_project: ModelProject, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(script)
    python.chmod(0o755)
    models_project.put("new.pt", (models_project.godot.path / "models" / "good.pt").read_bytes() + b"\0")
    run = models_project.godot.import_all(env={"EXECUTORCH_PYTHON": str(python)})
    assert len(errors_of(run, "new.pt")) == 1, run.output
    assert run.status != 0, version


@pytest.mark.slow
def test_python_that_hangs_is_given_up(models_project: ModelProject, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec sleep 300\n")
    python.chmod(0o755)
    models_project.put("new.pt", (models_project.godot.path / "models" / "good.pt").read_bytes() + b"\0")
    run = models_project.godot.run("--import", timeout=120, env={"EXECUTORCH_PYTHON": str(python)})
    assert run.status not in (0, -9), run.output
    assert len(errors_of(run, "new.pt")) == 1, run.output


@pytest.mark.slow
def test_missing_package(models_project: ModelProject, tmp_path: Path) -> None:
    """A real virtual environment with nothing in it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    python = tmp_path / "bare" / "bin" / "python"
    models_project.put("new.pt", (models_project.godot.path / "models" / "good.pt").read_bytes() + b"\0")
    run = models_project.godot.import_all(env={"EXECUTORCH_PYTHON": str(python)})
    assert len(errors_of(run, "new.pt")) == 1, run.output
    assert "torch" in run.output
    assert "pip install" in run.output
    assert run.status != 0


def test_cached_project_needs_no_python(models_project: ModelProject, tmp_path: Path) -> None:
    """A teammate without Python opens a project whose artifacts are in a shared cache."""
    assert models_project.godot.import_all().status == 0
    run = subprocess.run(["rm", "-rf", models_project.godot.path / ".godot"], check=True)
    assert run.returncode == 0
    again = models_project.godot.import_all(env={"EXECUTORCH_PYTHON": str(tmp_path / "none"), "PATH": os.defpath})
    assert again.status == 0, again.output
    assert models_project.answer("good.pt") == "[8.0]"
