"""Programs with bytes changed at random, loaded by a game: it goes on, and its frames do not wait."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.attacks.hostile import program_files
from tests.godot_projects import GodotProject

SCRIPT = Path(__file__).with_name("mutants.gd")
SCENE = """[gd_scene load_steps=2 format=3]
[ext_resource type="Script" path="res://mutants.gd" id="1"]
[node name="Mutants" type="Node"]
script = ExtResource("1")
"""
SHORT, LONG = 200, 20_000


@pytest.fixture
def game(project: Callable[..., GodotProject]) -> GodotProject:
    made = project()
    shutil.copy(SCRIPT, made.path)
    (made.path / "mutants.tscn").write_text(SCENE, encoding="utf-8")
    assert made.import_all().status == 0
    return made


def programs(models: Path, folder: Path) -> Path:
    folder.mkdir()
    for path in [*models.glob("*.pte"), *models.glob("*.ptd")]:
        if path.stat().st_size < 16384:
            shutil.copy(path, folder)
    return folder


def load(game: GodotProject, folder: Path, count: int, kind: str, seed: int = 7) -> None:
    run = game.run("res://mutants.tscn", "--", folder, str(count), str(seed), kind, timeout=120 + count)
    ends = [line for line in run.output.splitlines() if line.startswith("mutants ")]
    assert run.status == 0 and len(ends) == 1, run.output[-4000:]
    print(kind, ends[0], *(line for line in run.output.splitlines() if line.startswith("file ")), sep="\n")
    codes = json.loads(ends[0].removeprefix("mutants "))["codes"]
    assert sum(codes.values()) == count
    assert "STRUCTURE_INVALID" in codes and len(codes) > 1, "they are all refused, or none is"


def test_hostile_programs(game: GodotProject, models: Path, tmp_path: Path) -> None:
    """Each twice, through doors that chance chooses."""
    (tmp_path / "programs").mkdir()
    for name in program_files.PROGRAMS:
        (tmp_path / "programs" / f"{name}.pte").write_bytes(program_files.program(models, name))
    for name in program_files.WEIGHTS:
        shutil.copy(models / "external_weights.pte", tmp_path / "programs" / f"{name}.pte")
        (tmp_path / "programs" / f"{name}.ptd").write_bytes(program_files.weights(models, name))
    count = 2 * (len(program_files.PROGRAMS) + len(program_files.WEIGHTS))
    load(game, tmp_path / "programs", count, "files")


@pytest.mark.parametrize("kind", ["programs", "weights"])
def test_some_mutants(kind: str, game: GodotProject, models: Path, tmp_path: Path) -> None:
    load(game, programs(models, tmp_path / "programs"), SHORT, kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["programs", "weights"])
def test_many_mutants(kind: str, game: GodotProject, models: Path, tmp_path: Path) -> None:
    """EXECUTORCH_MUTANTS and EXECUTORCH_MUTANT_SEED: how many, and from which seed, to run them in pieces."""
    count = int(os.environ.get("EXECUTORCH_MUTANTS", str(LONG)))
    seed = int(os.environ.get("EXECUTORCH_MUTANT_SEED", "7"))
    load(game, programs(models, tmp_path / "programs"), count, kind, seed)
