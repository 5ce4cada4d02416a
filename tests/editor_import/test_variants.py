"""Several programs in one asset: imported, chosen by the level, replaced while sessions run, exported by a feature."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import godot_projects
from tests.godot_projects import GodotProject

# Prints one line of JSON for each step: which recipe ran, and what it answered.
STEPS = """extends Node

var input: PackedFloat32Array = []


func _ready() -> void:
	for index: int in 3 * 32 * 32:
		input.append(sin(index))
	var path: String = "res://models/convnet.pt2"
	for argument: String in OS.get_cmdline_user_args():
		path = argument
	var model: ExecuTorchResource = load(path)
	_print("basic", model)
	for level: int in 3:
		check(model.set_optimization_level(level) == OK)
		_print("level %d" % level, model)
	model.optimization_level = ExecuTorchResource.OPTIMIZATION_BASIC
	_print("property", model)
	_sessions(model)
	if not OS.has_feature("template"):
		_copies(model)
	get_tree().quit()


func check(is_right: bool) -> void:
	if not is_right:
		push_error("a check failed")


func _sessions(model: ExecuTorchResource) -> void:
	var own: ExecuTorchRuntime = model.new_session()
	check(own.set_optimization_level(ExecuTorchResource.OPTIMIZATION_AGGRESSIVE) == OK)
	_print("session", own)
	_print("resource beside it", model)
	var second: ExecuTorchRuntime = ExecuTorchRuntime.new()
	second.set_optimization_level(ExecuTorchResource.OPTIMIZATION_AGGRESSIVE)
	check(second.load_model(model))
	_print("second session", second)
	# What live reload does when the editor has imported the model again.
	ResourceLoader.load(model.resource_path, "", ResourceLoader.CACHE_MODE_REPLACE)
	_print("reloaded session", second)
	_print("reloaded resource", model)
	var plain: ExecuTorchRuntime = model.new_session()
	model.set_optimization_level(ExecuTorchResource.OPTIMIZATION_AGGRESSIVE)
	_print("plain session", plain)
	own.set_optimization_level(ExecuTorchResource.OPTIMIZATION_BASIC)
	_print("session again", own)


func _copies(model: ExecuTorchResource) -> void:
	var copy: ExecuTorchResource = model.duplicate()
	copy.optimization_level = ExecuTorchResource.OPTIMIZATION_NONE
	_print("duplicate", copy)
	for target: String in ["user://copy.tres", "user://copy.res", "res://unique.tres"]:
		# The last one names the programs' files, as a resource that was made unique in a scene does.
		var is_unique: bool = target.begins_with("res://")
		check((ResourceSaver.save(model.duplicate(), target) if is_unique else model.save_to_file(target)) == OK)
		var saved: ExecuTorchResource = ExecuTorchResource.new()
		check(saved.load_from_file(target) == OK)
		for level: int in 3:
			saved.set_optimization_level(level)
			_print("%s %d" % [target.get_file(), level], saved)
	DirAccess.remove_absolute("res://unique.tres")
	check(model.save_to_file("user://copy.pte") == OK)
	var program: ExecuTorchResource = ExecuTorchResource.new()
	check(program.load_from_file("user://copy.pte") == OK)
	_print("program", program)


func _print(step: String, model: RefCounted) -> void:
	var outputs: Dictionary = model.forward({"input_0": input})
	var session: ExecuTorchRuntime = model as ExecuTorchRuntime
	if session == null:
		session = (model as ExecuTorchResource).get_default_session()
	var size: int = session.get_model_info().get("size", 0)
	var recipe: String = session.get_metadata().get("recipe", "")
	print("step ", JSON.stringify({"step": step, "recipe": recipe, "outputs": outputs, "size": size}))
"""
VARIANTS = "xnnpack_int8_static, portable"


def _steps(output: str) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line.removeprefix("step ")) for line in output.splitlines() if line.startswith("step ")]
    return {line["step"]: line for line in lines}


def _set(made: GodotProject, option: str, before: str, after: str) -> None:
    file = made.path / "models" / "convnet.pt2.import"
    text = file.read_text(encoding="utf-8")
    assert f"{option}={before}\n" in text, text
    file.write_text(text.replace(f"{option}={before}\n", f"{option}={after}\n"), encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, godot: Path, models: Path, artifact_cache: Path) -> GodotProject:
    """A project whose model has three programs."""
    project = godot_projects.make(tmp_path_factory.mktemp("variants"), godot, artifact_cache)
    project.add([models / "convnet.pt2"])
    project.add_scene("steps", STEPS, is_main=True)
    assert project.import_all().status == 0
    _set(project, "variants", '""', f'"{VARIANTS}"')
    run = project.import_all()
    assert run.status == 0, run.output
    return project


@pytest.fixture(scope="module")
def steps(made: GodotProject) -> dict[str, dict[str, Any]]:
    run = made.run("res://steps.tscn")
    assert run.errors == [], run.output
    return _steps(run.output)


def test_the_level_chooses_the_program(steps: dict[str, dict[str, Any]]) -> None:
    recipes = {step: found["recipe"] for step, found in steps.items() if step[:5] in ("basic", "level", "prope")}
    fp32, int8 = "xnnpack_fp32", "xnnpack_int8_static"
    assert recipes == {"basic": fp32, "level 0": "portable", "level 1": fp32, "level 2": int8, "property": fp32}
    answers = {step: steps[step]["outputs"]["output_0"] for step in recipes}
    assert all(len(answer) == 10 for answer in answers.values())
    near = max(abs(left - right) for left, right in zip(answers["basic"], answers["level 0"], strict=True))
    off = max(abs(left - right) for left, right in zip(answers["basic"], answers["level 2"], strict=True))
    assert near < 1e-5 < off < 0.2, "the int8 program computes other numbers"
    assert steps["level 2"]["size"] < steps["level 1"]["size"]


def test_sessions_have_levels_of_their_own(steps: dict[str, dict[str, Any]]) -> None:
    fp32, int8 = "xnnpack_fp32", "xnnpack_int8_static"
    assert steps["session"]["recipe"] == int8 == steps["second session"]["recipe"]
    assert steps["resource beside it"]["recipe"] == fp32
    assert steps["plain session"]["recipe"] == fp32, "only the resource's own session follows its level"
    assert steps["session again"]["recipe"] == fp32
    pairs = {"session": "level 2", "second session": "level 2", "session again": "basic"}
    pairs |= {"reloaded session": "level 2", "reloaded resource": "basic"}
    for name, same in pairs.items():
        assert steps[name]["outputs"] == steps[same]["outputs"]


def test_copies_keep_their_variants(steps: dict[str, dict[str, Any]]) -> None:
    assert steps["duplicate"]["recipe"] == "portable"
    for file in ("copy.tres", "copy.res", "unique.tres"):
        for level in range(3):
            assert steps[f"{file} {level}"]["outputs"] == steps[f"level {level}"]["outputs"], file
    assert steps["program"]["outputs"] == steps["level 2"]["outputs"], "a .pte is the program that runs"


def test_the_project_setting_chooses_at_the_default_level(made: GodotProject) -> None:
    file = made.path / "project.godot"
    text = file.read_text(encoding="utf-8")
    try:
        file.write_text(f'{text}\n[executorch]\n\nruntime/variant="xnnpack_int8_static"\n', encoding="utf-8")
        found = _steps(made.run("res://steps.tscn").output)
        assert [found[step]["recipe"] for step in ("basic", "level 0")] == ["xnnpack_int8_static", "portable"]
        # An override alone; the setting itself has its default.
        file.write_text(f'{text}\n[executorch]\n\nruntime/variant.linux="portable"\n', encoding="utf-8")
        run = made.run("res://steps.tscn")
        assert _steps(run.output)["basic"]["recipe"] == "portable"
        assert "Property not found" not in run.output
    finally:
        file.write_text(text, encoding="utf-8")


def test_a_variant_that_is_missing_or_damaged(made: GodotProject) -> None:
    (place,) = (made.path / ".godot" / "imported").glob("convnet.pt2-*.xnnpack_int8_static.pte")
    program = place.read_bytes()
    try:
        place.unlink()
        run = made.run("res://steps.tscn")
        assert any("xnnpack_int8_static.pte cannot be opened" in line for line in run.errors), run.output
        found = _steps(run.output)
        assert found["level 1"]["outputs"] and not found["level 2"]["outputs"], "the others still run"
        place.write_bytes(program[:-1] + bytes([program[-1] ^ 1]))
        run = made.run("res://steps.tscn")
        assert any("HASH_MISMATCH" in line for line in run.errors), run.output
    finally:
        place.write_bytes(program)


@pytest.mark.slow
def test_embedded_variants(made: GodotProject, steps: dict[str, dict[str, Any]]) -> None:
    _set(made, "embed", "false", "true")
    try:
        assert made.import_all().status == 0
        assert not list((made.path / ".godot" / "imported").glob("convnet.pt2-*.pte"))
        found = _steps(made.run("res://steps.tscn").output)
        assert [found[f"level {level}"]["outputs"] for level in range(3)] == [
            steps[f"level {level}"]["outputs"] for level in range(3)
        ]
    finally:
        _set(made, "embed", "true", "false")
        assert made.import_all().status == 0


@pytest.mark.parametrize(
    ("feature", "kept"),
    [("", {"", "xnnpack_int8_static", "portable"}), ("executorch_int8", {"xnnpack_int8_static"})],
)
def test_a_feature_chooses_what_is_exported(
    made: GodotProject, steps: dict[str, dict[str, Any]], tmp_path: Path, feature: str, kept: set[str]
) -> None:
    game = tmp_path / "game"
    run = made.export(game / "game.x86_64", feature=feature)
    assert run.status == 0, run.output
    pack = (game / "game.pck").read_bytes()
    recipes = {"": steps["basic"], **{name: steps[f"level {level}"] for name, level in _LEVELS.items()}}
    for recipe in recipes:
        name = f".{recipe}.pte".encode() if recipe else b""
        imported = made.path / ".godot" / "imported"
        found = [path for path in imported.glob("convnet.pt2-*.pte") if path.name.count(".") == (4 if recipe else 3)]
        (place,) = [path for path in found if path.name.encode().endswith(name)]
        assert (place.read_bytes() in pack) == (recipe in kept), recipe
    done = subprocess.run(
        [game / "game.x86_64", "--headless"],
        cwd=tmp_path,
        env={**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    found_steps = _steps(done.stdout)
    if feature:
        assert {found_steps[f"level {level}"]["recipe"] for level in range(3)} == {"xnnpack_int8_static"}
    else:
        assert found_steps["level 0"]["outputs"] == steps["level 0"]["outputs"]
    assert found_steps["level 2"]["outputs"] == steps["level 2"]["outputs"], done.stdout


_LEVELS = {"xnnpack_int8_static": 2, "portable": 0}
