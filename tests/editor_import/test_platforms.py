"""Programs for one system only: what an export takes along, and what it says when nothing of a model runs there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import godot_projects
from tests.godot_projects import GodotProject

USER = """extends Node

var both: ExecuTorchResource = load("res://models/both.pt2")
var apple: ExecuTorchResource = load("res://models/apple.pt2")
var finished: ExecuTorchResource = load("res://models/finished.pte")


func _ready() -> void:
	print("ran ", both.forward({"input_0": [2.5]}).size())
	get_tree().quit()
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, godot: Path, models: Path, artifact_cache: Path) -> GodotProject:
    """One model with a program for all systems and one for Apple's, one with the latter alone, and a finished one."""
    project = godot_projects.make(tmp_path_factory.mktemp("platforms"), godot, artifact_cache)
    both, apple = (project.path / "models" / name for name in ("both.pt2", "apple.pt2"))
    both.parent.mkdir(exist_ok=True)
    for path in (both, apple):
        shutil.copyfile(models / "linear.pt2", path)
    assert project.import_all().status == 0
    _set(both, 'variants=""', 'variants="coreml_fp16"')
    _set(apple, 'recipe="auto"', 'recipe="coreml_fp16"')
    assert project.import_all().status == 0
    (path := both.with_name("finished.pte")).write_bytes(_program(project, "apple.pt2", ""))
    run = project.import_all()
    assert run.status == 0 and path.with_name("finished.pte.import").is_file(), run.output
    project.add_scene("user", USER, is_main=True)
    return project


def test_each_export_has_what_its_system_runs(made: GodotProject, tmp_path: Path) -> None:
    everywhere, for_apple = _program(made, "both.pt2", ""), _program(made, "both.pt2", ".coreml_fp16")
    assert b"CoreMLBackend" in for_apple and b"CoreMLBackend" not in everywhere
    run = made.export(tmp_path / "linux" / "game.x86_64")
    assert run.status != 0
    none = "is not exported: none of its programs runs on Linux x86_64:"
    why = f"apple.pt2 {none} coreml_fp16 (CoreMLBackend) runs on macOS and iOS. Import it with the recipe auto"
    assert why in run.output, run.output
    why = f"finished.pte {none} as_is (CoreMLBackend) runs on macOS and iOS. Make a program of XNNPACK"
    assert why in run.output, run.output
    pack = (tmp_path / "linux" / "game.pck").read_bytes()
    assert everywhere in pack and for_apple not in pack and _program(made, "apple.pt2", "") not in pack
    run = made.export(tmp_path / "apple" / "game.x86_64", feature="macos")
    assert run.status == 0, run.output
    pack = (tmp_path / "apple" / "game.pck").read_bytes()
    assert all(program in pack for program in (everywhere, for_apple, _program(made, "apple.pt2", "")))


def _set(model: Path, before: str, after: str) -> None:
    file = model.with_name(f"{model.name}.import")
    text = file.read_text(encoding="utf-8")
    assert before in text, text
    file.write_text(text.replace(before, after), encoding="utf-8")


def _program(made: GodotProject, model: str, recipe: str) -> bytes:
    (place,) = (
        path
        for path in (made.path / ".godot" / "imported").glob(f"{model}-*{recipe}.pte")
        if path.name.count(".") == 3 + bool(recipe)
    )
    return place.read_bytes()
