"""A game that ends while calls of models are under way ends cleanly, whatever ends it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests import godot_projects
from tests.godot_projects import GodotProject

GAME = Path(__file__).parent
WAYS = ("quit", "close", "scene", "free", "at_once", "unloaded", "terminated")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, godot: Path, models: Path, artifact_cache: Path) -> GodotProject:
    """A project whose main scene is the game."""
    made = godot_projects.make(tmp_path_factory.mktemp("quitting") / "project", godot, artifact_cache)
    made.add_scene("game", (GAME / "game.gd").read_text(encoding="utf-8"), is_main=True)
    made.add_scene("other", (GAME / "other.gd").read_text(encoding="utf-8"))
    shutil.copy(GAME / "loop.gd", made.path)
    made.add([models / "convnet.pt2", models / "policy.pt2"])
    assert made.import_all().status == 0
    return made


@pytest.fixture(scope="module")
def release(project: GodotProject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The game as a release export."""
    game = tmp_path_factory.mktemp("release") / "game.x86_64"
    exported = project.export(game)
    assert exported.status == 0, exported.output
    return game


def end(project: GodotProject, command: list[str | Path], way: str) -> tuple[int, str]:
    """Exit status and output of a game that ends in this way."""
    arguments = [*command, "--headless", "--", "wait" if way == "terminated" else way]
    with subprocess.Popen(
        arguments,
        env={**os.environ, **project.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        if way == "terminated":
            data = Path(project.environment["XDG_DATA_HOME"]) / "godot" / "app_userdata" / "ExecuTorch tests"
            ready = data / f"ready-{process.pid}"
            deadline = time.monotonic() + 60
            while not ready.exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            process.terminate()
        try:
            output, _ = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            output = f"it did not end within 60 s\n{process.communicate()[0]}"
    return process.returncode, output


def assert_clean(project: GodotProject, command: list[str | Path], way: str) -> None:
    status, output = end(project, command, way)
    # Godot itself does not catch the signal.
    assert status == (-signal.SIGTERM if way == "terminated" else 0), (way, status, output[-3000:])
    assert "Parse Error" not in output and "handle_crash" not in output, output[-3000:]


@pytest.mark.parametrize("way", WAYS)
def test_a_game_of_the_editor_ends(project: GodotProject, way: str) -> None:
    for _ in range(2):
        assert_clean(project, [project.godot, "--path", project.path], way)


@pytest.mark.parametrize("way", WAYS)
def test_a_release_export_ends(project: GodotProject, release: Path, way: str) -> None:
    for _ in range(3):
        assert_clean(project, [release], way)


def test_a_script_that_is_the_main_loop_ends(project: GodotProject) -> None:
    for _ in range(4):
        run = project.run("-s", "res://loop.gd", timeout=60)
        assert run.status == 0 and "SCRIPT ERROR" not in run.output, run.output[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_release_export_ends_every_time(project: GodotProject, release: Path, way: str) -> None:
    """Seven ways, 29 times each: 203 rounds."""
    for _ in range(29):
        assert_clean(project, [release], way)
