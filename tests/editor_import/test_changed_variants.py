"""A model whose variants change: in a game that runs, and in the next export."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import godot_projects
from tests.godot_projects import GodotProject

# For each file res://go_N it does what live reload does, and prints what runs.
GAME = """extends Node

var _model: ExecuTorchResource
var _session: ExecuTorchRuntime
var _input: PackedFloat32Array = []
var _step: int = 0


func _ready() -> void:
	for index: int in 3 * 32 * 32:
		_input.append(sin(index))
	_model = load("res://models/convnet.pt2")
	_session = _model.new_session()
	_session.set_optimization_level(ExecuTorchResource.OPTIMIZATION_AGGRESSIVE)
	_print()


func _process(_delta: float) -> void:
	if FileAccess.file_exists("res://go_%d" % _step):
		_step += 1
		ResourceLoader.load(_model.resource_path, "", ResourceLoader.CACHE_MODE_REPLACE)
		_print()
	if _step == 3 or Time.get_ticks_msec() > 200_000:
		get_tree().quit()


func _print() -> void:
	var found: Dictionary = {}
	for level: int in 3:
		_model.set_optimization_level(level)
		found[level] = _answer(_model.get_default_session())
	found["session"] = _answer(_session)
	var file: FileAccess = FileAccess.open("res://said_%d.part" % _step, FileAccess.WRITE)
	file.store_string(JSON.stringify(found))
	file.close()
	DirAccess.rename_absolute("res://said_%d.part" % _step, "res://said_%d" % _step)


## A session takes what was imported with its next call.
func _answer(session: ExecuTorchRuntime) -> Array:
	var answer: PackedFloat32Array = session.forward({"input_0": _input}).get("output_0", PackedFloat32Array())
	return [session.get_metadata().get("recipe"), answer]
"""
FP32, INT8, PORTABLE = "xnnpack_fp32", "xnnpack_int8_static", "portable"


def _import_with(project: GodotProject, variants: str) -> None:
    file = project.path / "models" / "convnet.pt2.import"
    lines = file.read_text(encoding="utf-8").splitlines()
    lines = [f'variants="{variants}"' if line.startswith("variants=") else line for line in lines]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    run = project.import_all()
    assert run.status == 0 and run.errors == [], run.output


def _programs(project: GodotProject) -> dict[str, Path]:
    """Recipe -> the file in `.godot/imported`; the main program's is empty."""
    found = (project.path / ".godot" / "imported").glob("convnet.pt2-*.pte")
    return {
        path.name.removesuffix(".pte").partition(".pt2-")[2].partition(".")[2].partition(".")[2]: path for path in found
    }


@pytest.fixture
def project(tmp_path: Path, godot: Path, models: Path, artifact_cache: Path) -> GodotProject:
    made = godot_projects.make(tmp_path / "project", godot, artifact_cache)
    made.add([models / "convnet.pt2"])
    made.add_scene("game", GAME, is_main=True)
    assert made.import_all().status == 0
    _import_with(made, f"{INT8}, {PORTABLE}")
    return made


def _said(project: GodotProject, step: int, is_over: Callable[[], bool]) -> dict[str, Any]:
    file = project.path / f"said_{step}"
    while not file.exists():
        assert not is_over(), "the game has ended"
        time.sleep(0.05)
    answer: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return answer


def test_a_running_game_takes_the_programs_that_are_there(project: GodotProject) -> None:
    steps = [("", []), (PORTABLE, [PORTABLE]), (f"{PORTABLE}, {INT8}", [PORTABLE, INT8])]
    with ThreadPoolExecutor(1) as pool:
        game = pool.submit(project.run, "res://game.tscn", timeout=280)
        first = _said(project, 0, game.done)
        assert [first[key][0] for key in ("0", "1", "2", "session")] == [PORTABLE, FP32, INT8, INT8]
        answers = dict(first.values())
        for step, (variants, kept) in enumerate(steps):
            _import_with(project, variants)
            assert set(_programs(project)) == {"", *kept}
            (project.path / f"go_{step}").touch()
            said = _said(project, step + 1, game.done)
            int8 = INT8 if INT8 in kept else FP32
            expected = {"0": PORTABLE if PORTABLE in kept else FP32, "1": FP32, "2": int8, "session": int8}
            assert said == {key: [recipe, answers[recipe]] for key, recipe in expected.items()}, variants
        assert game.result().errors == [], game.result().output


def test_an_export_has_no_program_of_a_former_variant(project: GodotProject, tmp_path: Path) -> None:
    former = {recipe: path.read_bytes() for recipe, path in _programs(project).items()}
    target = tmp_path / "game" / "game.x86_64"
    for variants, feature, kept in (
        (PORTABLE, "executorch_int8", {"", PORTABLE}),  # what the feature names is not there any more
        (PORTABLE, "executorch_portable", {PORTABLE}),
        ("", "", {""}),
    ):
        _import_with(project, variants)
        run = project.export(target, feature=feature)
        assert run.status == 0, run.output
        pack = target.with_suffix(".pck").read_bytes()
        assert {recipe for recipe, program in former.items() if program in pack} == kept, (variants, feature)
        assert INT8 in variants or b".xnnpack_int8_static.pte" not in pack
