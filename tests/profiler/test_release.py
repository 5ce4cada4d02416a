"""In a release export nothing of the profiler runs, even with the option to connect to a debugger."""

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

from tests.godot_projects import GodotProject

SCRIPT = Path(__file__).parent / "games" / "release_game.gd"


def export(project: GodotProject, kind: str, target: Path) -> Path:
    """The game, exported with the template for `debug` or `release`."""
    project.add_scene("release_game", SCRIPT.read_text(encoding="utf-8"), is_main=True)
    run = project.export(target / "game.x86_64", kind)
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
    assert not [*game.parent.rglob("*etdump*")], "tracing's library is for debugging"
    with debugger() as (uri, received):
        found, output = play(game, "--remote-debug", uri, "--", model)
    assert not received
    assert not found and "compiled without debug" in output, "the template knows no debugger"

    # The same game, exported for debugging, has all of it: so what was looked for above can be found.
    game = export(made, "debug", tmp_path / "debug")
    assert len([*game.parent.rglob("*etdump*")]) == 2
    with debugger() as (uri, received):
        found, output = play(game, "--remote-debug", uri, "--", model)
    assert b"executorch:hello" in received and b"executorch:calls" in received, output
    assert found.pop("calls") == 60 and found.pop("nodes") == 2
    found.pop("logged")  # was read just now, perhaps
    assert all(found.values()), found
