"""In a release export nothing of the profiler runs, not even when the game is told to connect to a debugger."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tasks import godot as godot_task
from tests.godot_projects import ROOT, GodotProject

SCRIPT = Path(__file__).parent / "release_game.gd"
SCENE = """[gd_scene load_steps=2 format=3]

[ext_resource type="Script" path="res://release_game.gd" id="1"]

[node name="Game" type="Node"]
script = ExtResource("1")
"""


def export(project: GodotProject, kind: str, target: Path) -> Path:
    """The game, exported with the template for `debug` or `release`."""
    templates = godot_task.ensure().templates
    if templates is None:
        pytest.skip("this machine's own Godot has no export templates of ours")
    (project.path / "release_game.gd").write_text(SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    (project.path / "main.tscn").write_text(SCENE, encoding="utf-8")
    settings = (project.path / "project.godot").read_text(encoding="utf-8")
    if "main_scene" not in settings:
        settings = settings.replace("[application]\n", '[application]\n\nrun/main_scene="res://main.tscn"\n', 1)
        (project.path / "project.godot").write_text(settings, encoding="utf-8")
    presets = (ROOT / "sample_project" / "export_presets.cfg").read_text(encoding="utf-8")
    for name in ("debug", "release"):
        presets = presets.replace(f'{name}=""', f'{name}="{templates / f"godot-template-{name}"}"')
    (project.path / "export_presets.cfg").write_text(presets, encoding="utf-8")
    target.mkdir()
    run = project.run(f"--export-{kind}", "Linux", target / "game.x86_64", timeout=300)
    assert run.status == 0, run.output
    return target / "game.x86_64"


def play(game: Path, *arguments: str | Path) -> tuple[dict[str, Any], str]:
    """What the game found of the profiler, and what it printed."""
    run = subprocess.run(
        [game, "--headless", *arguments],
        env={**os.environ, "XDG_DATA_HOME": str(game.parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = [line for line in run.stdout.splitlines() if line.startswith("@@GAME ")]
    found: dict[str, Any] = json.loads(lines[0].removeprefix("@@GAME ")) if lines else {}
    return found, run.stdout + run.stderr


@contextmanager
def debugger() -> Iterator[tuple[str, bytearray]]:
    """Where a game can connect to, and what it sends there."""
    received = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        listener = threading.Thread(target=listen, args=(server, received), daemon=True)
        listener.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}", received
        listener.join(1)


def listen(server: socket.socket, received: bytearray) -> None:
    """Keeps what the game sends."""
    try:
        connection, _ = server.accept()
        with connection:
            while data := connection.recv(1 << 16):
                received += data
    except OSError:
        return


def test_nothing_of_the_profiler_runs_in_a_release_export(
    models: Path, project: Callable[..., GodotProject], tmp_path: Path
) -> None:
    made = project()
    model = models / "linear_xnnpack.pte"
    game = export(made, "release", tmp_path / "release")
    found, output = play(game, "--", model)
    assert found.pop("calls") == 60, output
    assert found.pop("nodes") == 2, "the root and the game"
    assert not any(found.values()), found
    with debugger() as (uri, received):
        found, output = play(game, "--remote-debug", uri, "--", model)
    assert not received
    assert not found and "compiled without debug" in output, "the template knows no debugger"

    # The same game, exported for debugging, has all of it: so what was looked for above can be found.
    game = export(made, "debug", tmp_path / "debug")
    with debugger() as (uri, received):
        found, output = play(game, "--remote-debug", uri, "--", model)
    assert b"executorch:hello" in received and b"executorch:calls" in received, output
    assert found.pop("calls") == 60 and found.pop("nodes") == 2
    found.pop("logged")  # was read just now, perhaps
    assert all(found.values()), found
