"""From a clean clone to an exported game: the first open has no errors, and the game predicts out of its PCK."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tasks.cross import targets
from tests import godot_projects
from tests.godot_projects import GodotProject, Run
from tests.import_project import ModelProject


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, godot: Path, artifact_cache: Path) -> GodotProject:
    """A clean copy of the sample project, never opened. Its artifact cache is the tests' shared one."""
    settings = f'\n[executorch]\n\nimport/cache_path="{artifact_cache}"\n'
    return godot_projects.copy_sample(tmp_path_factory.mktemp("export") / "sample_project", godot, settings)


def test_first_open_in_the_editor_has_no_errors(sample: GodotProject) -> None:
    run = sample.run("--editor", "--quit", timeout=300)
    assert run.status == 0, run.output
    assert run.errors == [], run.output


@pytest.fixture(scope="module")
def exported(sample: GodotProject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the exported game; the project it came from is gone."""
    target = tmp_path_factory.mktemp("game")
    run = sample.export(target / "sample.x86_64")
    assert run.status == 0, run.output
    assert (target / "sample.pck").exists(), run.output
    shutil.rmtree(sample.path)
    return target


def test_exported_game_predicts_the_same_numbers(exported: Path, tmp_path: Path) -> None:
    run = _run_game(exported, tmp_path, "--", "--report")
    assert run.status == 0, run.output
    assert "\ndemo: ok\n" in run.output, run.output
    # Debian's release template says this of every container when it ends, also in a project without any addon.
    errors = [line for line in run.errors if "Attempt to disconnect a nonexistent connection" not in line]
    assert errors == [], run.output


def test_export_carries_the_libraries_and_no_python(exported: Path) -> None:
    names = {path.name for path in exported.rglob("*")}
    assert {"libgodot_executorch.so", "libexecutorch.so", "libexecutorch_backend_xnnpack.so"} <= names
    pack = (exported / "sample.pck").read_bytes()
    # Godot's lists of identifiers still name the editor's scripts; the scripts themselves stay behind.
    assert re.findall(rb"addons/executorch/runtime/[\w/]+\.gdc", pack)
    assert re.findall(rb"addons/executorch/editor/[\w/]+\.(?:gdc|gd\.remap)", pack) == []
    assert b"def build() -> nn.Module" not in pack
    # A release has neither the MCP server nor what only an editor's game uses.
    debug_only = rb"addons/executorch/runtime/(?:(?:mcp|telemetry)/[\w/]+|loading/live_reload)\.(?:gdc|gd\.remap)"
    assert re.findall(debug_only, pack) == []


def test_export_waits_for_models_and_fails_with_a_bad_one(models_project: ModelProject, tmp_path: Path) -> None:
    models_project.put("bad.pt", b"not a model")
    run = models_project.godot.export(tmp_path / "game.x86_64")
    assert run.status == 0 and "No scene, resource or script uses it" in run.output, run.output
    pack = (tmp_path / "game.pck").read_bytes()
    # Godot's list of identifiers still names the file; neither its resource nor what leads to it is there.
    assert re.findall(rb"good\.pt(?:\.import|-[0-9a-f]{32})", pack)
    assert re.findall(rb"bad\.pt(?:\.import|-[0-9a-f]{32})", pack) == []
    (models_project.godot.path / "uses.gd").write_text('const BAD: String = "res://models/bad.pt"\n', encoding="utf-8")
    run = models_project.godot.export(tmp_path / "game.x86_64")
    assert run.status != 0, run.output
    told = [line for line in run.errors if "bad.pt is not exported" in line]
    assert told and all("res://uses.gd uses it." in line for line in told), run.output


@pytest.mark.parametrize(
    ("platform", "architecture", "named"),
    [
        ("Windows Desktop", "x86_64", "Windows x86_64"),
        pytest.param("Linux", "rv64", "Linux rv64", marks=pytest.mark.slow),
    ],
)
def test_an_export_for_a_platform_without_a_library_fails(
    models_project: ModelProject, tmp_path: Path, platform: str, architecture: str, named: str
) -> None:
    presets = godot_projects.PRESETS.read_text(encoding="utf-8")
    presets = presets.replace('platform="Linux"', f'platform="{platform}"').replace("x86_64", architecture)
    (models_project.godot.path / "export_presets.cfg").write_text(presets, encoding="utf-8")
    run = models_project.godot.run("--export-pack", "Linux", tmp_path / "game.pck", timeout=400)
    assert run.status != 0, run.output
    assert f"The export for {named} has no ExecuTorch library" in run.output, run.output
    systems = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}
    built = ", ".join(f"{systems[target.system]} {target.architecture}" for target in targets.built())
    assert f"libraries for {built}." in run.output, run.output


def test_a_pack_for_this_platform_is_made(models_project: ModelProject, tmp_path: Path) -> None:
    shutil.copy(godot_projects.PRESETS, models_project.godot.path / "export_presets.cfg")
    run = models_project.godot.run("--export-pack", "Linux", tmp_path / "game.pck", timeout=400)
    assert run.status == 0 and "has no ExecuTorch library" not in run.output, run.output


def _run_game(folder: Path, elsewhere: Path, *arguments: str) -> Run:
    command = [folder / "sample.x86_64", "--headless", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EXECUTORCH")}
    done = subprocess.run(
        command,
        cwd=elsewhere,
        env={**environment, "XDG_DATA_HOME": str(elsewhere)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    return Run(done.stdout.decode(errors="replace"), done.returncode)
