"""A kernel library of the game's own, built against the wheel's headers: without it the error names the operator."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.godot_projects import ROOT, GodotProject, Run
from tests.runtime.custom_kernel import library

SOURCES = ROOT / "tests" / "runtime" / "custom_kernel"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with triple.pte, made by torch, and libtriple.so, made by the compiler that built the extension."""
    folder = tmp_path_factory.mktemp("custom_kernel")
    subprocess.run([sys.executable, SOURCES / "program.py", folder / "triple.pte"], check=True, timeout=300)
    library.build(folder)
    return folder


def run(project: GodotProject, built: Path, way: str) -> Run:
    shutil.copy(SOURCES / "run.gd", project.path / "run.gd")
    project.import_all()
    return project.run("-s", "res://run.gd", "--", built / "triple.pte", way, built / "libtriple.so")


def add_library(made: GodotProject, path: Path) -> None:
    settings = made.path / "project.godot"
    setting = f'runtime/libraries=PackedStringArray("{path}")\n'
    settings.write_text(settings.read_text(encoding="utf-8") + setting, encoding="utf-8")


def outputs_of(run: Run) -> object:
    lines = [line for line in run.output.splitlines() if line.startswith("outputs: ")]
    assert len(lines) == 1, run.output
    return json.loads(lines[0].removeprefix("outputs: "))


@pytest.mark.slow
def test_without_the_library_the_error_names_the_operator(project: Callable[..., GodotProject], built: Path) -> None:
    result = run(project(), built, "without")
    assert outputs_of(result) == []
    assert "custom::triple.out" in "".join(line for line in result.output.splitlines() if line.startswith("failed: "))


def test_load_library_brings_the_operator(project: Callable[..., GodotProject], built: Path) -> None:
    result = run(project(), built, "call")
    assert "load_library: 0" in result.output
    assert outputs_of(result) == [[4.0, 7.0]]


def test_the_project_setting_brings_the_operator(project: Callable[..., GodotProject], built: Path) -> None:
    made = project()
    add_library(made, built / "libtriple.so")
    result = run(made, built, "setting")
    assert result.errors == [], result.output
    assert outputs_of(result) == [[4.0, 7.0]]


def test_the_importer_knows_the_librarys_operators(project: Callable[..., GodotProject], built: Path) -> None:
    without = project("without")
    without.add([built / "triple.pte"])
    refused = without.import_all()
    assert refused.status != 0
    assert "OPERATOR_MISSING" in refused.output and "custom::triple.out" in refused.output, refused.output
    assert "executorch/runtime/libraries" in refused.output, refused.output
    made = project("with")
    add_library(made, built / "libtriple.so")
    made.add([built / "triple.pte"])
    imported = made.import_all()
    assert imported.status == 0 and imported.errors == [], imported.output
    shutil.copy(SOURCES / "run.gd", made.path / "run.gd")
    assert outputs_of(made.run("-s", "res://run.gd", "--", "res://models/triple.pte", "setting")) == [[4.0, 7.0]]
